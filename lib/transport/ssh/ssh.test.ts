import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  caught,
  childrenOf,
  type Sshd,
  sessionOf,
  startSshd,
  whyNoSshd,
} from '../../../test/support/sshd.ts';
import { until } from '../../../test/support/until.ts';
import { type Connection, ConnectionError, type SshSettings } from '../connection.ts';
import { createPool, type Pool } from '../pool.ts';

const text = (reply: { stdout: Buffer }): string => reply.stdout.toString();

describe('ssh', () => {
  let sshd: Sshd;
  let pool: Pool;
  let directory: string;

  const connect = (more: Partial<SshSettings> = {}): Connection =>
    pool.connection({ ...sshd.settings, ...more });
  const attempt = (more: Partial<SshSettings>): Promise<Error & { hint?: string }> =>
    caught(connect(more).run({ script: ':' }));

  before(async function () {
    const why = whyNoSshd();
    if (why) {
      console.log(why);
      this.skip();
    }
    directory = mkdtempSync(join(tmpdir(), 'polarplay-ssh-'));
    sshd = await startSshd(['MaxAuthTries 6', 'RekeyLimit 32M']);
  });
  beforeEach(() => {
    pool = createPool();
  });
  afterEach(async () => {
    await pool.close();
    await until(() => childrenOf(sshd.process.pid as number).length === 0);
  });
  after(async () => {
    await sshd?.stop();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  describe('one connection', () => {
    it('runs scripts with one login', async () => {
      const before = childrenOf(sshd.process.pid as number).length;
      const connection = connect();
      const replies = await Promise.all([
        connection.run({ script: 'echo one; echo two >&2; exit 3' }),
        connection.run({ script: 'cat', stdin: Buffer.from([0, 255, 10, 0]) }),
      ]);
      expect([replies[0].rc, text(replies[0]), replies[0].stderr.toString()]).to.deep.equal([
        3,
        'one\n',
        'two\n',
      ]);
      expect([...replies[1].stdout]).to.deep.equal([0, 255, 10, 0]);
      expect(pool.connection(sshd.settings)).to.equal(connection);
      expect(childrenOf(sshd.process.pid as number)).to.have.length(before + 1);
    });

    it('answers 200 requests asked at once, in order', async () => {
      const replies = await Promise.all(
        Array.from({ length: 200 }, (_, i) => connect().run({ script: `echo ${i}; exit ${i % 5}` })),
      );
      expect(replies.map(reply => [text(reply), reply.rc])).to.deep.equal(
        replies.map((_, i) => [`${i}\n`, i % 5]),
      );
    });

    it('sends and receives 64 MB, across new key exchanges', async () => {
      const bytes = randomBytes(64 * 1024 * 1024);
      const [there, back, local] = ["t h'ere", 'back', 'local'].map(name => join(directory, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(local, bytes);
      await connect().send({ file: local }, there, { mode: '640' });
      expect(statSync(there).mode & 0o777).to.equal(0o640);
      await connect().receive(there, back);
      expect(statSync(back).mode & 0o777).to.equal(0o600);
      const sum = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
      expect(sum(readFileSync(back))).to.equal(sum(bytes));
      await connect().send(Buffer.from('short'), there);
      expect(readFileSync(there, 'utf8')).to.equal('short');
      expect(statSync(there).mode & 0o777).to.equal(0o600);
    }).timeout(90_000);

    it('says why a transfer failed', async () => {
      expect((await caught(connect().receive('/no/such file', join(directory, 'x')))).message).to.include(
        'No such file',
      );
      expect((await caught(connect().send(Buffer.from('x'), '/no/such'))).message).to.include('/no/such');
      expect((await caught(connect().send({ file: '/no/such' }, '/tmp/x'))).message).to.include('ENOENT');
      expect(text(await connect().run({ script: 'echo alive' }))).to.equal('alive\n');
    });

    it('says that the disk is full', async function () {
      const small = join(directory, 'small');
      mkdirSync(small);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small], { stdio: 'ignore' });
      } catch {
        console.log('a full disk is not tested: no file system can be mounted here');
        this.skip();
      }
      try {
        const error = await caught(connect().send(Buffer.alloc(4_000_000), join(small, 'file')));
        expect(error.message).to.include('No space left');
      } finally {
        execFileSync('umount', [small]);
      }
    });

    it('carries 20 transfers asked at once', async () => {
      const names = Array.from({ length: 20 }, (_, i) => join(directory, `n${i}`));
      await Promise.all(names.map((name, i) => connect().send(Buffer.from(`${i}`), name)));
      expect(names.map(name => readFileSync(name, 'utf8'))).to.deep.equal(names.map((_, i) => `${i}`));
    });

    it('logs in again after a reset', async () => {
      const connection = connect();
      const pid = text(await connection.run({ script: 'echo $$' }));
      await connection.reset();
      expect(text(await connection.run({ script: 'echo $$' }))).to.not.equal(pid);
    });
  });

  it('says so when the server allows no more sessions, and goes on with those it has', async () => {
    const strict = await startSshd(['MaxSessions 1']);
    try {
      const connection = pool.connection(strict.settings);
      await connection.run({ script: ':' });
      const error = await caught(connection.as({ method: 'sudo', user: 'root' }).run({ script: ':' }));
      expect(error).to.be.instanceOf(ConnectionError);
      expect(error.hint).to.include('MaxSessions');
      expect(text(await connection.run({ script: 'echo on' }))).to.equal('on\n');
    } finally {
      await pool.close();
      await strict.stop();
    }
  });

  describe('a host that dies', () => {
    /** The sshd process that holds the session of a fresh connection. */
    async function session(more: Partial<SshSettings>): Promise<{ connection: Connection; pid: number }> {
      const connection = connect(more);
      const shell = Number(text(await connection.run({ script: 'echo "$$"' })));
      return { connection, pid: sessionOf(shell, sshd.process.pid as number) };
    }

    it('is unreachable at once when its sshd is killed, and can be reached again', async () => {
      const { connection, pid } = await session({});
      const pending = [1, 2, 3].map(() => caught(connection.run({ script: 'sleep 60' })));
      await new Promise(resolve => setTimeout(resolve, 100));
      process.kill(pid, 'SIGKILL');
      for (const error of await Promise.all(pending)) {
        expect(error).to.be.instanceOf(ConnectionError);
        expect(error.message).to.match(/the connection to 127.0.0.1 was lost|the host closed the session/);
      }
      expect(text(await connection.run({ script: 'echo back' }))).to.equal('back\n');
    });

    it('is unreachable within seconds when it is frozen', async () => {
      const { connection, pid } = await session({ keepAliveMs: 500 });
      const pending = caught(connection.run({ script: 'sleep 60' }));
      await new Promise(resolve => setTimeout(resolve, 100));
      process.kill(pid, 'SIGSTOP');
      const started = Date.now();
      try {
        const error = await pending;
        expect(error).to.be.instanceOf(ConnectionError);
        expect(error.message).to.match(/^no sign of life from 127.0.0.1 for [\d.]+ s$/);
        expect(Date.now() - started).to.be.below(15_000);
      } finally {
        process.kill(pid, 'SIGKILL');
      }
    });

    it('does not lose a host that is only busy sending', async () => {
      const connection = connect({ keepAliveMs: 500 });
      const reply = await connection.run({
        script: 'i=0; while [ $i -lt 20 ]; do echo $i; sleep 0.2; i=$((i+1)); done',
      });
      expect(text(reply).trim().split('\n')).to.have.length(20);
    });

    it('fails a transfer, too', async () => {
      const { connection, pid } = await session({});
      const fifo = join(directory, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const pending = caught(connection.receive(fifo, join(directory, 'never')));
      await new Promise(resolve => setTimeout(resolve, 200));
      process.kill(pid, 'SIGKILL');
      expect(await pending).to.be.instanceOf(ConnectionError);
    });
  });

  describe('jump hosts', () => {
    let inner: Sshd;
    before(async () => {
      inner = await startSshd();
    });
    after(() => inner?.stop());

    it('shares one login to the jump host', async () => {
      const before = childrenOf(sshd.process.pid as number).length;
      const hosts = ['x', 'y'].map(host =>
        pool.connection({ ...inner.settings, host, jumps: [{ ...sshd.settings, host: 'bastion' }] }),
      );
      const replies = await Promise.all(hosts.map(host => host.run({ script: 'echo "$SSH_CONNECTION"' })));
      for (const reply of replies) expect(text(reply).split(' ')[3]).to.equal(`${inner.port}\n`);
      expect(childrenOf(sshd.process.pid as number)).to.have.length(before + 1);
    });

    it('goes through a chain', async () => {
      const jumps = [sshd.settings, inner.settings];
      const connection = pool.connection({ ...sshd.settings, host: 'deep', jumps });
      expect(text(await connection.run({ script: 'echo deep' }))).to.equal('deep\n');
    });

    it('says which step failed', async () => {
      const bastion = { ...sshd.settings, host: 'bastion' };
      const refused = await caught(
        pool.connection({ ...inner.settings, port: 1, jumps: [bastion] }).run({ script: ':' }),
      );
      expect(refused.message).to.match(/^through jump host bastion: no way to 127.0.0.1 port 1: /);
      const denied = await caught(
        pool
          .connection({ ...inner.settings, host: 'h', jumps: [{ ...bastion, identityFiles: ['/no/key'] }] })
          .run({ script: ':' }),
      );
      expect(denied.message).to.match(/^through jump host bastion: permission denied/);
      expect((denied as ConnectionError).host).to.equal('h');
    });
  });

  describe('the end', () => {
    it('leaves nothing on the host when a busy pool is closed', async () => {
      const seconds = `${4000 + Math.random() * 1000}`;
      const pending = caught(connect().run({ script: `sleep ${seconds}` }));
      const runs = (): boolean =>
        execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' }).includes(seconds);
      await until(runs);
      await pool.close();
      expect((await pending).message).to.include('closed');
      await until(() => !runs());
    });

    it('fails what is asked afterwards', async () => {
      const connection = connect();
      await connection.run({ script: ':' });
      await pool.close();
      expect((await caught(connection.run({ script: ':' }))).message).to.equal('the connection was closed');
      expect((await caught(connection.send(Buffer.from('x'), '/tmp/x'))).message).to.equal(
        'the connection was closed',
      );
      await until(() => childrenOf(sshd.process.pid as number).length === 0);
    });

    it('lets the process end at once', () => {
      const program = `
        const { createPool } = await import(${JSON.stringify(new URL('../pool.ts', import.meta.url).href)});
        const pool = createPool();
        const hosts = ['a', 'b'].map(host => pool.connection({ ...${JSON.stringify(sshd.settings)}, host }));
        await Promise.all(hosts.map(host => host.run({ script: 'sleep 30 >/dev/null & echo started' })));
        const started = Date.now();
        await pool.close();
        process.on('exit', () => console.log(Date.now() - started));`;
      const out = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
        encoding: 'utf8',
        timeout: 20_000,
      });
      expect(Number(out)).to.be.below(10_000);
    });

    it('stops an attempt to connect', async () => {
      const silent = createServer(() => {});
      await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
      const { port } = silent.address() as { port: number };
      const pending = attempt({ port, connectTimeoutMs: 20_000 });
      await new Promise(resolve => setTimeout(resolve, 100));
      const started = Date.now();
      await pool.close();
      expect((await pending).message).to.equal('the connection was closed');
      expect(Date.now() - started).to.be.below(10_000);
      silent.close();
    });
  });
});
