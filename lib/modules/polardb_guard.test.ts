import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ClusterRecord, formatRecord } from './polardb_record.ts';
import { withTemporaryDirectory } from './testing.ts';

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
    record: '',
    refused: /cannot be read/,
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

/** Runs the guard with a copy of the record in the place of the export. */
async function guard({
  node,
  hostid,
  files,
  record: kept = record,
  version = 15,
  database = 'polardb',
  cluster = 'polar',
}: Case) {
  return await withTemporaryDirectory(dir => {
    const data = join(dir, 'data');
    mkdirSync(data);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(data, name), text);
    const text = typeof kept === 'string' ? kept : formatRecord(kept);
    writeFileSync(join(dir, 'record'), text);
    writeFileSync(join(dir, 'nbdcopy'), `#!/bin/sh\n[ -s ${dir}/record ] && cat ${dir}/record\n`);
    chmodSync(join(dir, 'nbdcopy'), 0o755);
    const env = {
      RECORD: 'nbd://x',
      CLUSTER: cluster,
      NODE: node,
      HOSTID: hostid,
      DATABASE: database,
      VERSION: version,
      DATA: data,
      DISK: '',
    };
    writeFileSync(
      join(dir, 'env'),
      Object.entries(env)
        .map(([k, v]) => `${k}=${v}\n`)
        .join(''),
    );

    const script = readFileSync(GUARD, 'utf8').replace('[ -b "/dev/$DISK" ]', '[ -e "/dev/$DISK" ]');
    const result = spawnSync('sh', ['-c', script], {
      encoding: 'utf8',
      env: { PATH: `${dir}:${process.env.PATH}`, POLAR_GUARD_ENV: join(dir, 'env'), RUNTIME_DIRECTORY: dir },
    });
    return { ...result, allowed: existsSync(join(dir, 'guard.conf')) };
  });
}

describe('the guard before every start', () => {
  for (const one of cases) {
    it(`${one.what}: ${one.refused ? 'refused' : 'may start'}`, async () => {
      const { status, stderr, stdout, allowed } = await guard(one);
      if (one.refused) {
        expect(stderr).to.match(one.refused);
        expect({ status, allowed }).to.deep.equal({ status: 77, allowed: false });
      } else {
        expect(stderr).to.equal('');
        expect(stdout).to.match(/may run as (primary|replica)/);
        expect({ status, allowed }).to.deep.equal({ status: 0, allowed: true });
      }
    });
  }
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
