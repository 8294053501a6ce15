import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect } from 'chai';
import { parse } from 'yaml';
import { Hosts } from '../../lib/cluster/hosts.ts';
import { Databases } from '../../lib/cluster/sql.ts';
import type { SourceError } from '../../lib/source/errors.ts';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';
import { parseYaml } from '../../lib/source/yaml/yaml.ts';
import { createPool } from '../../lib/transport/index.ts';
import { localDeployment } from '../../test/support/verify/sample-deployment.ts';
import type { Check, Sight } from '../check.ts';
import { runChecks } from '../suite.ts';
import { fits, KINDS } from './kinds.ts';
import { COMMON, checksOf, readOwnChecks } from './read.ts';
import { ownSchema } from './schema.ts';

const page = () => readFileSync(join(PACKAGE_ROOT, 'docs', 'own-checks.md'), 'utf8');

describe('verify: own checks', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-own-'));
  const pool = createPool();
  const here = pool.connection({ kind: 'local', host: 'here' });
  after(async () => {
    await pool.close();
    rmSync(dir, { recursive: true });
  });

  const deployment = {
    ...localDeployment({
      primaryPort: 1,
      replicaPort: 1,
      password: '',
      dir,
      bin: '/usr/lib/postgresql/15/bin',
    }),
  };
  const run = async (checks: readonly Check[]) => {
    const reach = new Hosts(
      () => here,
      () => undefined,
    );
    const databases = new Databases(reach, []);
    const now = performance.now();
    const findings = await runChecks(checks, deployment, {
      reach,
      databases,
      runId: '0'.repeat(12),
      timeoutMs: 10_000,
      settleBy: now,
      endBy: now + 60_000,
    });
    return findings.map(
      f =>
        `${f.id}: ${f.verdict}${f.verdict === 'failed' ? ` ${f.faults[0]!.expected} | ${f.faults[0]!.found}` : ''}`,
    );
  };
  const judged = (yaml: string) => run(checksOf(parseYaml(yaml, 'x.yaml'), 'x.yaml'));

  it('find what is as they say', async () => {
    const file = join(dir, 'a $(exit 1) file');
    writeFileSync(file, 'one\ntwo\n', { mode: 0o640 });
    const said = await judged(`
hosts: storage
file:
  "${file}": {mode: "0640", type: file, contains: [one, "/^two$/", "!three"]}
  /nowhere/at/all: {exists: false}
package: {coreutils: {version: "9"}, no-such-package: {installed: false}}
service: {no-such.service: {}}
process: {no-such-program: {running: false}}
mount: {/proc: {type: proc, options: rw}}
sysctl: {kernel.ostype: {value: Linux}}
user: {root: {uid: 0, home: /root, groups: root}}
port: {1: {listening: false}}
command: {echo hello: {output: hello}, fails: {run: exit 3, exit: 3}}
`);
    // Where no systemd runs, it says so itself.
    expect(said.filter(line => !line.endsWith(': passed')).join('\n')).to.match(
      /^own\.service\.no-such-service: failed .*$/,
    );
    expect(said).to.have.length(12);
  });

  const failing: readonly (readonly [string, RegExp])[] = [
    ['file: {/etc/passwd: {mode: "0600"}}', /mode 600 \| 644$/],
    ['file: {/etc/passwd: {exists: false}}', /not there \| it is$/],
    ['file: {/etc/passwd: {contains: no such line}}', /with no such line \| root:/],
    ['file: {/etc: {type: file}}', /type file \| directory$/],
    ['package: {coreutils: {version: "1."}}', /version 1\. \| /],
    ['package: {coreutils: {installed: false}}', /not there \| it is$/],
    ['process: {no-such-program: {}}', /is there \| it is not$/],
    ['process: {no-such-program: {count: 2}}', /2 processes no-such-program \| 0$/],
    ['mount: {/proc: {type: ext4}}', /type ext4 \| proc$/],
    ['mount: {/proc: {options: [ro]}}', /the option ro \| rw/],
    ['sysctl: {kernel.ostype: {value: Unix}}', /value Unix \| Linux$/],
    ['user: {root: {groups: [nobody]}}', /root in nobody \| root/],
    ['user: {root: {shell: /bin/false}}', /shell \/bin\/false \| /],
    ['port: {1: {}}', /is there \| it is not$/],
    ['command: {"exit 2": {}}', /exit 0 \| exit 2/],
    ['command: {echo hello: {output: bye}}', /with bye \| hello$/],
  ];
  for (const [yaml, says] of failing)
    it(`find what is not: ${yaml}`, async () => {
      expect((await judged(`hosts: storage\n${yaml}`)).join('\n')).to.match(says);
    });

  it('compare the states of a unit', () => {
    const faults: string[] = [];
    const sight = {
      out: () => 'LoadState=loaded\nActiveState=failed\nUnitFileState=disabled\n',
      check: (ok: boolean, expected: string, found: string) => {
        if (!ok) faults.push(`${expected} | ${found}`);
      },
    } as unknown as Sight;
    KINDS['service']!.judge(sight, 'x', { running: true, enabled: true });
    KINDS['service']!.judge(sight, 'x', { running: false, enabled: false });
    expect(faults).to.deep.equal(['x running | failed', 'x enabled | disabled']);
  });

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['an unknown kind', 'fille:\n  /x: {}\n', /x\.yaml:1:1.*no kind of check "fille", did you mean "file"/s],
    [
      'an unknown key',
      'file:\n  /x: {ower: root}\n',
      /x\.yaml:2:8.*has no key "ower", did you mean "owner"/s,
    ],
    [
      'a value of another type',
      'service:\n  x: {running: maybe}\n',
      /x\.yaml:2:16.*running is true or false/s,
    ],
    [
      'an unknown group of hosts',
      'file:\n  /x: {hosts: replica}\n',
      /x\.yaml:2:15.*hosts is "replica", did you mean "replicas"/s,
    ],
    ['a query without a server', 'sql:\n  select 1: {hosts: storage}\n', /x\.yaml:2:21.*needs a server/s],
    ['a list', '- file\n', /x\.yaml:1:1.*a mapping of kinds/s],
    ['a text instead of what to expect', 'file:\n  /x: there\n', /x\.yaml:2:7.*is a mapping/s],
  ];
  for (const [what, yaml, says] of wrong)
    it(`say where ${what} stands`, () => {
      const text = () => {
        try {
          checksOf(parseYaml(yaml, 'x.yaml'), 'x.yaml');
          return 'nothing';
        } catch (error) {
          const { position: at, message } = error as SourceError;
          return `${at?.file}:${at?.line}:${at?.col} ${message}`;
        }
      };
      expect(text()).to.match(says);
    });

  it('give queries to the server, and compare rows and values', () => {
    const [check] = checksOf(
      parseYaml('sql: {few: {query: "SELECT 1 AS one;", value: 1, count: 1}}', 'x.yaml'),
      'x.yaml',
    );
    expect(check).to.include({ id: 'own.sql.few', on: 'nodes' });
    expect(check?.sql).to.deep.equal({ rows: 'SELECT 1 AS one' });
  });

  it('come from files and modules of a folder, each with an id of its own', async () => {
    const folder = join(dir, 'verify.d');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.yaml'), 'command: {echo a: {}}\n');
    writeFileSync(join(folder, 'b.yml'), 'command: {echo a: {}}\n');
    writeFileSync(
      join(folder, 'c.mjs'),
      "export default [{ id: 'own.mine', title: 'mine', on: 'storage', asks: { it: 'echo 7' }, judge: at => at.check(at.out('it') === '7', '7', at.out('it')) }, { id: 'own.thrown', title: 'throws', on: 'storage', asks: { it: ':' }, judge: () => { throw new Error('on purpose'); } }];\n",
    );
    const checks = await readOwnChecks(folder);
    expect(checks.map(({ id }) => id)).to.deep.equal([
      'own.command.echo-a',
      'own.command.echo-a-2',
      'own.mine',
      'own.thrown',
    ]);
    expect((await run(checks)).slice(2)).to.deep.equal([
      'own.mine: passed',
      'own.thrown: failed a check that works | on purpose',
    ]);
    writeFileSync(join(folder, 'd.mjs'), "export default [{ id: 'mine', title: 'x', judge() {} }];\n");
    expect(await readOwnChecks(folder).catch((error: Error) => error.message)).to.match(
      /check 1: its id is a text such as own\.disk-age/,
    );
    expect(await readOwnChecks(join(dir, 'nowhere'))).to.deep.equal([]);
  });

  it('know patterns', () => {
    expect([fits('a', 'cat'), fits('!a', 'cat'), fits('/^b/', 'a\nb'), fits('/B/i', 'b')]).to.deep.equal([
      true,
      false,
      true,
      true,
    ]);
  });

  it('have a schema by which the page’s example is valid, and a page that names each key', () => {
    const [, example = ''] = /```yaml\n(.*?)```/s.exec(page()) ?? [];
    const valid = new Ajv({ strict: false }).compile(ownSchema());
    expect(valid(parse(example)), JSON.stringify(valid.errors)).to.equal(true);
    expect(checksOf(parseYaml(example, 'page'), 'page').length).to.be.above(9);
    expect(valid({ file: { '/x': { ower: 'root' } } })).to.equal(false);
    for (const [name, { keys }] of Object.entries(KINDS))
      for (const key of [name, ...Object.keys(keys), ...Object.keys(COMMON)])
        expect(page(), `${name} ${key}`).to.include(`\`${key}\``);
  });
});
