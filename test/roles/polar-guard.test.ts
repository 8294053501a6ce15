import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ClusterRecord, formatRecord } from '../../lib/cluster/modules/polardb_record.ts';
import { withTemporaryDirectory } from '../support/run-module.ts';

const GUARD = join(import.meta.dirname, '../../roles/polardb_server/files/polar-guard');

const record: ClusterRecord = {
  cluster: 'polar',
  epoch: 3,
  primary: 'rw1',
  systemIdentifier: '7',
  nodes: new Map([
    ['rw1', { hostid: 1, removed: false }],
    ['ro1', { hostid: 2, removed: false }],
    ['ro9', { hostid: 9, removed: true }],
  ]),
  fenced: [],
};

interface Case {
  readonly what: string;
  readonly node: string;
  readonly hostid: number;
  readonly files: Readonly<Record<string, string>>;
  readonly record?: string | ClusterRecord;
  /** Expected refusal; without it the node may start. */
  readonly refused?: RegExp;
  /** Whether trying again may help: exit code 75, not 77. */
  readonly passing?: boolean;
  readonly verb?: string;
  readonly version?: number;
  readonly database?: string;
  readonly cluster?: string;
}

const conf = (hostid: number) => ({ 'postgresql.conf': `port = '5432'\npolar_hostid = ${hostid}\n` });

const cases: readonly Case[] = [
  { what: 'the recorded primary', node: 'rw1', hostid: 1, files: conf(1) },
  {
    what: 'a replica with its signal file',
    node: 'ro1',
    hostid: 2,
    files: { ...conf(2), 'replica.signal': '' },
  },
  {
    what: 'a replica of version 11',
    node: 'ro1',
    hostid: 2,
    version: 11,
    files: { ...conf(2), 'recovery.conf': "polar_replica = 'on'\n" },
  },
  {
    what: 'the stand-in’s replica',
    node: 'ro1',
    hostid: 2,
    database: 'postgresql',
    files: { 'standby.signal': '' },
  },
  { what: 'the stand-in’s primary', node: 'rw1', hostid: 1, database: 'postgresql', files: {} },
  {
    what: 'a replica whose signal file was deleted',
    node: 'ro1',
    hostid: 2,
    files: conf(2),
    refused: /second writer/,
  },
  {
    what: 'a replica of 11 whose recovery.conf does not say so',
    node: 'ro1',
    hostid: 2,
    version: 11,
    files: { ...conf(2), 'recovery.conf': "# polar_replica = 'on'\nstandby_mode = 'on'\n" },
    refused: /second writer/,
  },
  {
    what: 'the old primary after a switchover',
    node: 'rw1',
    hostid: 1,
    files: conf(1),
    record: { ...record, primary: 'ro1' },
    refused: /the primary is ro1.*second writer/,
  },
  {
    what: 'a host restored from a copy made while it was the primary, its identity unchanged',
    node: 'rw1',
    hostid: 1,
    files: { ...conf(1), 'postmaster.opts': '', 'polar_node_static.conf': '' },
    record: { ...record, primary: 'ro1', epoch: 4 },
    refused: /second writer/,
  },
  {
    what: 'a primary that was removed, restored from an old copy',
    node: 'rw1',
    hostid: 1,
    files: conf(1),
    record: {
      ...record,
      primary: 'ro1',
      nodes: new Map([...record.nodes, ['rw1', { hostid: 1, removed: true }]]),
    },
    refused: /rw1 1 removed/,
  },
  {
    what: 'the new primary before its promotion',
    node: 'rw1',
    hostid: 1,
    files: { ...conf(1), 'replica.signal': '' },
  },
  {
    what: 'a fenced node',
    node: 'ro1',
    hostid: 2,
    files: { ...conf(2), 'replica.signal': '' },
    record: { ...record, fenced: ['ro1'] },
    refused: /it is fenced/,
  },
  {
    what: 'a removed node',
    node: 'ro9',
    hostid: 9,
    files: { ...conf(9), 'replica.signal': '' },
    refused: /ro9 9 removed/,
  },
  {
    what: 'a node nobody knows',
    node: 'db7',
    hostid: 7,
    files: conf(7),
    refused: /not a node of the cluster/,
  },
  {
    what: 'a node with another identity',
    node: 'ro1',
    hostid: 1,
    files: { ...conf(1), 'replica.signal': '' },
    refused: /its identity is 1/,
  },
  {
    what: 'another identity in postgresql.conf',
    node: 'ro1',
    hostid: 2,
    files: { ...conf(1), 'replica.signal': '' },
    refused: /polar_hostid in .* is not 2/,
  },
  {
    what: 'the record of another cluster',
    node: 'rw1',
    hostid: 1,
    cluster: 'other',
    files: conf(1),
    refused: /cluster polar, not of other/,
  },
  {
    what: 'no answer from the storage host',
    node: 'rw1',
    hostid: 1,
    files: conf(1),
    record: 'connect: Connection refused',
    refused: /cannot be read, trying again: .*Connection refused/,
    passing: true,
  },
  {
    what: 'a node that the storage host does not let in',
    node: 'rw1',
    hostid: 1,
    files: conf(1),
    record: 'handshake: server policy prevents NBD_OPT_GO',
    refused: /does not let this node in, it is fenced/,
  },
  {
    what: 'the new primary, to be promoted',
    node: 'rw1',
    hostid: 1,
    files: { ...conf(1), 'replica.signal': '' },
    verb: 'promote',
  },
  {
    what: 'a replica that somebody wants to promote',
    node: 'ro1',
    hostid: 2,
    files: { ...conf(2), 'replica.signal': '' },
    verb: 'promote',
    refused: /does not promote: the primary is rw1/,
  },
  {
    what: 'a primary whose record is an old copy, from before it was another’s turn',
    node: 'rw1',
    hostid: 1,
    files: { ...conf(1), 'polar.seen': '4 ro1\n' },
    refused: /record says epoch 3, primary rw1, but this node has seen epoch 4, primary ro1: an old copy/,
  },
  {
    what: 'a promotion by a record made anew',
    node: 'rw1',
    hostid: 1,
    files: { ...conf(1), 'replica.signal': '', 'polar.seen': '3 ro1\n' },
    verb: 'promote',
    refused: /does not promote: .*this node has seen epoch 3, primary ro1/,
  },
  {
    what: 'a primary that has seen an older record',
    node: 'rw1',
    hostid: 1,
    files: { ...conf(1), 'polar.seen': '2 ro1\n' },
  },
  {
    what: 'half a record',
    node: 'rw1',
    hostid: 1,
    files: conf(1),
    record: formatRecord(record).slice(0, 60),
    refused: /damaged/,
  },
];

interface Kit {
  readonly env: Readonly<Record<string, string>>;
  run(...args: readonly string[]): SpawnSyncReturns<string>;
  /** What the programs were called with. */
  calls(): string;
  readonly dir: string;
}

/** The guard in a folder of its own, with stand-ins for the programs it calls; `kept` is the record, or nbdcopy's complaint. */
async function withGuard<T>(
  { node, hostid, files, version = 15, database = 'polardb', cluster = 'polar', record: kept = record }: Case,
  work: (kit: Kit) => T,
): Promise<T> {
  return await withTemporaryDirectory(dir => {
    const data = join(dir, 'data');
    mkdirSync(data);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(data, name), text);
    const text = typeof kept === 'string' ? kept : formatRecord(kept);
    writeFileSync(join(dir, 'record'), text);
    const programs = {
      nbdcopy: `grep -q '^polar-record' ${dir}/record && exec cat ${dir}/record; echo "nbdcopy: $(cat ${dir}/record)" >&2; exit 1`,
      blockdev: `echo "blockdev $*" >>${dir}/calls`,
      systemctl: `[ "$1" != kill ] || echo "systemctl $*" >>${dir}/calls`,
      nbdinfo: `cat ${dir}/info >&2; exit 1`,
      setpriv: `echo "start $(cat /proc/self/coredump_filter) $*" >>${dir}/calls`,
      'systemd-notify': `echo "notify $*" >>${dir}/calls`,
    };
    for (const [name, body] of Object.entries(programs)) {
      writeFileSync(join(dir, name), `#!/bin/sh\n${body}\n`);
      chmodSync(join(dir, name), 0o755);
    }
    const settings = {
      RECORD: 'nbd://x',
      CLUSTER: cluster,
      NODE: node,
      HOSTID: hostid,
      DATABASE: database,
      VERSION: version,
      BIN: '/bin',
      DATA: data,
      OWNER: 'polardb',
      OWNER_HOME: '/',
      DISK: database === 'polardb' ? 'null' : '',
    };
    writeFileSync(
      join(dir, 'env'),
      Object.entries(settings)
        .map(([k, v]) => `${k}=${v}\n`)
        .join(''),
    );
    const script = readFileSync(GUARD, 'utf8').replace('[ -b "/dev/$DISK" ]', '[ -e "/dev/$DISK" ]');
    const env = {
      PATH: `${dir}:${process.env.PATH}`,
      POLAR_GUARD_ENV: join(dir, 'env'),
      NBD_EXPORT: 'export1',
      RUNTIME_DIRECTORY: dir,
      NOTIFY_SOCKET: 'x',
    };
    return work({
      dir,
      env,
      run: (...args) => spawnSync('sh', ['-c', script, 'polar-guard', ...args], { encoding: 'utf8', env }),
      calls: () => (existsSync(join(dir, 'calls')) ? readFileSync(join(dir, 'calls'), 'utf8') : ''),
    });
  });
}

const kept = ({ record: other = record }: Case) => (typeof other === 'string' ? record : other);

describe('the guard', () => {
  for (const one of cases) {
    it(`${one.what}: ${one.refused ? 'refused' : 'may'}`, async () => {
      await withGuard(one, ({ dir, run, calls }) => {
        const verb = one.verb ?? 'start';
        const { status, stderr, stdout } = run(verb);
        const allowed = existsSync(join(dir, 'guard.conf'));
        if (one.refused) {
          expect(stderr).to.match(one.refused);
          expect({ status, allowed }).to.deep.equal({ status: one.passing ? 75 : 77, allowed: false });
          expect(calls()).to.match(/^notify --status=refused by polar-guard: .*\n$/);
          return;
        }
        expect(stderr).to.equal('');
        const role = /may run as (primary|replica)/.exec(stdout)?.[1];
        expect({ status, allowed }).to.deep.equal({ status: 0, allowed: true });
        const device = one.database ? '' : `blockdev --set${role === 'replica' ? 'ro' : 'rw'} /dev/null\n`;
        expect(calls().startsWith(device), calls()).to.equal(true);
        expect(readFileSync(join(dir, 'data/polar.seen'), 'utf8')).to.equal(`${kept(one).epoch} rw1\n`);
        expect(calls().includes('/bin/postgres -D '), 'server started').to.equal(verb === 'start');
        if (verb === 'start') expect(calls(), 'cores without shared memory').to.include('start 00000031 ');
      });
    });
  }

  for (const [role, node, hostid, again] of [
    ['replica', 'ro1', 2, true],
    ['primary', 'rw1', 1, false],
  ] as const) {
    it(`a ${role} whose disk was attached again ${again ? 'may not' : 'may'} write to it`, async () => {
      const files = { ...conf(hostid), ...(role === 'replica' && { 'replica.signal': '' }) };
      await withGuard({ what: '', node, hostid, files }, ({ run, calls }) => {
        run('attached', 'null');
        expect(calls(), 'before the server runs').to.equal('');
        run('start');
        const before = calls();
        run('attached', 'other');
        expect(calls(), 'another disk').to.equal(before);
        run('attached', 'null');
        expect(calls().slice(before.length)).to.equal(again ? 'blockdev --setro /dev/null\n' : '');
      });
    });
  }
});

describe('the guard of a primary whose disk is attached again', () => {
  const cases: readonly [string, ClusterRecord | string, string, number][] = [
    ['may write while the record names it', record, '', 0],
    ['may not when another is the primary by now', { ...record, primary: 'ro1', epoch: 4 }, '--setro', 0],
    ['may not when the record is an old copy', { ...record, epoch: 2 }, '--setro', 0],
    ['does not get the disk while nobody can say', 'connect: Connection refused', '', 75],
  ];
  for (const [what, later, expected, code] of cases)
    it(what, () =>
      withGuard({ what: '', node: 'rw1', hostid: 1, files: conf(1) }, ({ dir, run, calls }) => {
        run('start');
        const before = calls();
        writeFileSync(join(dir, 'record'), typeof later === 'string' ? later : formatRecord(later));
        expect(run('attached', 'null').status).to.equal(code);
        const said = calls().slice(before.length);
        expect(/blockdev (\S+) \/dev\/null/.exec(said)?.[1] ?? '').to.equal(expected);
      }),
    );
});

describe('a server that has lost its disk', () => {
  const primary = { what: '', node: 'rw1', hostid: 1, files: conf(1) };
  const POLICY = 'handshake: server policy prevents NBD_OPT_GO';
  for (const [what, answer, ended] of [
    ['ends when the storage host refuses the disk to its node', POLICY, true],
    ['waits when the storage host is away', 'connect: Connection refused', false],
  ] as const)
    it(what, () =>
      withGuard(primary, ({ dir, run, calls }) => {
        writeFileSync(join(dir, 'info'), answer);
        expect(run('lost', 'null').status).to.equal(0);
        expect(calls()).to.equal(ended ? 'systemctl kill -s KILL polardb\n' : '');
        expect(run('lost', 'other').status).to.equal(0);
      }),
    );

  it('is none on a node that was taken out of the cluster: its disk may be attached', () =>
    withGuard(primary, ({ dir, run }) => {
      rmSync(join(dir, 'env'));
      expect(run('attached', 'null').status).to.equal(0);
      expect(run('start').status).not.to.equal(0);
    }));
});

describe('a server started by hand, without the guard', () => {
  const postgres = '/usr/lib/postgresql/15/bin/postgres';
  const why = existsSync(postgres) ? '' : ' (skipped: runs where the package postgresql-15 is installed)';

  it(`does not start: the file that only the guard writes is missing${why}`, async function () {
    if (why !== '') this.skip();
    const template = readFileSync(
      join(import.meta.dirname, '../../roles/polardb_server/templates/postgresql.conf.j2'),
      'utf8',
    );
    const include = /^include '(.*guard\.conf)'$/m.exec(template);
    expect(include, 'the include of postgresql.conf').to.not.equal(null);
    await withTemporaryDirectory(dir => {
      const start = () => spawnSync(postgres, ['-C', 'port', '-D', dir], { encoding: 'utf8' });
      writeFileSync(join(dir, 'postgresql.conf'), `port = 5555\ninclude '${dir}/guard.conf'\n`);
      expect(start()).to.include({ status: 1, stdout: '' });
      expect(start().stderr).to.match(/guard\.conf.*No such file/);
      writeFileSync(join(dir, 'guard.conf'), '# may run\n');
      expect(start()).to.include({ status: 0, stdout: '5555\n' });
    });
  });
});
