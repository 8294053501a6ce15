import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Connection, ConnectionError, type SshSettings } from './connection.ts';
import { createPool, type Pool } from './pool.ts';
import { freePort, makeKey, type Sshd, startSshd, whyNoSshd } from './testing/sshd.ts';
import { addUser, type TestUser } from './testing/users.ts';

const text = (reply: { stdout: Buffer }): string => reply.stdout.toString();

/** Process numbers of the sshd sessions of a daemon, and what runs below one process. */
function childrenOf(pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return lines
    .map(line => line.trim().split(/\s+/).map(Number))
    .flatMap(([id, parent]) => (parent === pid && id ? [id] : []));
}

async function caught(work: Promise<unknown>): Promise<Error & { hint?: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('ssh', function () {
  this.timeout(30_000);
  let sshd: Sshd;
  let pool: Pool;
  let directory: string;
  const secrets: string[] = [];
  const prompts: string[] = [];
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
    secrets.length = 0;
    prompts.length = 0;
    pool = createPool({
      askSecret: async prompt => {
        prompts.push(prompt);
        return secrets.shift();
      },
    });
  });
  afterEach(() => pool.close());
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
      expect((await caught(connect().send(Buffer.alloc(1e6), '/dev/full'))).message).to.include(
        'No space left',
      );
      expect(text(await connect().run({ script: 'echo alive' }))).to.equal('alive\n');
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

  describe('what goes wrong', () => {
    const wrong: readonly [name: string, more: () => Partial<SshSettings>, message: RegExp][] = [
      [
        'a key the server does not know',
        () => ({ identityFiles: [makeKey(join(directory, `wrong${Date.now()}`))] }),
        /^permission denied for root@127.0.0.1 \(refused: .*wrong\d+; the server accepts publickey/,
      ],
      ['a missing key file', () => ({ identityFiles: ['/no/key'] }), /not usable: \/no\/key no such file\)$/],
      [
        'a file that is no key',
        () => ({ identityFiles: ['/etc/passwd'] }),
        /\/etc\/passwd not a private key/,
      ],
      [
        'a wrong password',
        () => ({ identityFiles: [], identitiesOnly: true, password: 'wrong' }),
        /refused: .*the password/,
      ],
      ['a port nobody listens on', () => ({ port: 1 }), /^connection refused by 127.0.0.1 port 1$/],
      ['an unknown name', () => ({ address: 'no.such.host.invalid' }), /^cannot find the address of no.such/],
    ];
    for (const [name, more, message] of wrong) {
      it(`explains ${name}`, async () => {
        const error = await attempt(more());
        expect(error).to.be.instanceOf(ConnectionError);
        expect(error.message).to.match(message);
        expect(error.message).to.not.include('wrong password');
        expect(error.hint).to.be.a('string');
      });
    }

    it('does not wait for a server that says nothing', async () => {
      const silent = createServer(() => {});
      await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
      const { port } = silent.address() as { port: number };
      const error = await attempt({ port, connectTimeoutMs: 300 });
      expect(error.message).to.equal(`no answer from 127.0.0.1 port ${port} within 0.3 s`);
      silent.close();
    });

    it('explains a server that is none', async () => {
      const other = createServer(socket => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n'));
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as { port: number };
      expect((await attempt({ port })).message).to.match(/^the login to 127.0.0.1 port \d+ failed: /);
      other.close();
    });

    it('tries again when told to', async () => {
      const port = await freePort();
      const started = Date.now();
      expect((await attempt({ port, connectRetries: 1 })).message).to.match(/refused/);
      expect(Date.now() - started).to.be.within(1000, 3000);
    });

    it('refuses an unknown host key, and says how to accept it', async () => {
      const known = join(directory, 'empty_known_hosts');
      const error = await attempt({ knownHostsFiles: [known] });
      const print = execFileSync('ssh-keygen', ['-lf', join(sshd.directory, 'host_key.pub')], {
        encoding: 'utf8',
      });
      expect(error.message).to.include(`is not known: ED25519 ${print.split(' ')[1]}`);
      expect(error.hint).to.include(`ssh-keyscan -p ${sshd.port} -t ed25519 127.0.0.1 >> ${known}`);
      expect(existsSync(known)).to.equal(false);
    });

    it('records an unknown host key when told to, and trusts it afterwards', async () => {
      const known = join(directory, 'new', 'known_hosts');
      const settings = { knownHostsFiles: [known], strictHostKeyChecking: 'accept-new' } as const;
      expect((await connect(settings).run({ script: ':' })).rc).to.equal(0);
      expect(readFileSync(known, 'utf8')).to.match(/^\[127\.0\.0\.1\]:\d+ ssh-ed25519 \S+\n$/);
      await pool.close();
      pool = createPool();
      expect((await connect({ ...settings, strictHostKeyChecking: 'yes' }).run({ script: ':' })).rc).to.equal(
        0,
      );
    });

    it('refuses a changed host key, and names the line', async () => {
      const known = join(directory, 'changed_known_hosts');
      const other = readFileSync(`${makeKey(join(directory, 'other_host_key'))}.pub`, 'utf8');
      writeFileSync(known, `# comment\n[127.0.0.1]:${sshd.port} ${other}`);
      for (const strictHostKeyChecking of ['yes', 'accept-new'] as const) {
        const error = await attempt({ knownHostsFiles: [known], strictHostKeyChecking });
        expect(error.message).to.include(`has changed`).and.to.include(`${known}:2`);
      }
      const careless = connect({ knownHostsFiles: [known], strictHostKeyChecking: 'no' });
      expect((await careless.run({ script: ':' })).rc).to.equal(0);
      const password = await attempt({
        knownHostsFiles: [known],
        strictHostKeyChecking: 'no',
        identityFiles: [],
        identitiesOnly: true,
        password: 'secret',
      });
      expect(password.message).to.include('no key and no password to try');
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
      const before = new Set(childrenOf(sshd.process.pid as number));
      const connection = connect(more);
      await connection.run({ script: ':' });
      const [pid] = childrenOf(sshd.process.pid as number).filter(id => !before.has(id));
      return { connection, pid: pid as number };
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
      const { connection, pid } = await session({ keepAliveMs: 200 });
      const pending = caught(connection.run({ script: 'sleep 60' }));
      await new Promise(resolve => setTimeout(resolve, 100));
      process.kill(pid, 'SIGSTOP');
      const started = Date.now();
      try {
        const error = await pending;
        expect(error).to.be.instanceOf(ConnectionError);
        expect(error.message).to.match(/^no sign of life from 127.0.0.1 for [\d.]+ s$/);
        expect(Date.now() - started).to.be.below(3000);
      } finally {
        process.kill(pid, 'SIGCONT');
        process.kill(pid, 'SIGKILL');
      }
    });

    it('does not lose a host that is only busy sending', async () => {
      const connection = connect({ keepAliveMs: 50 });
      const reply = await connection.run({
        script: 'i=0; while [ $i -lt 20 ]; do echo $i; sleep 0.05; i=$((i+1)); done',
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

  describe('keys', () => {
    const allow = (key: string): void =>
      appendFileSync(join(sshd.directory, 'authorized_keys'), readFileSync(`${key}.pub`));

    for (const type of ['rsa', 'ecdsa']) {
      it(`logs in with ${type}`, async () => {
        const key = makeKey(join(directory, `id_${type}`), type);
        allow(key);
        expect((await connect({ identityFiles: [key] }).run({ script: ':' })).rc).to.equal(0);
      });
    }

    it('asks for a passphrase once for all hosts, and only when the key is wanted', async () => {
      const [wanted, unwanted] = [
        makeKey(join(directory, 'enc'), 'ed25519', 'open sesame'),
        makeKey(join(directory, 'enc2'), 'ed25519', 'x'),
      ];
      rmSync(`${unwanted}.pub`);
      allow(wanted);
      rmSync(`${wanted}.pub`);
      secrets.push('wrong', 'open sesame');
      const hosts = ['a', 'b', 'c'].map(host => connect({ host, identityFiles: [unwanted, wanted] }));
      const replies = await Promise.all(hosts.map(connection => connection.run({ script: ':' })));
      expect(replies.map(reply => reply.rc)).to.deep.equal([0, 0, 0]);
      expect(prompts).to.deep.equal([
        `Passphrase for ${wanted}: `,
        `That was wrong. Passphrase for ${wanted}: `,
      ]);
    });

    it('fails clearly when nobody knows the passphrase', async () => {
      const key = join(directory, 'enc');
      const error = await attempt({ identityFiles: [key] });
      expect(error.message).to.include('permission denied').and.to.include(key);
    });

    describe('an agent', () => {
      let agent: ChildProcess;
      let socket: string;
      before(async () => {
        socket = join(directory, 'agent');
        agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
        for (let i = 0; i < 50 && !existsSync(socket); i++)
          await new Promise(resolve => setTimeout(resolve, 50));
        for (const type of ['ed25519', 'rsa', 'ecdsa']) {
          const key = makeKey(join(directory, `held_${type}`), type);
          execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
        }
      });
      after(() => {
        agent?.kill();
      });

      for (const type of ['ed25519', 'rsa', 'ecdsa']) {
        it(`signs with ${type}`, async () => {
          const saved = readFileSync(join(sshd.directory, 'authorized_keys'));
          writeFileSync(
            join(sshd.directory, 'authorized_keys'),
            readFileSync(join(directory, `held_${type}.pub`)),
          );
          try {
            const connection = connect({ identityFiles: [], agent: socket, host: type });
            expect((await connection.run({ script: ':' })).rc).to.equal(0);
          } finally {
            writeFileSync(join(sshd.directory, 'authorized_keys'), saved);
          }
        });
      }

      it('is left alone when only named keys are wanted', async () => {
        const error = await attempt({ identityFiles: ['/no/key'], identitiesOnly: true, agent: socket });
        expect(error.message).to.include('no key and no password to try');
      });

      it('is no trouble when it is not there', async () => {
        expect((await connect({ agent: '/no/agent' }).run({ script: ':' })).rc).to.equal(0);
      });
    });
  });

  describe('other accounts', () => {
    const users: TestUser[] = [];
    const user = (shell: string): TestUser => {
      const added = addUser(shell);
      users.push(added);
      return added;
    };
    after(() => {
      for (const each of users) each.remove();
    });

    it('logs in by password', async () => {
      const bob = user('/bin/dash');
      const login = { user: bob.name, identityFiles: [], identitiesOnly: true, password: bob.password };
      expect(text(await connect(login).run({ script: 'id -un; echo $0' }))).to.equal(
        `${bob.name}\n/bin/sh\n`,
      );
    });

    it('is not put off by a login script that talks', async () => {
      const eve = user('/bin/bash');
      writeFileSync(
        join(eve.home, '.bashrc'),
        'for i in $(seq 3000); do echo "out $i"; echo "err $i: " >&2; done; printf "Password: "; printf "Password: " >&2\n',
      );
      const [first, second] = await Promise.all([
        connect({ user: eve.name }).run({ script: 'echo one; echo uno >&2' }),
        connect({ user: eve.name }).run({ script: 'echo two' }),
      ]);
      expect([text(first), first.stderr.toString(), text(second)]).to.deep.equal(['one\n', 'uno\n', 'two\n']);
    });

    it('gives up on a login script that never ends, and on an account without a shell', async () => {
      const mallory = user('/bin/bash');
      writeFileSync(join(mallory.home, '.bashrc'), 'exit 9\n');
      expect((await attempt({ user: mallory.name })).message).to.equal(
        'the login shell ended (exit code 9) instead of running /bin/sh',
      );
      const nobody = user('/usr/sbin/nologin');
      expect((await attempt({ user: nobody.name })).message).to.match(/ended \(exit code 1\).*not available/);
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
      await new Promise(resolve => setTimeout(resolve, 400));
      await pool.close();
      expect((await pending).message).to.include('closed');
      await new Promise(resolve => setTimeout(resolve, 300));
      expect(execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })).to.not.include(seconds);
    });

    it('lets the process end at once, and fails what is asked later', async () => {
      const program = `
        const { createPool } = await import(${JSON.stringify(new URL('./pool.ts', import.meta.url).href)});
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
      expect(Number(out)).to.be.below(1000);
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
      expect(Date.now() - started).to.be.below(1000);
      silent.close();
    });
  });
});
