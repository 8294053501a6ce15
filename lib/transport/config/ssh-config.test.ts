import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { isInstalled } from '../../../test/support/users.ts';
import { hostnameOf, SshConfigFiles, type SshOptions } from './ssh-config.ts';

/** What OpenSSH itself makes of a file, by keyword; undefined when it refuses it. */
function openSsh(file: string, name: string): ReadonlyMap<string, readonly string[]> | undefined {
  const { status, stdout } = spawnSync('ssh', ['-G', '-F', file, name], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (status !== 0) return undefined;
  const found = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const blank = line.indexOf(' ');
    const keyword = line.slice(0, blank);
    found.set(keyword, [...(found.get(keyword) ?? []), line.slice(blank + 1)]);
  }
  return found;
}

const name = fc.constantFrom('db1', 'DB1', 'db2', 'web', 'db1.lan');
const pattern = fc.constantFrom(
  'db1',
  'DB1',
  'db*',
  'web',
  '*',
  'd?1',
  '!db2',
  'db1.lan',
  '*.lan',
  'bob',
  'root',
);
const criterion = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('host', 'originalhost', 'user', 'localuser', '!host', '!user', 'Host'),
      fc.array(pattern, { minLength: 1, maxLength: 3 }),
    )
    .map(([attribute, list]) => `${attribute} ${list.join(',')}`),
  fc.constantFrom('final', '!final', 'canonical', 'host=db1', '!originalhost=web'),
);
const heading = fc.oneof(
  fc.array(pattern, { minLength: 1, maxLength: 3 }).map(list => `Host ${list.join(' ')}`),
  fc.array(criterion, { minLength: 1, maxLength: 3 }).map(list => `Match ${list.join(' ')}`),
  fc.constantFrom('Match all', 'Host "db1"', 'HOST=db1'),
);
const option = fc.constantFrom(
  ...['Port 22', 'Port=2200', ' port "2201"', 'PORT = 2202 # why', 'Port', 'Port 1 2', 'Port x y'],
  ...['User bob', "User 'bo b'", 'User root', 'HostName %h.lan', 'Hostname db1', 'HostName 10.1.1.1'],
  ...[
    'IdentityFile /k/a',
    'IdentityFile "/k/b c"',
    'IdentityFile /k/b\\ d',
    'IdentityFile /k/a',
    'IdentityFile x y',
  ],
  ...[
    'CertificateFile /c/a',
    'ProxyJump jump',
    'ProxyJump none',
    'ProxyCommand nc "%h" %p # x',
    'ProxyCommand none',
  ],
  ...[
    'UserKnownHostsFile /k/1 "/k/2 3"',
    'HostKeyAlias alias',
    'RevokedHostKeys /r',
    'Frobnicate yes',
    'User "bob',
  ],
  ...['# a comment', '', '   ', 'Compression yes', 'ConnectTimeout 7', 'ConnectTimeout 9'],
);

const COMPARED = [
  'hostname',
  'port',
  'user',
  'identityfile',
  'certificatefile',
  'hostkeyalias',
  'revokedhostkeys',
  'proxyjump',
];
/** Our options in the words of `ssh -G`, which prints a name without capitals and no jump as nothing. */
function told(options: SshOptions, keyword: string, host: string): readonly string[] | undefined {
  const values = options.get(keyword);
  if (keyword === 'identityfile' || keyword === 'certificatefile') return values;
  if (keyword === 'hostname') return [hostnameOf(values?.[0] ?? host, host).toLowerCase()];
  const [first = USUAL[keyword]] = values ?? [];
  return first === undefined || (keyword === 'proxyjump' && first === 'none') ? undefined : [first];
}

const USUAL: Readonly<Record<string, string>> = { port: '22', user: userInfo().username };

describe('ssh_config', () => {
  let directory: string;
  before(function () {
    if (!isInstalled('ssh')) {
      console.log('OpenSSH is not a judge of ssh_config here: ssh is not installed (openssh-client)');
      this.skip();
    }
    directory = mkdtempSync(join(tmpdir(), 'polarplay-ssh-config-'));
  });
  after(() => directory && rmSync(directory, { recursive: true, force: true }));

  it('is read as OpenSSH reads it', function () {
    this.timeout(1_800_000);
    const file = join(directory, 'config');
    const usualKeys = openSsh('/dev/null', 'x')?.get('identityfile');
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ arbitrary: heading, weight: 1 }, { arbitrary: option, weight: 3 }), {
          maxLength: 12,
        }),
        name,
        (lines, host) => {
          writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
          const theirs = openSsh(file, host);
          const { options, refusals } = new SshConfigFiles(directory).lookup(host, file);
          // What stands in a block for other hosts ends ssh as well; here it is nobody's trouble.
          if (theirs === undefined) return;
          expect(refusals).to.deep.equal([]);
          for (const keyword of COMPARED) {
            const said = theirs.get(keyword);
            const expected =
              keyword === 'identityfile' && String(said) === String(usualKeys) ? undefined : said;
            expect(told(options, keyword, host), keyword).to.deep.equal(expected);
          }
        },
      ),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 120) },
    );
  });

  it('names every keyword that this OpenSSH has', () => {
    const file = join(directory, 'all');
    const keywords = execFileSync('ssh', ['-G', '-F', '/dev/null', 'x'], { encoding: 'utf8' })
      .split('\n')
      .map(line => line.split(' ')[0] as string)
      .filter(keyword => keyword !== '' && keyword !== 'host');
    for (const keyword of new Set(keywords)) {
      writeFileSync(file, `${keyword} no\n`, { mode: 0o600 });
      const { refusals } = new SshConfigFiles(directory).lookup('x', file);
      expect(refusals.filter(refusal => refusal.includes('is not a known keyword'))).to.deep.equal([]);
    }
  });
});
