import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  finishedArguments,
  recordsOf,
  recordsText,
  replaySteps,
  runModule,
  testContext,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { ActionModule, Result } from '../kit/define.ts';
import { parseServices } from '../services/service_facts.ts';
import { npm, parseList } from './npm.ts';
import { packageFacts } from './package_facts.ts';
import { compareReleases, parseRequirement, pip, satisfies } from './pip.ts';

describe('pip', () => {
  const cases: readonly [string, string, boolean | undefined][] = [
    ['six', '1.0', true],
    ['six==1.16.0', '1.16', true],
    ['six==1.15', '1.16', false],
    ['six>=1.10,<2', '1.16.0', true],
    ['six>=2', '1.16', false],
    ['six!=1.16', '1.16', false],
    ['six==1.*', '1.16', true],
    ['six~=1.4', '1.16', undefined],
    ['six==1.0rc1', '1.0', undefined],
    ['six>1.16', '1.16.1', true],
  ];
  for (const [text, version, expected] of cases)
    it(`${text} with ${version}: ${expected}`, () =>
      expect(satisfies(version, parseRequirement(text))).to.equal(expected));

  it('compares names as pip does', () => {
    expect(parseRequirement('Psycopg2_Binary[c]>=2').name).to.equal('psycopg2-binary');
    expect(parseRequirement('git+https://x/y.git').name).to.equal(undefined);
    expect(parseRequirement('six', '1.2')).to.deep.include({ text: 'six==1.2', specifiers: [['==', '1.2']] });
    expect(compareReleases('1.10', '1.9')).to.equal(1);
  });

  const run = (raw: Record<string, string>, replies: string[], checkMode = false) => {
    const steps = (pip as ActionModule).run(finishedArguments(pip, raw) as never, testContext({ checkMode }));
    return replaySteps(
      steps,
      replies.map(stdout => ({ stdout })),
    );
  };

  it('asks once when all is there', () => {
    expect((run({ name: 'six' }, ['six==1.16.0\n']).value as Result).changed).to.equal(false);
    expect((run({ name: 'six', state: 'absent' }, ['']).value as Result).changed).to.equal(false);
  });
  it('installs, and counts a new environment as a change', () => {
    const { value, requests } = run({ name: 'six', version: '1.17', virtualenv: '/v' }, [
      'made\n',
      'Successfully installed six-1.17\n',
    ]);
    expect((value as Result).changed).to.equal(true);
    expect((requests[1] as { script: string }).script).to.match(/run_pip install +six==1\.17$/);
    expect((run({ name: 'six', virtualenv: '/v' }, ['made\nsix==1.0\n']).value as Result).changed).to.equal(
      true,
    );
  });
});

describe('npm', () => {
  it('reads what is installed and what is missing', () => {
    const { found, missing } = parseList(
      '{"dependencies":{"a":{"version":"1.0.0"},"b":{"required":"^2","missing":true}}}',
    );
    expect([...found]).to.deep.equal([['a', '1.0.0']]);
    expect(missing).to.deep.equal(['b']);
    expect(parseList('').found.size).to.equal(0);
  });
  const decide = (raw: Record<string, string | boolean>, list: string, more = '') => {
    const steps = (npm as ActionModule).run(
      finishedArguments(npm, { path: '/a', ...raw }) as never,
      testContext(),
    );
    return replaySteps(steps, [{ stdout: recordsText({ list }) + more }, {}])
      .requests.slice(1)
      .map(r => (r as { script: string }).script.split('\n').at(-1));
  };
  it('does what is needed', () => {
    const has = '{"dependencies":{"pm2":{"version":"5.3.0"}}}';
    expect(decide({ name: 'pm2' }, has)).to.deep.equal([]);
    expect(decide({ name: 'pm2', version: '5.3.1' }, has)).to.deep.equal(['npm install pm2@5.3.1']);
    expect(decide({ name: 'pm2', state: 'absent' }, has)).to.deep.equal(['npm uninstall pm2']);
    expect(
      decide({ name: 'pm2', state: 'latest' }, has, recordsText({ outdated: '{"pm2":{}}' })),
    ).to.deep.equal(['npm install pm2@latest']);
    expect(decide({ ci: true, production: true }, has)).to.deep.equal(['npm ci --omit=dev']);
    expect(decide({}, has)).to.deep.equal([]);
  });
  it('wants a directory, unless it is for the whole host', async () => {
    await withTemporaryDirectory(async () => {
      expect((await runModule(npm, { name: 'x' })).msg).to.equal(
        'path must be specified when not using global',
      );
    });
  });
});

describe('package_facts', () => {
  it('lists the packages of this machine', async function () {
    onlyWithPrograms(this, 'dpkg-query');
    const { ansible_facts: facts } = await runModule(packageFacts, {}, { checkMode: true });
    const { packages } = facts as unknown as {
      packages: Record<string, { version: string; source: string }[]>;
    };
    expect(packages.bash?.[0]).to.include({ source: 'apt' });
    expect(Object.keys(packages).length).to.be.greaterThan(50);
  });
  it('refuses a manager nobody knows', async () => {
    expect((await runModule(packageFacts, { manager: 'brew' })).msg).to.equal(
      'Unsupported package managers requested: brew',
    );
  });
  it('reads rpm', () => {
    const steps = (packageFacts as ActionModule).run(
      finishedArguments(packageFacts, {}) as never,
      testContext(),
    );
    const { value } = replaySteps(steps, [
      { stdout: recordsText({ rpm: 'bash\t5.1.8\t6.el9\t(none)\tx86_64\nbind\t9.16\t1.el9\t32\tx86_64\n' }) },
    ]);
    expect((value as Result).ansible_facts?.packages).to.deep.equal({
      bash: [
        { name: 'bash', version: '5.1.8', release: '6.el9', epoch: null, arch: 'x86_64', source: 'rpm' },
      ],
      bind: [{ name: 'bind', version: '9.16', release: '1.el9', epoch: 32, arch: 'x86_64', source: 'rpm' }],
    });
  });
});

describe('service_facts', () => {
  const said = (values: Record<string, string>) => recordsOf(recordsText(values));
  it('reads systemd', () => {
    const found = parseServices(
      said({
        units: `  ssh.service                loaded    active   running OpenBSD Secure Shell server
● nbd.service                loaded    failed   failed  NBD
● gone.service               not-found inactive dead    gone.service
  once.service               loaded    active   exited  Once
`,
        files: `ssh.service enabled enabled
nbd.service disabled enabled
idle.service static -
`,
      }),
    );
    expect(found['ssh.service']).to.deep.equal({
      name: 'ssh.service',
      state: 'running',
      status: 'enabled',
      source: 'systemd',
    });
    expect(found['nbd.service']).to.include({ state: 'stopped', status: 'failed' });
    expect(found['gone.service']).to.include({ status: 'not-found' });
    expect(found['once.service']).to.include({ state: 'stopped', status: 'active' });
    expect(found['idle.service']).to.include({ state: 'inactive', status: 'static' });
  });
  it('reads init scripts and OpenRC', () => {
    expect(parseServices(said({ sysv: ' [ + ]  cron\n [ - ]  x11-common\n' }))).to.deep.equal({
      cron: { name: 'cron', state: 'running', source: 'sysv' },
      'x11-common': { name: 'x11-common', state: 'stopped', source: 'sysv' },
    });
    const found = parseServices(
      said({ openrc: 'Runlevel: default\n sshd     [  started  ]\n', levels: '   sshd | default\n' }),
    );
    expect(found.sshd).to.deep.equal({
      name: 'sshd',
      runlevels: ['default'],
      state: 'started',
      source: 'openrc',
    });
  });
});
