import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  runModule,
  testContext,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { make } from '../commands/make.ts';
import { alternatives, parseDisplay } from './alternatives.ts';
import { selinux } from './selinux.ts';

describe('make', () => {
  before(function () {
    onlyWithPrograms(this, 'make');
  });
  const MAKEFILE = `all: out\nout: in\n\tcp in out\n\t@echo made $(WHAT)\nfail:\n\t@echo broken >&2; exit 3\n`;
  const inDirectory = (test: (dir: string) => Promise<void>) =>
    withTemporaryDirectory(async dir => {
      writeFileSync(join(dir, 'Makefile'), MAKEFILE);
      writeFileSync(join(dir, 'in'), 'x');
      await test(dir);
    });

  it('runs only when there is something to do', () =>
    inDirectory(async chdir => {
      const raw = { chdir, target: 'all', params: { WHAT: 'it all' }, jobs: 2 };
      expect((await runModule(make, raw, { checkMode: true })).changed).to.equal(true);
      const first = await runModule(make, raw);
      expect(first).to.include({ changed: true });
      expect(first.stdout).to.include('made it all');
      expect(first.command).to.match(/make -j 2 all 'WHAT=it all'$/);
      expect((await runModule(make, raw)).changed).to.equal(false);
    }));
  it('shows the end of what failed', () =>
    inDirectory(async chdir => {
      const result = await runModule(make, { chdir, target: 'fail' });
      expect(result).to.include({ failed: true, rc: 2 });
      expect(result.msg).to.include('broken');
    }));
  it('says that the directory or make is missing', async () => {
    expect((await runModule(make, { chdir: '/no/such' })).msg).to.match(/\/no\/such/);
    expect((await runModule(make, { chdir: '/', make: '/no/make' })).msg).to.match(
      /Failed to find required executable/,
    );
  });
});

const DISPLAY = `editor - auto mode
  link best version is /usr/bin/vim
  link currently points to /usr/bin/vim
  link editor is /usr/bin/editor
  slave editor.1.gz is /usr/share/man/man1/editor.1.gz
/bin/nano - priority 40
  slave editor.1.gz: /usr/share/man/man1/nano.1.gz
/usr/bin/vim - priority 60
`;

describe('alternatives', () => {
  function commands(raw: Record<string, Json>, exists = true, display = DISPLAY): readonly string[] {
    if (alternatives.kind !== 'state') throw new Error('alternatives has a state');
    const args = finishedArguments(alternatives, { name: 'editor', ...raw }) as never;
    const stdout = recordsText({ ...(exists && { exists: '' }), display });
    const found = replaySteps(alternatives.probe(args, testContext()), [{ stdout }]).value as never;
    const plan = alternatives.diff(found, args, testContext());
    if (plan.changes.length === 0) return [];
    const { requests } = replaySteps(alternatives.apply(found, args, testContext(), plan), [{}]);
    return (requests[0] as { script: string }).script
      .split('\n')
      .slice(1)
      .map(l => l.replace(' || exit $?', ''));
  }
  it('reads what there is', () => {
    const found = parseDisplay(DISPLAY);
    expect(found).to.include({ mode: 'auto', current: '/usr/bin/vim', link: '/usr/bin/editor' });
    expect(found.alternatives.get('/bin/nano')).to.deep.equal({
      priority: 40,
      followers: [
        {
          name: 'editor.1.gz',
          path: '/usr/share/man/man1/nano.1.gz',
          link: '/usr/share/man/man1/editor.1.gz',
        },
      ],
    });
  });
  it('does what is needed', () => {
    expect(commands({ path: '/usr/bin/vim' })).to.deep.equal([]);
    expect(commands({ path: '/bin/nano' })).to.deep.equal(['update-alternatives --set editor /bin/nano']);
    expect(commands({ path: '/bin/ed', state: 'present' })).to.deep.equal([
      'update-alternatives --install /usr/bin/editor editor /bin/ed 50',
    ]);
    expect(commands({ path: '/usr/bin/vim', priority: 70 })).to.deep.equal([
      'update-alternatives --install /usr/bin/editor editor /usr/bin/vim 70',
    ]);
    expect(commands({ path: '/bin/nano', state: 'absent' })).to.deep.equal([
      'update-alternatives --remove editor /bin/nano',
    ]);
    expect(
      commands({ path: '/bin/nano', state: 'auto' }, true, DISPLAY.replace('auto mode', 'manual mode')),
    ).to.deep.equal(['update-alternatives --auto editor']);
  });
  it('says what is missing', () => {
    expect(() => commands({ path: '/bin/ed' }, false)).to.throw('Specified path /bin/ed does not exist');
    expect(() => commands({ path: '/bin/ed' }, true, '')).to.throw('missing the link');
  });
  it('reads this machine', async function () {
    onlyWithPrograms(this, 'update-alternatives');
    const result = await runModule(alternatives, { name: 'awk', path: '/no/such/awk' }, { checkMode: true });
    expect(result.msg).to.equal('Specified path /no/such/awk does not exist');
  });
});

describe('selinux', () => {
  function plan(raw: Record<string, Json>, mode: string | undefined, text: string | undefined) {
    if (selinux.kind !== 'state') throw new Error('selinux has a state');
    const args = finishedArguments(selinux, raw) as never;
    const stat = '81a4|0|0|1|1|1|1|1|1|1|root|root';
    const stdout = recordsText({
      ...(mode !== undefined && { mode }),
      ...{ path: '/etc/selinux/config', umask: '0022\n', parent: 'writable' },
      ...(text !== undefined && { stat, readable: '', own: '', content: text }),
    });
    return selinux.diff(
      replaySteps(selinux.probe(args, testContext()), [{ stdout }]).value as never,
      args,
      testContext(),
    );
  }
  const CONFIG = '# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n';
  it('changes mode and configuration', () => {
    expect(plan({ state: 'enforcing', policy: 'targeted' }, '1', CONFIG).changes).to.deep.equal([]);
    const permissive = plan({ state: 'permissive', policy: 'targeted' }, '1', CONFIG);
    expect(permissive.changes).to.have.length(2);
    expect(permissive.diff?.[0]?.after).to.equal('# c\nSELINUX=permissive\nSELINUXTYPE=targeted\n');
    expect(plan({ state: 'disabled' }, '0', CONFIG).result).to.include({ reboot_required: true });
    expect(
      plan({ state: 'disabled' }, undefined, CONFIG.replace('enforcing', 'disabled')).changes,
    ).to.deep.equal([]);
  });
  it('refuses what cannot be', () => {
    expect(() => plan({ state: 'enforcing' }, '1', CONFIG)).to.throw('Policy is required');
    expect(() => plan({ state: 'disabled' }, undefined, undefined)).to.throw(
      'Unable to find file /etc/selinux/config',
    );
  });
});
