import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { caught, certify, makeKey, type Sshd, startSshd, whyNoSshd } from '../../../test/support/sshd.ts';
import { until } from '../../../test/support/until.ts';
import type { Connection, SshSettings } from '../connection.ts';
import { createPool, type Pool } from '../pool.ts';

const user = userInfo().username;
const publicKey = (file: string): string => readFileSync(`${file}.pub`, 'utf8').trim();

describe('whom ssh trusts', () => {
  let pool: Pool;
  let sshd: Sshd;
  let directory: string;
  let authority: string;
  const connect = (more: Partial<SshSettings> = {}): Connection =>
    pool.connection({ ...sshd.settings, ...more });
  const say = async (more: Partial<SshSettings> = {}): Promise<string> =>
    (await connect(more).run({ script: 'echo hello' })).stdout.toString();
  const refusal = async (more: Partial<SshSettings>): Promise<string> =>
    connect(more)
      .run({ script: ':' })
      .then(
        () => 'it worked',
        (error: Error) => error.message,
      );
  const path = (name: string): string => join(directory, name);
  const written = (name: string, text: string): string => {
    writeFileSync(path(name), text);
    return path(name);
  };

  before(async function () {
    const why = whyNoSshd();
    if (why) {
      console.log(why);
      this.skip();
    }
    directory = mkdtempSync(join(tmpdir(), 'polarplay-trust-'));
    authority = makeKey(path('authority'));
    sshd = await startSshd(folder => [
      `TrustedUserCAKeys ${authority}.pub`,
      `HostCertificate ${certify(authority, join(folder, 'host_key'), '-h', '-n', '127.0.0.1,*.lan', '-z', '7')}`,
      'RekeyLimit 1M',
    ]);
  });
  beforeEach(() => {
    pool = createPool();
  });
  afterEach(() => pool.close());
  after(async () => {
    await sshd?.stop();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  describe('certificates of users', () => {
    for (const type of ['ed25519', 'ecdsa', 'rsa']) {
      it(`log in: ${type}`, async () => {
        const key = makeKey(path(`user-${type}`), type);
        expect(await refusal({ identityFiles: [key] })).to.match(/^permission denied/);
        await pool.close();
        // Another way to the file: a certificate is read once in a run.
        pool = createPool();
        const certificate = certify(authority, key, '-n', user);
        expect(await say({ identityFiles: [key] })).to.equal('hello\n');
        execFileSync('mv', [certificate, path(`named-${type}`)]);
        await pool.close();
        pool = createPool();
        expect(await say({ identityFiles: [key], certificateFiles: [path(`named-${type}`)] })).to.equal(
          'hello\n',
        );
      });
    }

    for (const type of ['ed25519', 'ecdsa', 'rsa'])
      it(`log in when only an agent holds them: ${type}`, async () => {
        const socket = path(`agent-${type}`);
        const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
        try {
          await until(() => existsSync(socket));
          const key = makeKey(path(`held-${type}`), type);
          certify(authority, key, '-n', user);
          execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
          for (const file of [key, `${key}.pub`, `${key}-cert.pub`]) rmSync(file);
          expect(await say({ identityFiles: [], agent: socket })).to.equal('hello\n');
          await pool.close();
          pool = createPool();
          const named = { identityFiles: [makeKey(path(`else-${type}`))], identitiesOnly: true };
          expect(await refusal({ ...named, agent: socket })).to.match(/^permission denied/);
        } finally {
          agent.kill();
        }
      });

    it('log in with an authority of another kind, and with a passphrase', async () => {
      const key = makeKey(path('locked'), 'ecdsa', 'secret');
      certify(authority, key, '-n', user);
      const asked: string[] = [];
      await pool.close();
      pool = createPool({
        askSecret: async prompt => {
          asked.push(prompt);
          return 'secret';
        },
      });
      expect(await say({ identityFiles: [key] })).to.equal('hello\n');
      expect(asked).to.have.length(1);
    });

    it('for others are refused, and the message names them', async () => {
      const key = makeKey(path('other'));
      certify(authority, key, '-n', 'somebody');
      expect(await refusal({ identityFiles: [key] })).to.match(
        /refused: .*other-cert\.pub \(certificate "test-id"\)/,
      );
      expect(await refusal({ certificateFiles: [`${sshd.key}.pub`] })).to.equal('it worked');
    });

    it('without their key, or missing, are told', async () => {
      const key = makeKey(path('lonely'));
      const certificate = certify(authority, key, '-n', user);
      rmSync(key);
      const wrong = { identityFiles: [makeKey(path('stranger'))] };
      expect(await refusal({ ...wrong, certificateFiles: [certificate] })).to.match(
        /not usable: .*lonely-cert\.pub is for a key that is not here/,
      );
      expect(await refusal({ ...wrong, certificateFiles: ['/no/file'] })).to.match(/\/no\/file no such file/);
    });
  });

  describe('certificates of hosts', () => {
    const trusting = (more: Partial<SshSettings> = {}, key = authority): Partial<SshSettings> => ({
      knownHostsFiles: [
        written(
          `known-${key === authority ? 'ca' : 'other'}`,
          `@cert-authority 127.0.0.1,[127.0.0.1]:${sshd.port} ${publicKey(key)}\n`,
        ),
      ],
      ...more,
    });

    it('are trusted by their authority, also when keys are exchanged anew', async () => {
      const host = connect(trusting());
      expect((await host.run({ script: 'echo hello' })).stdout.toString()).to.equal('hello\n');
      const much = await host.run({ script: 'head -c 6000000 /dev/zero' });
      expect(much.stdout.length).to.equal(6_000_000);
      expect((await host.run({ script: 'echo again' })).stdout.toString()).to.equal('again\n');
    });

    it('do not count for another name, or from another authority', async () => {
      expect(await refusal(trusting({ hostKeyAlias: '127.0.0.1' }))).to.equal('it worked');
      const alias = {
        hostKeyAlias: 'db1',
        knownHostsFiles: [written('alias', `@cert-authority * ${publicKey(authority)}\n`)],
      };
      expect(await refusal(alias)).to.match(/is not known: .*it is for 127\.0\.0\.1, \*\.lan, not for db1\./);
      expect(await say({ ...alias, hostKeyAlias: 'db1.lan' })).to.equal('hello\n');
      expect(await refusal(trusting({}, makeKey(path('foreign'))))).to.match(
        /its authority SHA256:\S+ is not one of this host/,
      );
      expect(await refusal(trusting({ algorithms: { caSignature: '-ssh-ed25519' } }))).to.match(
        /its signature is of type ssh-ed25519/,
      );
    });

    it('leave a key that is known without them', async () => {
      const both = written(
        'both',
        `@cert-authority * ${publicKey(makeKey(path('foreign2')))}\n[127.0.0.1]:${sshd.port} ${publicKey(join(sshd.directory, 'host_key'))}\n`,
      );
      expect(await say({ knownHostsFiles: [both] })).to.equal('hello\n');
    });

    it('are not taken when they have expired', async () => {
      const old = await startSshd(folder => [
        `HostCertificate ${certify(authority, join(folder, 'host_key'), '-h', '-n', '127.0.0.1', '-V', '20200101:20200102')}`,
      ]);
      try {
        const file = written('old_ca', `@cert-authority * ${publicKey(authority)}\n`);
        const error = await caught(
          pool.connection({ ...old.settings, knownHostsFiles: [file] }).run({ script: ':' }),
        );
        expect(error.message).to.match(/its certificate does not count: it has expired/);
      } finally {
        await old.stop();
      }
    });
  });

  describe('keys that are revoked', () => {
    const hostKey = (): string => join(sshd.directory, 'host_key');
    const krl = (name: string, ...args: string[]): string => {
      execFileSync('ssh-keygen', ['-q', '-k', '-f', path(name), ...args]);
      return path(name);
    };

    it('are refused though known_hosts has them: @revoked, RevokedHostKeys and KRLs', async () => {
      const known = readFileSync(sshd.settings.knownHostsFiles[0] as string, 'utf8');
      const marked = written('marked', `${known}@revoked * ${publicKey(hostKey())}\n`);
      expect(await refusal({ knownHostsFiles: [marked] })).to.match(/is revoked by .*marked:2: ED25519/);
      const list = written('list', `# gone\n\n${publicKey(hostKey())}\n`);
      expect(await refusal({ revokedHostKeys: list })).to.match(/is revoked by .*list: ED25519/);
      expect(await refusal({ revokedHostKeys: krl('krl-key', `${hostKey()}.pub`) })).to.match(
        /is revoked by .*krl-key/,
      );
      for (const kind of ['sha1', 'sha256', 'key']) {
        const spec = written(`spec-${kind}`, `${kind}: ${publicKey(hostKey())}\n`);
        expect(await refusal({ revokedHostKeys: krl(`krl-${kind}`, spec) })).to.match(/is revoked by/);
      }
      expect(await say({ revokedHostKeys: krl('krl-other', `${authority}.pub`) })).to.equal('hello\n');
    });

    it('are refused as authorities, and by serial and name of their certificates', async () => {
      const ca = written('revoked_ca', `@cert-authority * ${publicKey(authority)}\n`);
      const certified = { knownHostsFiles: [ca] };
      appendFileSync(written('ca_gone', readFileSync(ca, 'utf8')), `@revoked * ${publicKey(authority)}\n`);
      expect(await refusal({ knownHostsFiles: [path('ca_gone')] })).to.match(/is revoked by .*ca_gone:2/);
      const revoking = (name: string, text: string, ...args: string[]): Promise<string> =>
        refusal({ ...certified, revokedHostKeys: krl(name, ...args, written(`${name}-spec`, text)) });
      const ofAuthority = ['-s', `${authority}.pub`];
      expect(await revoking('serial', 'serial: 7\n', ...ofAuthority)).to.match(/is revoked by/);
      expect(await revoking('range', 'serial: 5-9\n', ...ofAuthority)).to.match(/is revoked by/);
      expect(
        await revoking('bitmap', 'serial: 1\nserial: 3\nserial: 7\nserial: 8\n', ...ofAuthority),
      ).to.match(/is revoked/);
      expect(await revoking('id', 'id: test-id\n', ...ofAuthority)).to.match(/is revoked by/);
      expect(await revoking('ca', `key: ${publicKey(authority)}\n`)).to.match(/is revoked by/);
      expect(await revoking('others', 'serial: 8\nid: other\n', ...ofAuthority)).to.equal('it worked');
    });

    it('leave nobody trusted when the list cannot be read', async () => {
      expect(await refusal({ revokedHostKeys: path('no-such-list') })).to.match(
        /no-such-list cannot be read \(ENOENT\)/,
      );
      expect(await refusal({ revokedHostKeys: written('odd', 'this is not a key\n') })).to.match(
        /line 1 has no public key/,
      );
      const cut = readFileSync(krl('cut', `${hostKey()}.pub`)).subarray(0, -9);
      writeFileSync(path('cut'), cut);
      expect(await refusal({ revokedHostKeys: path('cut') })).to.match(
        /is not a list of revoked keys: the data is cut off/,
      );
    });
  });

  describe('a command as the way to a host', () => {
    const pipe = `const s = require('net').connect(+process.argv[2], process.argv[1]); process.stdin.pipe(s).pipe(process.stdout)`;
    const through = (): string =>
      `sh -c 'echo $$ >${path('proxy-pid')}; exec "$@"' sh ${process.execPath} -e "${pipe}" 127.0.0.1 ${sshd.port}`;

    it('carries everything, and ends with the connection', async () => {
      const host = connect({
        proxyCommand: through(),
        address: 'nowhere.invalid',
        hostKeyAlias: `[127.0.0.1]:${sshd.port}`,
      });
      const much = await host.run({ script: 'head -c 3000000 /dev/zero; echo end >&2' });
      expect([much.stdout.length, much.stderr.toString()]).to.deep.equal([3_000_000, 'end\n']);
      await host.close();
      await until(() => !existsSync(`/proc/${readFileSync(path('proxy-pid'), 'utf8').trim()}`));
    });

    it('that fails says why', async () => {
      expect(await refusal({ proxyCommand: 'sh -c "echo no way >&2; exit 1"' })).to.match(
        /^ProxyCommand "sh -c .*": no way$/,
      );
      expect(await refusal({ proxyCommand: '/no/such/program' })).to.match(
        /^ProxyCommand .*(not found|No such file)/,
      );
      expect(await refusal({ proxyCommand: 'sleep 60', connectTimeoutMs: 300 })).to.match(/no answer/);
    });
  });

  describe('what the configuration restricts', () => {
    it('is kept: algorithms, key sizes and ways to log in', async () => {
      expect(
        await say({ algorithms: { cipher: 'aes256-ctr', mac: 'hmac-sha2-512', kex: 'ecdh-*' } }),
      ).to.equal('hello\n');
      expect(await refusal({ algorithms: { cipher: '3des-cbc' } })).to.match(
        /leaves no cipher algorithm .*: 3des-cbc/,
      );
      expect(await refusal({ algorithms: { userKey: 'rsa-sha2-*' } })).to.match(
        /PubkeyAcceptedAlgorithms excludes/,
      );
      expect(await refusal({ algorithms: { hostKey: 'rsa-sha2-512' } })).to.match(
        /no matching host key|the server closed the connection/,
      );
      const small = makeKey(path('small'), 'rsa');
      expect(await refusal({ identityFiles: [small], requiredRsaBits: 8192 })).to.match(
        /bits, less than RequiredRSASize/,
      );
      expect(await refusal({ password: 'x', loginMethods: ['password'] })).to.match(/refused: the password/);
      expect(await refusal({ password: 'x', identityFiles: [small], loginMethods: ['publickey'] })).to.match(
        /refused: \S+small; the server/,
      );
    });

    it('has no effect on an encrypted key but to be named where nobody can be asked', async () => {
      const locked = makeKey(path('encrypted'), 'ed25519', 'secret');
      expect(await refusal({ identityFiles: [locked] })).to.match(
        /not usable: .*encrypted is encrypted, and there is no terminal to ask for its passphrase/,
      );
    });

    it('binds to an address and to a family of addresses', async () => {
      expect(await say({ addressFamily: 4, bindAddress: '127.0.0.1' })).to.equal('hello\n');
      expect(await refusal({ bindAddress: '192.0.2.1' })).to.match(/EADDRNOTAVAIL/);
    });
  });
});
