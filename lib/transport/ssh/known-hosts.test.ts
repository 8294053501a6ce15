import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { matchesPatterns } from '../config/patterns.ts';
import { HOST_CERTIFICATES } from './certificate.ts';
import { type HostKeyRefusal, KnownHosts, parseKnownHosts } from './known-hosts.ts';

/** Two ed25519 keys and an RSA key, in the form of known_hosts. */
const A = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8n1KX2nJ2n3mE2bqE0p4bQ8bQ2m6mA1w3yD0r6JvQx';
const B = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBzQ1mS0r6JvQxJ8n1KX2nJ2n3mE2bqE0p4bQ8bQ2m6m';
const RSA = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDJ8n1KX2nJ2n3mE2bqE0p4bQ8bQ2m6mA1w3yD0r6JvQw==';
const blob = (line: string): Buffer => Buffer.from(line.split(' ')[1] as string, 'base64');

describe('known_hosts', () => {
  let directory: string;
  let file: string;
  const target = (more: object = {}): Parameters<KnownHosts['check']>[0] => ({
    host: 'db1',
    address: 'db1.example.com',
    port: 22,
    jumps: [],
    knownHostsFiles: [file],
    strictHostKeyChecking: 'yes',
    ...more,
  });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'polarplay-known-'));
    file = join(directory, 'known_hosts');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const verdicts: readonly [
    name: string,
    text: string,
    more: object,
    offered: string,
    verdict: string | RegExp,
  ][] = [
    ['the same key', `db1.example.com ${A}`, {}, A, 'trusted'],
    ['a name in other letters', `DB1.example.com ${A}`, { address: 'db1.EXAMPLE.com' }, A, 'trusted'],
    ['one name of several', `other,db1.example.com ${A} a comment`, {}, A, 'trusted'],
    ['a pattern', `*.example.com ${A}`, {}, A, 'trusted'],
    ['a pattern that leaves the host out', `*.example.com,!db1.* ${A}`, {}, A, /is not known/],
    ['no file', '', {}, A, /is not known: ED25519 SHA256:/],
    [
      'comments and rubbish',
      `# db1.example.com ${A}\n\nrubbish\n@new db1.example.com ${A}`,
      {},
      A,
      /is not known/,
    ],
    ['a port of its own', `[db1.example.com]:2222 ${A}`, { port: 2222 }, A, 'trusted'],
    ['the bare name on another port', `db1.example.com ${A}`, { port: 2222 }, A, 'trusted'],
    [
      'another key for the bare name on another port',
      `db1.example.com ${B}`,
      { port: 2222 },
      A,
      /is not known/,
    ],
    ['the port of another service', `[db1.example.com]:2222 ${A}`, {}, A, /is not known/],
    ['an alias', `cluster ${A}`, { hostKeyAlias: 'cluster' }, A, 'trusted'],
    ['several keys', `db1.example.com ${RSA}\ndb1.example.com ${B}\ndb1.example.com ${A}`, {}, A, 'trusted'],
    ['a changed key', `\ndb1.example.com ${B}`, {}, A, /has changed.*known_hosts:2 has ED25519/],
    ['a new type of key', `db1.example.com ${RSA}`, {}, A, /has changed.*known_hosts:1 has RSA/],
    ['a changed key, checking off', `db1.example.com ${B}`, { strictHostKeyChecking: 'no' }, A, 'tolerated'],
    [
      'a changed key, accept-new',
      `db1.example.com ${B}`,
      { strictHostKeyChecking: 'accept-new' },
      A,
      /has changed/,
    ],
    [
      'a revoked key',
      `db1.example.com ${A}\n@revoked * ${A}`,
      { strictHostKeyChecking: 'no' },
      A,
      /is revoked by .*:2/,
    ],
    ['another key is revoked', `db1.example.com ${A}\n@revoked * ${B}`, {}, A, 'trusted'],
    [
      'an authority',
      `@cert-authority *.example.com ${A}`,
      {},
      A,
      /:1 names a certificate authority.*it shows none of a kind that can be checked/,
    ],
  ];
  for (const [name, text, more, offered, verdict] of verdicts) {
    it(`judges ${name}`, async () => {
      writeFileSync(file, text);
      const found = await new KnownHosts().check(target(more), blob(offered));
      if (typeof verdict === 'string') expect(found).to.equal(verdict);
      else expect((found as HostKeyRefusal).message).to.match(verdict);
    });
  }

  it('finds hosts in the hashed form that ssh-keygen writes', async function () {
    try {
      writeFileSync(file, `db1.example.com ${A}\n[db1.example.com]:2222 ${B}\n`);
      execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
    } catch {
      console.log('hashed known_hosts are not tested: ssh-keygen is not installed');
      this.skip();
    }
    expect(readFileSync(file, 'utf8')).to.match(/^\|1\|/);
    const known = new KnownHosts();
    expect(await known.check(target(), blob(A))).to.equal('trusted');
    expect(await known.check(target({ port: 2222 }), blob(B))).to.equal('trusted');
    expect(((await known.check(target(), blob(B))) as HostKeyRefusal).message).to.match(/has changed/);
    expect(((await known.check(target({ address: 'db2' }), blob(A))) as HostKeyRefusal).message).to.match(
      /not known/,
    );
  });

  it('asks for the types of keys it has', async () => {
    writeFileSync(file, `db1.example.com ${RSA}\n@cert-authority db1.example.com ${A}\nother ${B}`);
    expect(await new KnownHosts().algorithmsFor(target())).to.deep.equal([
      ...HOST_CERTIFICATES,
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-rsa',
    ]);
    expect(await new KnownHosts().algorithmsFor(target({ address: 'new' }))).to.deep.equal([]);
  });

  it('says how to accept an unknown key', async () => {
    const refusal = (await new KnownHosts().check(target({ port: 2222 }), blob(A))) as HostKeyRefusal;
    expect(refusal.message).to.include('db1.example.com port 2222');
    expect(refusal.hint).to.include(`ssh-keyscan -p 2222 -t ed25519 db1.example.com >> ${file}`);
    expect(refusal.hint).to.include('--accept-new-host-keys');
  });

  it('records the keys of many hosts at once, in a new private file', async () => {
    file = join(directory, 'sub', 'known_hosts');
    const known = new KnownHosts();
    const hosts = Array.from({ length: 40 }, (_, i) =>
      target({ address: `h${i}`, strictHostKeyChecking: 'accept-new' }),
    );
    await Promise.all(hosts.map(host => known.check(host, blob(A))));
    await Promise.all(hosts.map(host => known.check(host, blob(A))));
    const entries = parseKnownHosts(readFileSync(file, 'utf8'), file);
    expect(entries.map(entry => entry.hosts).toSorted()).to.deep.equal(
      hosts.map(host => host.address).toSorted(),
    );
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(statSync(join(directory, 'sub')).mode & 0o777).to.equal(0o700);
    const again = new KnownHosts();
    expect(
      await again.check({ ...(hosts[7] as (typeof hosts)[0]), strictHostKeyChecking: 'yes' }, blob(A)),
    ).to.equal('trusted');
  });

  it('appends to a file without a newline at its end, and leaves its mode alone', async () => {
    writeFileSync(file, `other ${B}`);
    chmodSync(file, 0o644);
    const accepting = target({ strictHostKeyChecking: 'accept-new', port: 23 });
    expect(await new KnownHosts().check(accepting, blob(A))).to.equal('trusted');
    expect(readFileSync(file, 'utf8')).to.equal(`other ${B}\n[db1.example.com]:23 ${A}\n`);
    expect(statSync(file).mode & 0o777).to.equal(0o644);
  });

  it('hides whose key it records, where that is asked for', async () => {
    const hiding = target({ strictHostKeyChecking: 'accept-new', hashKnownHosts: true });
    expect(await new KnownHosts().check(hiding, blob(A))).to.equal('trusted');
    expect(readFileSync(file, 'utf8')).to.match(/^\|1\|\S+\|\S+ ssh-ed25519 /);
    expect(await new KnownHosts().check(target(), blob(A))).to.equal('trusted');
  });

  it('trusts nobody while it cannot read what it knows', async () => {
    mkdirSync(file);
    const lenient = target({ strictHostKeyChecking: 'no' });
    const refusal = (await new KnownHosts().check(lenient, blob(A))) as HostKeyRefusal;
    expect(refusal.message).to.match(/cannot be checked: .* cannot be read \(EISDIR\)/);
    const gone = target({
      knownHostsFiles: [],
      strictHostKeyChecking: 'no',
      revokedHostKeys: `${file}/gone`,
    });
    expect(((await new KnownHosts().check(gone, blob(A))) as HostKeyRefusal).message).to.match(/ENOENT/);
  });

  it('looks hosts up by name, however many lines there are', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `h${i},10.0.0.${i} ${B}`);
    writeFileSync(file, [...lines, `h7 ${A}`].join('\n'));
    const known = new KnownHosts();
    await known.check(target({ address: 'h0' }), blob(B));
    // Compared line by line this is 40 million names, which no time limit of a test allows.
    for (let i = 0; i < 2000; i++) {
      expect(await known.check(target({ address: `h${i}` }), blob(B))).to.equal('trusted');
    }
    expect(await known.check(target({ address: 'h7' }), blob(A))).to.equal('trusted');
  });

  it('takes /dev/null for a file that keeps nothing', async () => {
    const careless = target({ knownHostsFiles: ['/dev/null'], strictHostKeyChecking: 'no' });
    expect(await new KnownHosts().check(careless, blob(A))).to.equal('trusted');
    expect(statSync('/dev/null').isCharacterDevice()).to.equal(true);
  });
});

describe('host patterns', () => {
  const cases: readonly [patterns: string, name: string, hit: boolean][] = [
    ['*', 'anything', true],
    ['db?', 'db1', true],
    ['db?', 'db10', false],
    ['10.0.*', '10.0.3.4', true],
    ['a.b', 'axb', false],
    ['* !db1', 'db1', false],
    ['!db1', 'db2', false],
    ['[x]:22', '[x]:22', true],
  ];
  for (const [patterns, name, hit] of cases) {
    it(`${patterns} ${hit ? 'matches' : 'leaves out'} ${name}`, () => {
      expect(matchesPatterns(patterns.split(' '), name)).to.equal(hit);
    });
  }
});
