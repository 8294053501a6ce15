import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { SourceError } from '../../source/errors.ts';
import type { Json } from '../../source/value.ts';
import { ConnectionError, type SshSettings } from '../connection.ts';
import { type ConnectionFlags, connectionSettings, type SettingsResult } from './settings.ts';
import { SshConfigFiles } from './ssh-config.ts';

describe('connection settings', () => {
  let home: string;
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  };
  const read = (host: string, vars: Record<string, Json> = {}, flags: ConnectionFlags = {}): SettingsResult =>
    connectionSettings(host, vars, { environment: {}, configFiles: new SshConfigFiles(home), ...flags });
  const ssh = (...given: Parameters<typeof read>): SshSettings => read(...given).settings as SshSettings;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'polarplay-home-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('takes defaults when nothing is said', () => {
    const settings = ssh('db1');
    expect(settings).to.include({
      kind: 'ssh',
      host: 'db1',
      address: 'db1',
      port: 22,
      user: userInfo().username,
      strictHostKeyChecking: 'yes',
      connectTimeoutMs: 10_000,
      keepAliveMs: 5000,
    });
    expect([settings.identityFiles, settings.jumps, settings.password, settings.agent]).to.deep.equal([
      [],
      [],
      undefined,
      undefined,
    ]);
    expect(settings.knownHostsFiles.at(-1)).to.equal('/etc/ssh/ssh_known_hosts');
  });

  const picks: readonly [
    name: string,
    vars: Record<string, Json>,
    flags: ConnectionFlags,
    wanted: Partial<SshSettings>,
  ][] = [
    [
      'Ansible variables',
      { ansible_host: '10.0.0.5', ansible_port: '2222', ansible_user: 'deploy', ansible_password: 'pw' },
      { user: 'flag', password: 'other' },
      { address: '10.0.0.5', port: 2222, user: 'deploy', password: 'pw' },
    ],
    [
      'their older names',
      { ansible_ssh_host: 'h', ansible_ssh_port: 23, ansible_ssh_user: 'u', ansible_ssh_pass: 5 },
      {},
      { address: 'h', port: 23, user: 'u', password: '5' },
    ],
    [
      'flags',
      {},
      { user: 'flag', password: 'pw', timeout: 3 },
      { user: 'flag', password: 'pw', connectTimeoutMs: 3000 },
    ],
    ['a time limit', { ansible_timeout: 7 }, { timeout: 3 }, { connectTimeoutMs: 7000 }],
    [
      'a key',
      { ansible_ssh_private_key_file: '/k/a b' },
      { privateKey: '/k/x' },
      { identityFiles: ['/k/a b'] },
    ],
    ['the key of a flag', {}, { privateKey: '/k/x' }, { identityFiles: ['/k/x'] }],
    ['an agent', {}, { environment: { SSH_AUTH_SOCK: '/run/agent' } }, { agent: '/run/agent' }],
    [
      'ssh arguments',
      {
        ansible_ssh_common_args: `-o ConnectTimeout=4 -oStrictHostKeyChecking=accept-new -o "UserKnownHostsFile /a /b"`,
        ansible_ssh_extra_args:
          '-i /k/extra -p 2200 -l arg -o ServerAliveInterval=6 -o ServerAliveCountMax=1 -C -q',
      },
      {},
      {
        connectTimeoutMs: 4000,
        strictHostKeyChecking: 'accept-new',
        identityFiles: ['/k/extra'],
        port: 2200,
        user: 'arg',
        keepAliveMs: 2000,
        knownHostsFiles: ['/a', '/b', '/etc/ssh/ssh_known_hosts'],
      },
    ],
    ['checking off by variable', { ansible_host_key_checking: false }, {}, { strictHostKeyChecking: 'no' }],
    ['checking off by word', { ansible_ssh_host_key_checking: 'no' }, {}, { strictHostKeyChecking: 'no' }],
    [
      'checking off by environment',
      {},
      { environment: { ANSIBLE_HOST_KEY_CHECKING: 'False' } },
      { strictHostKeyChecking: 'no' },
    ],
    ['new keys by flag', {}, { acceptNewHostKeys: true }, { strictHostKeyChecking: 'accept-new' }],
    ['retries', { ansible_ssh_retries: 2 }, {}, { connectRetries: 2 }],
  ];
  for (const [name, vars, flags, wanted] of picks) {
    it(`follows ${name}`, () => {
      const result = read('db1', vars, flags);
      expect(result.settings).to.deep.include(wanted);
      expect(result.warnings).to.deep.equal([]);
    });
  }

  it("follows ssh's own configuration", () => {
    write(
      '.ssh/config',
      `
User everyone
Include conf.d/*.conf
Host db* !db9
  HostName %h.example.com
  Port 2222
  IdentityFile ~/k1
  IdentityFile "/k/%h %r"
Host *
  Port 99
  User late
  ServerAliveInterval 2
  IdentitiesOnly yes
Match host db1.example.com user everyone
  ServerAliveCountMax 6
Match all
  HostKeyAlias all
`,
    );
    write('.ssh/conf.d/a.conf', 'Host db1\n  ConnectTimeout=3\n  Hostkeyalias first\n');
    write('.ssh/conf.d/.hidden.conf', 'Port 1\n');
    const { settings, warnings } = read('db1');
    expect(settings).to.deep.include({
      address: 'db1.example.com',
      port: 2222,
      user: 'everyone',
      connectTimeoutMs: 3000,
      keepAliveMs: 4000,
      hostKeyAlias: 'first',
      identitiesOnly: true,
    });
    expect((settings as SshSettings).identityFiles).to.deep.equal([
      join(process.env.HOME ?? '', 'k1'),
      '/k/db1.example.com everyone',
    ]);
    expect(warnings).to.deep.equal([]);
    expect(ssh('db9')).to.include({ address: 'db9', port: 99, hostKeyAlias: 'all' });
    expect(ssh('x', { ansible_host: 'db2', ansible_user: 'var' })).to.include({
      address: 'db2.example.com',
      user: 'var',
    });
  });

  it('reads another configuration file with -F', () => {
    write('other', 'Host *\n  Port 77\n');
    write('.ssh/config', 'Port 88\n');
    expect(ssh('db1', { ansible_ssh_common_args: `-F ${join(home, 'other')}` }).port).to.equal(77);
  });

  const jumps: readonly [name: string, line: string, wanted: readonly string[]][] = [
    ['one', '-o ProxyJump=bastion', ['root@10.1.1.1:22']],
    ['with user and port', '-J me@b1:2200', ['me@b1:2200']],
    ['a chain', '-J b1,ssh://you@b2:23', ['root@b1:22', 'you@b2:23']],
    ['an address of version 6', '-J me@[fe80::1]:24', ['me@fe80::1:24']],
    ['a hop that has one itself', '-J inner', ['root@10.1.1.1:22', 'root@inner:22']],
    ['none', '-o ProxyJump=none', []],
    ['a command', '-o ProxyCommand="ssh -q -W %h:%p -p 2222 -l me bastion"', ['me@10.1.1.1:2222']],
    ['a command with options', `-o ProxyCommand='ssh -o User=x -W "[%h]:%p" b3'`, ['x@b3:22']],
  ];
  for (const [name, line, wanted] of jumps) {
    it(`goes through jump hosts: ${name}`, () => {
      write(
        '.ssh/config',
        'Host bastion\n  HostName 10.1.1.1\nHost inner\n  ProxyJump bastion\nHost *\n  User root\n',
      );
      const { settings, warnings } = read('db1', { ansible_ssh_common_args: line });
      const found = (settings as SshSettings).jumps.map(jump => `${jump.user}@${jump.address}:${jump.port}`);
      expect(found).to.deep.equal(wanted);
      expect(warnings).to.deep.equal([]);
    });
  }

  it('ends when jump hosts point at each other', () => {
    write('.ssh/config', 'Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n');
    expect(() => read('a')).to.throw(ConnectionError, 'ProxyJump goes round in a circle');
  });

  it('warns of ssh options that have no meaning here', () => {
    expect(read('db1', { ansible_ssh_extra_args: '-L 80:x:80' }).warnings).to.deep.equal([
      'ssh option -L 80:x:80 is ignored',
    ]);
  });

  it('goes through a command, its tokens filled in, that is not a login to share', () => {
    write('.ssh/config', 'Host db*\n  HostName %h.lan\n  ProxyCommand nc -x "proxy one" %h %p # %r %%\n');
    const { proxyCommand, jumps } = ssh('db1', { ansible_user: 'me', ansible_port: 24 });
    expect([proxyCommand, jumps]).to.deep.equal(['nc -x "proxy one" db1.lan 24 # me %', []]);
    const piped = ssh('x', { ansible_ssh_common_args: `-o ProxyCommand="ssh -W %h:%p b | tee log"` });
    expect(piped.proxyCommand).to.equal('ssh -W x:22 b | tee log');
    expect(() => ssh('db1', { ansible_user: '$(id)' })).to.throw(
      ConnectionError,
      '"$(id)" is not a valid name for a shell command',
    );
  });

  it('takes the first of ProxyJump and ProxyCommand', () => {
    write('.ssh/config', 'ProxyCommand nc %h %p\nProxyJump bastion\n');
    expect(ssh('db1')).to.deep.include({ jumps: [], proxyCommand: 'nc db1 22' });
    expect(ssh('db1', { ansible_ssh_common_args: '-o ProxyJump=none' }).proxyCommand).to.equal(undefined);
  });

  it('follows what restricts the login', () => {
    const text = [
      'CertificateFile /c/one',
      'CertificateFile /c/%n',
      'RevokedHostKeys ~/gone',
      'AddressFamily inet6',
      'BindAddress 10.0.0.9',
      'PasswordAuthentication no',
      'Ciphers aes256-ctr',
      'PubkeyAcceptedKeyTypes -ssh-rsa',
      'RequiredRSASize 2048',
      'HashKnownHosts yes',
    ].join('\n');
    write('.ssh/config', text);
    expect(ssh('db1')).to.deep.include({
      certificateFiles: ['/c/one', '/c/db1'],
      revokedHostKeys: join(process.env.HOME ?? '', 'gone'),
      addressFamily: 6,
      bindAddress: '10.0.0.9',
      loginMethods: ['publickey', 'keyboard-interactive'],
      algorithms: { cipher: 'aes256-ctr', userKey: '-ssh-rsa' },
      requiredRsaBits: 2048,
      hashKnownHosts: true,
    });
    const preferred = ssh('db1', {
      ansible_ssh_common_args: '-o PreferredAuthentications=password,publickey',
    });
    expect(preferred.loginMethods).to.deep.equal(['publickey']);
  });

  const refused: readonly [text: string, message: RegExp][] = [
    [
      'Port 1\n  KnownHostsCommand /bin/x %H\n',
      /\.ssh\/config:2:3: knownhostscommand \/bin\/x %H is not supp/,
    ],
    ['CanonicalizeHostname always\n', /:1:1: canonicalizehostname always is not supported/],
    ['Host d*\nUsser x\n', /:2:1: usser is not a known keyword .* \(did you mean "user"\?\)/],
    ['Match host db1 exec "true"\nPort 1\n', /:1:1: Match exec is not supported/],
    ['HostName "x\n', /:1:1: a quote has no end/],
    ['Include other\n', /\.ssh\/other:1:1: rekeylimit 1G is not supported/],
    ['StrictHostKeyChecking maybe\n', /:1:1: stricthostkeychecking: "maybe" is not one of yes/],
    ['Port many\n', /:1:1: port: "many" is not a number/],
    ['RefuseConnection "retired: use db9"\n', /RefuseConnection: retired: use db9/],
  ];
  for (const [text, message] of refused) {
    it(`refuses a connection that ssh would make otherwise: ${JSON.stringify(text)}`, () => {
      write('.ssh/config', text);
      write('.ssh/other', 'RekeyLimit 1G\n');
      expect(() => read('db1')).to.throw(ConnectionError, message);
    });
  }

  it('passes over what is written for others, comes second, or says what is done anyway', () => {
    write(
      '.ssh/config',
      [
        'IgnoreUnknown Fancy*',
        'FancyOption x',
        'KnownHostsCommand none',
        'KnownHostsCommand /bin/x',
        'Host other',
        '  Usser x',
        '  RemoteCommand tmux',
        'Match host other exec "exit 1"',
        '  Port 4',
      ].join('\n'),
    );
    expect(ssh('db1').port).to.equal(22);
  });

  it('refuses ssh arguments that it cannot follow', () => {
    const args = (line: string) => () => read('db1', { ansible_ssh_extra_args: line });
    expect(args('-o KnownHostsCommand=/x')).to.throw(
      ConnectionError,
      'ssh arguments: knownhostscommand /x is not',
    );
    expect(args('-o Stricthostkeycheckin=no')).to.throw(
      ConnectionError,
      'did you mean "stricthostkeychecking"',
    );
    expect(args('-p many')).to.throw(ConnectionError, 'port: "many" is not a number');
  });

  it('refuses a configuration that others could write, or that cannot be read', () => {
    write('.ssh/config', 'Port 4\n');
    chmodSync(join(home, '.ssh/config'), 0o666);
    expect(() => read('db1')).to.throw(ConnectionError, 'bad owner or permissions');
    rmSync(join(home, '.ssh/config'));
    mkdirSync(join(home, '.ssh/config'));
    expect(() => read('db1')).to.throw(ConnectionError, 'cannot be read (EISDIR)');
    const other = { ansible_ssh_common_args: `-F ${join(home, 'nowhere')}` };
    expect(() => read('db1', other)).to.throw(ConnectionError, 'no such file');
  });

  it('takes localhost for this machine, unless the inventory says where it is', () => {
    expect(read('localhost').settings).to.deep.equal({ kind: 'local', host: 'localhost' });
    expect(read('localhost', { ansible_port: 2222 }).settings.kind).to.equal('ssh');
    expect(read('localhost', { ansible_connection: 'ssh' }).settings.kind).to.equal('ssh');
    expect(read('db1', { ansible_connection: 'local' }).settings.kind).to.equal('local');
    expect(read('db1', {}, { connection: 'local' }).settings.kind).to.equal('local');
  });

  it('refuses other ways to connect', () => {
    expect(() => read('db1', { ansible_connection: 'docker' })).to.throw(SourceError, 'connection "docker"');
  });
});
