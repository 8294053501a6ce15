import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Sshd, startSshd, whyNoSshd } from '../../../test/support/sshd.ts';
import { addUser, isInstalled, type TestUser } from '../../../test/support/users.ts';
import { type Become, BecomeError, type Connection } from '../connection.ts';
import { createPool, type Pool } from '../pool.ts';

describe('become on a real host', () => {
  let sshd: Sshd;
  let pool: Pool;
  let bob: TestUser;
  let alice: TestUser;
  let directory: string;

  const login = (): Connection => pool.connection({ ...sshd.settings, user: bob.name });
  const sudo = (more: Partial<Become> = {}): Connection =>
    login().as({ method: 'sudo', user: 'root', ...more });
  const whoami = async (connection: Connection): Promise<string> =>
    (await connection.run({ script: 'id -un' })).stdout.toString().trim();

  /** The error, which must come soon: nobody may wait for a prompt that nobody sees. */
  async function refused(connection: Connection): Promise<Error> {
    const started = Date.now();
    const outcome = await connection.run({ script: 'id -un' }).then(
      reply => new Error(`it worked, as ${reply.stdout}`),
      (error: Error) => error,
    );
    expect(outcome).to.be.instanceOf(BecomeError);
    expect(Date.now() - started).to.be.below(12_000);
    return outcome;
  }

  before(async function () {
    const missing = ['sudo', 'su', 'useradd'].filter(name => !isInstalled(name));
    const why =
      whyNoSshd() ??
      (missing.length > 0 ? `become tests are skipped: no ${missing.join(', ')} here` : undefined);
    if (why) {
      console.log(why);
      this.skip();
    }
    directory = mkdtempSync(join(tmpdir(), 'polarplay-become-'));
    sshd = await startSshd();
    bob = addUser('/bin/bash');
    alice = addUser('/bin/dash');
  });
  beforeEach(() => {
    pool = createPool();
  });
  afterEach(() => pool.close());
  after(async () => {
    bob?.remove();
    alice?.remove();
    await sshd?.stop();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  for (const pty of ['!use_pty', 'use_pty']) {
    describe(`sudo with ${pty}`, () => {
      const rule = (what: string): void =>
        bob.sudo(`ALL=(ALL) ${what}\nDefaults:${bob.name} ${pty},lecture=always`);

      it('needs no password where sudoers says so, and does not use one that is given', async () => {
        rule('NOPASSWD: ALL');
        expect(await whoami(sudo())).to.equal('root');
        expect(await whoami(sudo({ user: alice.name }))).to.equal(alice.name);
        expect(await whoami(sudo({ password: 'touch /tmp/this-is-no-command' }))).to.equal('root');
        expect(existsSync('/tmp/this-is-no-command')).to.equal(false);
        expect(await whoami(login())).to.equal(bob.name);
      });

      it('takes a password, which shows nowhere', async () => {
        rule('ALL');
        const root = sudo({ password: bob.password });
        expect(await whoami(root)).to.equal('root');
        const reply = await root.run({
          script: `read -r secret; said=$(cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n')
            case $said in *"$secret"*) echo shown ;; *) echo hidden ;; esac`,
          stdin: `${bob.password}\n`,
        });
        expect(reply.stdout.toString()).to.equal('hidden\n');
      });

      it('keeps all bytes, both streams apart and the exit code', async () => {
        rule('NOPASSWD: ALL');
        const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 256));
        const reply = await sudo().run({ script: 'cat; echo err >&2; exit 7', stdin: bytes });
        expect([reply.rc, reply.stdout.equals(bytes), reply.stderr.toString()]).to.deep.equal([
          7,
          true,
          'err\n',
        ]);
        const many = Array.from({ length: 50 }, (_, i) => sudo().run({ script: `echo ${i}` }));
        expect((await Promise.all(many)).map(each => each.stdout.toString())).to.deep.equal(
          many.map((_, i) => `${i}\n`),
        );
      });

      it('kills what runs too long as root', async () => {
        rule('NOPASSWD: ALL');
        const started = Date.now();
        const reply = await sudo().run({ script: 'sleep 4711 & sleep 4711', timeoutMs: 300 });
        const left = await sudo().run({ script: 'pgrep -xf "sleep 4711"; echo done' });
        expect([reply.timedOut, left.stdout.toString()]).to.deep.equal([true, 'done\n']);
        expect(Date.now() - started).to.be.below(20_000);
      });

      it('goes on after a script that killed its shell', async () => {
        rule('NOPASSWD: ALL');
        expect((await sudo().run({ script: 'kill -9 $$; sleep 5' })).rc).to.equal(137);
        expect(await whoami(sudo())).to.equal('root');
      });

      it('sends and receives as the other user', async () => {
        rule('ALL');
        const root = sudo({ password: bob.password });
        const bytes = Buffer.alloc(3_000_000, '\xff\x00\r\n\x04\x03', 'latin1');
        const path = join('/root', `.polarplay-${alice.name}`);
        await root.send(bytes, path, { mode: '600' });
        expect(statSync(path).uid).to.equal(0);
        await root.receive(path, join(directory, 'back'));
        const same = await root.run({ script: `cmp ${path} ${join(directory, 'back')} && rm ${path}` });
        expect([same.rc, same.stdout.toString()]).to.deep.equal([0, '']);
      });

      it('says that a password is needed', async () => {
        rule('ALL');
        expect((await refused(sudo())).message).to.match(
          /^a password is needed to become root with sudo; give one/,
        );
        expect((await refused(sudo({ flags: '-H -S' }))).message).to.match(/^a password is needed/);
      });

      it('says that a password is wrong', async () => {
        rule('ALL');
        expect((await refused(sudo({ password: 'wrong' }))).message).to.equal(
          'the password to become root with sudo was refused',
        );
      });
    });
  }

  it('says that the user is not in sudoers', async () => {
    bob.sudo(undefined);
    expect((await refused(sudo({ password: bob.password }))).message).to.match(/not in the sudoers file/);
  });

  it('says that sudo insists on a terminal', async () => {
    bob.sudo(`ALL=(ALL) NOPASSWD: ALL\nDefaults:${bob.name} requiretty`);
    expect((await refused(sudo())).message).to.match(/insists on a terminal/);
  });

  it('says that a shell is not allowed', async () => {
    bob.sudo('ALL=(ALL) NOPASSWD: /bin/true');
    expect((await refused(sudo())).message).to.match(/a password is needed|does not allow/);
    expect((await refused(sudo({ password: bob.password }))).message).to.match(/does not allow/);
  });

  it('says that there is no such user, and no such program', async () => {
    bob.sudo('ALL=(ALL) NOPASSWD: ALL');
    expect((await refused(sudo({ user: 'nobody-there' }))).message).to.equal(
      'there is no user nobody-there to become',
    );
    expect((await refused(sudo({ executable: '/no/sudo' }))).message).to.equal('/no/sudo is not installed');
  });

  describe('su', () => {
    it('becomes anybody from root, without a password and whatever the login shell', async () => {
      const root = pool.connection(sshd.settings);
      expect(await whoami(root.as({ method: 'su', user: bob.name }))).to.equal(bob.name);
      expect(await whoami(root.as({ method: 'su', user: 'nobody' }))).to.equal('nobody');
    });

    it('takes a password from an ordinary user', async () => {
      const su = { method: 'su', user: alice.name } as const;
      expect(await whoami(login().as({ ...su, password: alice.password }))).to.equal(alice.name);
      expect((await refused(login().as({ ...su, password: 'wrong' }))).message).to.equal(
        `the password to become ${alice.name} with su was refused`,
      );
      expect((await refused(login().as(su))).message).to.match(/^a password is needed/);
    });
  });

  it('becomes with doas where it asks for no password', async function () {
    if (!isInstalled('doas') || existsSync('/etc/doas.conf')) {
      console.log('doas is not tested: it is not installed, or configured already');
      this.skip();
    }
    writeFileSync('/etc/doas.conf', `permit nopass ${bob.name} as ${alice.name}\n`);
    try {
      expect(await whoami(login().as({ method: 'doas', user: alice.name }))).to.equal(alice.name);
      expect((await refused(login().as({ method: 'doas', user: 'root' }))).message).to.equal(
        'doas does not permit the login user to become root (doas.conf)',
      );
      writeFileSync('/etc/doas.conf', `permit ${bob.name} as ${alice.name}\n`);
      const asking = login().as({ method: 'doas', user: alice.name, password: bob.password });
      expect((await refused(asking)).message).to.match(/asks for a password at a terminal.*nopass/);
    } finally {
      rmSync('/etc/doas.conf');
    }
  });

  it('works on the control machine as well', async () => {
    const local = pool.connection({ kind: 'local', host: 'localhost' });
    expect(await whoami(local.as({ method: 'sudo', user: bob.name }))).to.equal(bob.name);
    expect(await whoami(local.as({ method: 'su', user: alice.name }))).to.equal(alice.name);
    expect(await whoami(local)).to.equal('root');
  });

  it('gives the same worker to the same user', async () => {
    bob.sudo('ALL=(ALL) NOPASSWD: ALL');
    const pids = await Promise.all([sudo(), sudo()].map(each => each.run({ script: 'echo $$' })));
    expect(pids[0]?.stdout.toString()).to.equal(pids[1]?.stdout.toString());
  });
});
