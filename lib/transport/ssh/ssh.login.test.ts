import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePort } from '../../../test/support/free-port.ts';
import { caught, makeKey, type Sshd, startSshd, whyNoSshd } from '../../../test/support/sshd.ts';
import { until } from '../../../test/support/until.ts';
import { addUser, type TestUser } from '../../../test/support/users.ts';
import { type Connection, ConnectionError, type SshSettings } from '../connection.ts';
import { createPool, type Pool } from '../pool.ts';

const text = (reply: { stdout: Buffer }): string => reply.stdout.toString();

describe('logging in over ssh', () => {
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
    sshd = await startSshd(['MaxAuthTries 6']);
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

  describe('what goes wrong', () => {
    const wrong: readonly [name: string, more: () => Partial<SshSettings>, message: RegExp][] = [
      [
        'a key the server does not know',
        () => ({ identityFiles: [makeKey(join(directory, `wrong${Date.now()}`))] }),
        /^permission denied for root@127.0.0.1 \(refused: .*wrong\d+; the server accepts publickey/,
      ],
      ['a missing key file', () => ({ identityFiles: ['/no/key'] }), /not usable: \/no\/key no such file\)$/],
      [
        'a file that is not a key',
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
      expect(Date.now() - started).to.be.within(990, 10_000);
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
        await until(() => existsSync(socket));
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

      it('is not trouble when it is not there', async () => {
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

    for (const shell of ['/bin/bash', '/usr/bin/fish', '/usr/bin/tcsh', '/bin/zsh']) {
      it(`runs the same sh whatever the login shell: ${shell}`, async function () {
        if (!existsSync(shell)) {
          console.log(`the login shell ${shell} is not tested: it is not installed`);
          this.skip();
        }
        const odd = user(shell);
        const path = join(odd.home, "a'b!c $d");
        const reply = await connect({ user: odd.name }).run({ script: `echo "it's \\$ ! $0"` });
        expect(text(reply)).to.equal("it's $ ! /bin/sh\n");
        await connect({ user: odd.name }).send(Buffer.from('x'), path);
        expect(readFileSync(path, 'utf8')).to.equal('x');
      });
    }

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

    it('hears the exit code of a shell that ends as soon as it begins', async () => {
      const mallory = user('/bin/bash');
      writeFileSync(join(mallory.home, '.bashrc'), 'exit 9\n');
      const slow = await inLargePieces(sshd.settings.port);
      const { message } = await attempt({
        user: mallory.name,
        port: (slow.address() as AddressInfo).port,
        hostKeyAlias: `[127.0.0.1]:${sshd.port}`,
      });
      slow.close();
      expect(message).to.match(/^the login shell ended \(exit code 9\)/);
    });
  });
});

/** A way to a port on which what the server says within a fifth of a second arrives in one piece. */
async function inLargePieces(to: number): Promise<Server> {
  const server = createServer(client => {
    const host = connectTcp(to, '127.0.0.1');
    let piece: Buffer[] = [];
    host.on('data', data => {
      if (piece.push(data) > 1) return;
      setTimeout(() => {
        client.write(Buffer.concat(piece));
        piece = [];
      }, 200);
    });
    client.on('data', data => host.write(data));
    client.on('error', () => {}).on('close', () => host.destroy());
    host.on('error', () => {}).on('close', () => client.destroy());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return server;
}
