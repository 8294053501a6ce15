import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { findModule } from '../../lib/engine/module-list.ts';
import type { Result } from '../../lib/modules/kit/define.ts';
import type { Json } from '../../lib/source/value.ts';
import { runModule, type TestOptions } from '../support/run-module.ts';
import { type ScratchSystem, scratchSystem } from '../support/scratch-system.ts';

/**
 * Root works in the directory of a user who wants to become root. All of it happens in a copy of this machine, with
 * mounts of its own.
 */
describe('attacks: links and races where others can write', function () {
  this.timeout(120_000);
  let copy: ScratchSystem;
  const HOME = '/srv/mallory';

  before(async function () {
    copy = await scratchSystem(this);
    copy.run(`useradd --no-create-home --home-dir ${HOME} --shell /bin/sh mallory`);
  });
  after(() => copy?.end());

  beforeEach(() => {
    copy.run(`rm -rf ${HOME} /srv/victim /root/.ssh; mkdir -p ${HOME} /srv/victim /root/.ssh
      chown mallory: ${HOME}; chmod 755 ${HOME}; chmod 700 /root/.ssh /srv/victim
      echo 'root:secret' >/srv/victim/shadow; chmod 600 /srv/victim/shadow`);
  });

  const asMallory = (script: string) =>
    copy.run(`setpriv --reuid mallory --regid mallory --clear-groups sh -ec '${script}'`);
  const shown = (script: string): string => {
    const [program = '', ...words] = copy.enter;
    return spawnSync(program, [...words, 'sh', '-c', script], { encoding: 'utf8' }).stdout;
  };
  const state = () =>
    shown('cd /srv/victim; find . /root/.ssh -exec stat -c "%n %U %a" {} +; cat shadow; ls /root/.ssh');
  const run = (name: string, args: Record<string, Json>, options: TestOptions = {}): Promise<Result> =>
    runModule(findModule(name)!, args, { enter: copy.enter, ...options });

  const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB6D0yAnGVCyhBY2zQFTPNGnP2tmSkaWSYtSaQnPQzyA mallory';

  for (const shell of ['dash', 'bash', 'busybox'] as const) {
    it(`no key goes through .ssh when that is a link, with ${shell}`, async () => {
      for (const args of [{}, { manage_dir: false }, { follow: true }]) {
        asMallory('rm -rf ~mallory/.ssh; ln -s /root/.ssh ~mallory/.ssh');
        const before = state();
        const result = await run('authorized_key', { user: 'mallory', key: KEY, ...args }, { shell });
        expect(result.failed, JSON.stringify(args)).to.equal(true);
        expect(result.msg).to.match(/symbolic link .*mallory\/\.ssh belongs to user \d+.*not followed/);
        expect(state()).to.equal(before);
      }
    });

    it(`what a link leads to is never given away with the file, with ${shell}`, async () => {
      asMallory('mkdir -m 700 ~mallory/.ssh; ln -s /srv/victim/shadow ~mallory/.ssh/authorized_keys');
      const before = state();
      await run('authorized_key', { user: 'mallory', key: KEY }, { shell });
      expect(shown(`cat ${HOME}/.ssh/authorized_keys`)).to.equal(`${KEY}\n`);
      expect(state()).to.equal(before);
      for (const [name, args] of Object.entries({
        lineinfile: { line: 'x' },
        blockinfile: { block: 'x' },
        copy: { content: 'x', follow: true },
        file: { owner: 'mallory', mode: '0644' },
      })) {
        asMallory('rm -f ~mallory/f; ln -s /srv/victim/shadow ~mallory/f');
        const result = await run(name, { dest: `${HOME}/f`, ...args }, { shell });
        expect(result.msg, name).to.match(/belongs to user/);
        expect(state(), name).to.equal(before);
      }
    });

    it(`recurse changes nothing that another one's link leads to, with ${shell}`, async () => {
      for (const follow of [true, false]) {
        asMallory(
          'mkdir -p ~mallory/d/e; echo x >~mallory/d/e/f; ln -sfn /srv/victim/shadow ~mallory/d/e/g; ln -sfn /srv/victim ~mallory/d/h',
        );
        const before = state();
        const args = { path: `${HOME}/d`, state: 'directory', recurse: true, owner: 'mallory', mode: '0755' };
        const result = await run('file', { ...args, follow }, { shell });
        expect(result.failed, JSON.stringify(result)).to.equal(undefined);
        expect(state(), `follow ${follow}`).to.equal(before);
        expect(shown(`stat -c '%U %a' ${HOME}/d/e/f`)).to.equal('mallory 755\n');
      }
    });

    it(`follow: false of recurse leaves what root's link leads to alone, with ${shell}`, async () => {
      copy.run(`mkdir ${HOME}/d; ln -s /srv/victim/shadow ${HOME}/d/l`);
      const args = { path: `${HOME}/d`, state: 'directory', recurse: true, owner: 'mallory', follow: false };
      await run('file', args, { shell });
      expect(shown('stat -c %U /srv/victim/shadow')).to.equal('root\n');
      expect(shown(`stat -c %U ${HOME}/d/l`)).to.equal('mallory\n');
    });
  }

  it('a link of root, and one that leads to what is its owner’s, is followed', async () => {
    copy.run(
      `mkdir /srv/keys; chown mallory /srv/keys; ln -s /srv/keys ${HOME}/.ssh; ln -s ${HOME} /srv/home`,
    );
    const result = await run('authorized_key', { user: 'mallory', key: KEY });
    expect([result.failed, shown('cat /srv/keys/authorized_keys')]).to.deep.equal([undefined, `${KEY}\n`]);
    asMallory(
      'mkdir ~mallory/real; ln -s real ~mallory/mine; echo a >~mallory/real/f; ln -s real/f ~mallory/f',
    );
    for (const path of ['/srv/home/mine/f', `${HOME}/f`]) {
      const edit = await run('lineinfile', { path, line: path });
      expect(edit.failed, JSON.stringify(edit)).to.equal(undefined);
    }
    expect(shown(`cat ${HOME}/real/f`)).to.equal(`a\n/srv/home/mine/f\n${HOME}/f\n`);
  });

  it('the public half of a key pair goes to no file that somebody prepared', async () => {
    const args = { path: `${HOME}/key`, type: 'ed25519' };
    asMallory('ln -s /srv/victim/shadow ~mallory/key.pub.tmp; ln -s /srv/victim/shadow ~mallory/key.pub');
    const before = state();
    const result = await run('openssh_keypair', args);
    expect(result.failed, JSON.stringify(result)).to.equal(undefined);
    expect(state()).to.equal(before);
    expect(shown(`cat ${HOME}/key.pub`)).to.match(/^ssh-ed25519 /);
  });

  it('generate_ssh_key makes nothing where a link leads', async () => {
    asMallory('ln -s /root/.ssh ~mallory/.ssh');
    const before = state();
    const args = { name: 'mallory', generate_ssh_key: true, ssh_key_type: 'ed25519' };
    const result = await run('user', args);
    expect(result.failed).to.equal(true);
    expect(state()).to.equal(before);
    asMallory('rm ~mallory/.ssh');
    const made = await run('user', args);
    expect(made.failed, JSON.stringify(made)).to.equal(undefined);
    expect(shown(`stat -c '%n %U %a' ${HOME}/.ssh ${HOME}/.ssh/id_ed25519*`)).to.equal(
      `${HOME}/.ssh mallory 700\n${HOME}/.ssh/id_ed25519 mallory 600\n${HOME}/.ssh/id_ed25519.pub mallory 644\n`,
    );
  });

  it('what decides who may write to the disks is kept in no folder of others', async () => {
    asMallory(
      'echo 10.0.0.1 >~mallory/allow; for f in allow record lock; do ln -s /srv/victim/shadow ~mallory/$f.new; ln -s /srv/victim/made ~mallory/$f.lock; done',
    );
    const before = state();
    const tasks: [string, Record<string, Json>][] = [
      ['polardb_fence', { address: '10.0.0.1', fenced: true, authfile: `${HOME}/allow`, port: 1 }],
      ['polardb_fence', { address: '10.0.0.2', fenced: false, authfile: `${HOME}/allow`, port: 1 }],
      ['polardb_record', { path: `${HOME}/record`, cluster: 'c', initial_primary: 'a', nodes: { a: 1 } }],
    ];
    for (const [name, args] of tasks) {
      const result = await run(name, args);
      expect(result.msg, name).to.match(/can be written by others than root/);
      expect(state(), name).to.equal(before);
    }
    copy.run(
      `rm -rf /run/polar; mkdir -m 777 /run/polar; ln -s /srv/victim/shadow /run/polar/cluster.lock.owner`,
    );
    const locked = await run('polardb_lock', { state: 'held', wait: 1 });
    expect(locked.msg).to.match(/can be written by others than root/);
    expect(state()).to.equal(before);
    copy.run('rm -rf /run/polar');
  });

  describe('with somebody who watches', () => {
    let watcher: ChildProcess | undefined;
    afterEach(() => watcher?.kill('SIGKILL'));

    /** Perl that replaces each new temporary file in a directory by a link, as fast as it can, for 20 s at most. */
    const watch = async (directory: string, pattern: string): Promise<void> => {
      const script = `alarm 20; $| = 1; chdir "${directory}" or die; print "on\\n"; my $n = 0;
        while (1) { opendir my $d, "." or next; for my $f (readdir $d) { next if $f !~ /${pattern}/ or -l $f;
          rename $f, "taken" . $n++; symlink "/srv/victim/shadow", $f; } closedir $d }`;
      const words = [
        'setpriv',
        '--reuid',
        'mallory',
        '--regid',
        'mallory',
        '--clear-groups',
        'perl',
        '-e',
        script,
      ];
      const [program = '', ...enter] = copy.enter;
      watcher = spawn(program, [...enter, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
      await new Promise(resolve => watcher?.stdout?.once('data', resolve));
    };

    const won = () => shown(`ls ${HOME}/.ssh ${HOME} | grep -c taken`).trim();

    it('no file elsewhere gets the owner or the mode of the new one', async () => {
      asMallory('mkdir -m 700 ~mallory/.ssh');
      const before = state();
      await watch(`${HOME}/.ssh`, '\\.tmp$');
      for (let i = 0; i < 12; i++)
        await run('authorized_key', { user: 'mallory', key: KEY, comment: `key${i}`, exclusive: true });
      for (let i = 0; i < 6; i++) {
        const args = { dest: `${HOME}/.ssh/config`, content: `${i}`, owner: 'mallory', mode: '0644' };
        await run('copy', { ...args, backup: true, validate: 'sleep 0.1 %s' });
      }
      expect(Number(won()), 'temporary files were taken away').to.be.greaterThan(0);
      expect(state()).to.equal(before);
    });

    it('nor does one that is touched, made or changed there', async () => {
      const before = state();
      await watch(HOME, '^new');
      for (let i = 0; i < 10; i++) {
        await run('file', { path: `${HOME}/new${i}`, state: 'touch', owner: 'mallory', mode: '0644' });
        await run('file', { path: `${HOME}/newdir${i}`, state: 'directory', owner: 'mallory', mode: '0755' });
      }
      expect(Number(won()), 'files were taken away').to.be.greaterThan(0);
      expect(state()).to.equal(before);
    });
  });
});
