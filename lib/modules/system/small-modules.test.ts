import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { finishedArguments, replaySteps, runModule, testContext } from '../../../test/support/run-module.ts';
import { getent, parseEntries } from '../accounts/getent.ts';
import type { Module, Plan } from '../kit/define.ts';
import { hostname } from './hostname.ts';
import { localeGen, switchLocale } from './locale_gen.ts';
import { timezone } from './timezone.ts';

function planFor(module: Module, raw: Record<string, string>, stdout: string): Plan {
  if (module.kind !== 'state') throw new Error(`${module.name} has a state`);
  const args = finishedArguments(module, raw) as never;
  return module.diff(
    replaySteps(module.probe(args, testContext()), [{ stdout }]).value as never,
    args,
    testContext(),
  );
}

describe('getent', () => {
  it('reads an entry into facts', async function () {
    onlyWithPrograms(this, 'getent');
    const result = await runModule(getent, { database: 'passwd', key: 'root' });
    const facts = result.ansible_facts as { getent_passwd: { root: string[] } };
    expect(facts.getent_passwd.root.slice(1, 3)).to.deep.equal(['0', '0']);
  });
  it('fails for a missing key, or gives null', async function () {
    onlyWithPrograms(this, 'getent');
    const args = { database: 'passwd', key: 'nosuch-user' };
    expect((await runModule(getent, args)).msg).to.equal(
      'One or more supplied key could not be found in the database.',
    );
    expect((await runModule(getent, { ...args, fail_key: false })).ansible_facts).to.deep.equal({
      getent_passwd: { 'nosuch-user': null },
    });
    expect((await runModule(getent, { database: 'nosuch' })).msg).to.equal(
      'Missing arguments, or database unknown.',
    );
  });
  it('makes a list of several entries with one key', () => {
    expect(parseEntries('a:1\nb:2\na:3\n', ':')).to.deep.equal({ a: [['1'], ['3']], b: ['2'] });
    expect(parseEntries('127.0.0.1   localhost vm\n', undefined)).to.deep.equal({
      '127.0.0.1': ['localhost', 'vm'],
    });
  });
});

describe('hostname', () => {
  const answer = 'current old\nstrategy file\npermanent old\nfqdn old.x.y\n';
  it('changes the name now and for the boot', () => {
    const plan = planFor(hostname, { name: 'new.x.y' }, answer);
    expect(plan.changes).to.have.length(2);
    expect(plan.result?.ansible_facts).to.deep.equal({
      ansible_hostname: 'new',
      ansible_nodename: 'new.x.y',
      ansible_fqdn: 'new.x.y',
      ansible_domain: 'x.y',
    });
  });
  it('has nothing to do', () => {
    const plan = planFor(hostname, { name: 'old' }, answer);
    expect(plan.changes).to.deep.equal([]);
    expect(plan.result?.ansible_facts).to.include({ ansible_fqdn: 'old.x.y', ansible_domain: 'x.y' });
  });
  it('refuses what is no name', () => {
    expect(() => planFor(hostname, { name: 'a b' }, answer)).to.throw('is not a host name');
  });
  it('reads this machine', async () => {
    const result = await runModule(hostname, { name: 'pptest' }, { checkMode: true });
    expect(result.changed).to.equal(true);
  });
});

describe('timezone', () => {
  it('compares with the link', () => {
    const answer = 'link /usr/share/zoneinfo/Etc/UTC\nfile Etc/UTC\nexists\n';
    expect(planFor(timezone, { name: 'Europe/Berlin' }, answer).changes).to.deep.equal([
      'time zone Etc/UTC → Europe/Berlin',
    ]);
    expect(planFor(timezone, { name: 'Etc/UTC', hwclock: 'UTC' }, answer).changes).to.deep.equal([]);
    expect(planFor(timezone, { hwclock: 'local' }, answer).changes).to.deep.equal([
      'hardware clock UTC → local',
    ]);
  });
  it('refuses a zone that does not exist', () => {
    expect(() => planFor(timezone, { name: 'Mars/Base' }, 'link x\n')).to.throw(
      'Mars/Base is not an available time zone',
    );
  });
});

describe('locale_gen', () => {
  it('switches lines on and off', () => {
    const text = '# en_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n';
    expect(switchLocale(text, 'en_US.UTF-8', 'UTF-8', true)).to.equal(
      'en_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n',
    );
    expect(switchLocale(text, 'de_DE.UTF-8', 'UTF-8', false)).to.equal(
      '# en_US.UTF-8 UTF-8\n# de_DE.UTF-8 UTF-8\n',
    );
    expect(switchLocale(text, 'fr_FR', 'ISO-8859-1', true)).to.equal(`${text}fr_FR ISO-8859-1\n`);
  });
  it('refuses a locale nobody has heard of', async () => {
    const result = await runModule(localeGen, { name: 'xx_YY.UTF-8' }, { checkMode: true });
    expect(result.msg).to.match(/^The locale you've entered is not available on your system: xx_YY\.UTF-8/);
  });
});
