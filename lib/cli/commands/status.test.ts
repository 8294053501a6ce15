import { expect } from 'chai';
import { recordsOfLines } from '../../../test/support/run-module.ts';
import { type HostStatus, parseStatus } from '../../cluster/modules/polardb_status.ts';
import { bytes, type HostAnswer, viewCluster } from '../../cluster/status/status-view.ts';
import { plain } from '../../report/style.ts';
import { formatView } from './status.ts';

const GIB = 2 ** 30;

const record = (more = '') =>
  [
    'polar-record 1',
    'cluster=polar',
    'epoch=2',
    'primary=rw1',
    'system_identifier=7',
    'node=rw1 1 member',
    'node=ro1 2 member',
    ...(more ? [more] : []),
    'end',
  ]
    .map(line => `record=${line}`)
    .join('\n');

const storage = (lines = record()) => `storage=active
export=export1|${15 * GIB}|/dev/vdb
client=10.0.0.2
allowed=10.0.0.2
${lines}`;

interface Server {
  readonly recovering?: boolean;
  readonly lag?: number;
  readonly state?: string;
  readonly slotActive?: boolean;
  readonly hostid?: string;
  readonly refused?: readonly string[];
}

const server = ({
  recovering = false,
  lag = 0,
  state = 'streaming',
  slotActive = true,
  hostid = '1',
  refused = [],
}: Server = {}) =>
  JSON.stringify({
    recovering,
    version: 'PostgreSQL 15.8 (PolarDB 15.8.2.0 build 1) on x86_64',
    hostid,
    slot: recovering ? 'replica1' : null,
    sync: 'ANY 1 (replica1)',
    pendingRestart: [],
    refused,
    receiver: recovering ? 'streaming' : null,
    replication: recovering || state === '' ? [] : [{ name: 'replica1', state, sync: 'quorum', lag }],
    slots: recovering ? [] : [{ name: 'replica1', active: slotActive, kept: 16 * 2 ** 20 }],
  });

const node = (
  id: number,
  answer: string | undefined,
  { size = 15 * GIB, pfsd = 'active', disk = 'active' } = {},
) => `node=polardb|${id}|15-abc
disk=nvmeexport1|export1|${disk}|${size}|${pfsd}
active=${answer === undefined ? 'inactive' : 'active'}
restarts=0
${answer === undefined ? '' : `server=${answer}`}`;

const answers = (parts: Readonly<Record<string, string | Error>>): readonly HostAnswer[] =>
  Object.entries(parts).map(([host, part]) =>
    part instanceof Error
      ? { host, failure: part.message }
      : { host, status: parseStatus(recordsOfLines(part)) },
  );

const well = {
  st1: storage(),
  rw1: node(1, server()),
  ro1: node(2, server({ recovering: true, hostid: '2' })),
};

const notes = (rw1: string) => viewCluster(answers({ ...well, rw1 }), 64 * 2 ** 20).notes.join('\n');

const problems = (parts: Readonly<Record<string, string | Error>>) =>
  viewCluster(answers({ ...well, ...parts }), 64 * 2 ** 20).problems;

describe('polarplay status', () => {
  it('finds nothing wrong with a cluster that is well', () => expect(problems({})).to.deep.equal([]));

  const cases: readonly [string, Readonly<Record<string, string | Error>>, RegExp][] = [
    [
      'a host that does not answer',
      { ro1: new Error('connection refused') },
      /ro1 cannot be asked: connection refused/,
    ],
    ['a bare host', { ro1: '' }, /ro1: nothing is deployed here/],
    ['no storage host', { st1: new Error('timed out') }, /no storage host answers/],
    [
      'a client that is not on the list',
      { st1: storage().replace('client=10.0.0.2', 'client=10.0.0.2\nclient=10.0.0.9') },
      /st1: 10\.0\.0\.9 is connected to the disks, but not on the list/,
    ],
    ['a second storage host', { st2: storage() }, /st1 and st2 are storage hosts of one inventory/],
    ['a node of another cluster', { db7: node(7, undefined) }, /db7 is not a node of the role record/],
    ['a damaged record', { st1: storage('record=polar-record 1') }, /role record is damaged/],
    ['no record', { st1: storage('') }, /there is no role record/],
    [
      'nbd-server down',
      { st1: storage().replace('storage=active', 'storage=failed') },
      /nbd-server is failed/,
    ],
    [
      'an export whose disk is gone',
      { st1: storage().replace(`${15 * GIB}`, '0') },
      /export export1 has no \/dev\/vdb/,
    ],
    ['a fenced node', { st1: storage(record('fenced=ro1')) }, /ro1 is fenced: rejoin\.yml/],
    ['two writers', { ro1: node(2, server({ hostid: '2' })) }, /more than one writer: rw1, ro1/],
    [
      'a primary that takes no writes',
      { rw1: node(1, server({ recovering: true })) },
      /rw1 is the primary .* takes no writes/,
    ],
    ['a database that is down', { ro1: node(2, undefined) }, /ro1: the database is inactive/],
    [
      'a database that hangs',
      {
        ro1: `${node(2, undefined).replace('active=inactive', 'active=active')}\nsilent=no answer within 8 s`,
      },
      /does not answer: no answer within 8 s/,
    ],
    [
      'a disk that is not attached',
      { ro1: node(2, server({ recovering: true, hostid: '2' }), { disk: 'activating', size: 0 }) },
      /disk nvmeexport1 is not attached/,
    ],
    ['pfsdaemon down', { rw1: node(1, server(), { pfsd: 'failed' }) }, /polar-pfsd@nvmeexport1 is failed/],
    [
      'a PFS that is nearly full of files',
      {
        rw1: `${node(1, server())}\nfill=nvmeexport1|Blktag|2560|1020\nfill=nvmeexport1|Inode|2048|104`,
      },
      /the PFS on export1 has 104 of 2048 files left: .*grow\.yml/,
    ],
    [
      'a PFS that is nearly full of names',
      {
        rw1: `${node(1, server())}\nfill=nvmeexport1|Blktag|2560|1020\nfill=nvmeexport1|Inode|2048|751\nfill=nvmeexport1|Direntry|2048|3`,
      },
      /the PFS on export1 has 3 of 2048 files left/,
    ],
    ['no pfsdaemon at all', { rw1: node(1, server(), { pfsd: '' }) }, /no pfsdaemon belongs/],
    [
      'sizes that differ',
      { rw1: node(1, server(), { size: 10 * GIB }) },
      /rw1 sees nvmeexport1 with 10 GiB, the storage host has 15 GiB/,
    ],
    ['a replica that does not stream', { rw1: node(1, server({ state: '' })) }, /ro1 does not stream/],
    ['a replica that catches up', { rw1: node(1, server({ state: 'catchup' })) }, /in state catchup/],
    ['a replica far behind', { rw1: node(1, server({ lag: 200 * 2 ** 20 })) }, /ro1 is 200 MiB behind/],
    [
      'a slot nobody uses',
      { rw1: node(1, server({ slotActive: false })) },
      /slot replica1 is unused and keeps 16 MiB of WAL: the primary .* hangs once .*remove_replica\.yml/,
    ],
    [
      'a file on disk that no server would start with',
      { rw1: node(1, server({ refused: ['max_connections: setting could not be applied'] })) },
      /rw1: the next start would fail, the file on disk is refused: max_connections: setting/,
    ],
    [
      'the same identity twice',
      { ro1: node(1, server({ recovering: true })) },
      /rw1 and ro1 have the same identity/,
    ],
    [
      'another identity in the server',
      { ro1: node(2, server({ recovering: true, hostid: '9' })) },
      /polar_hostid 9, not 2/,
    ],
  ];
  for (const [what, parts, expected] of cases)
    it(`names ${what}`, () => expect(problems(parts).join('\n')).to.match(expected));

  it('blames no node for a storage host that is down', () =>
    expect(problems({ st1: new Error('timed out') })).to.deep.equal([
      'st1 cannot be asked: timed out',
      'no storage host answers: who is primary is unknown, and no database can start',
    ]));

  it('says early that a PFS fills, with what its files go to', () => {
    const filled = `${node(1, server())}\nfill=nvmeexport1|Blktag|2560|1536\nfill=nvmeexport1|Inode|2048|758`;
    expect(notes(filled)).to.match(
      /the PFS on export1 has 758 of 2048 files left: a database takes about 300/,
    );
    expect(notes(filled.replace('|758', '|900').replace('|1536', '|2000'))).to.equal('');
  });

  it('tells of a restart that systemd did by itself, but not for ever', () => {
    const restarted = node(1, server()).replace('restarts=0', 'restarts=2');
    expect(notes(`${restarted}\nup=90`)).to.match(
      /restarted the database 2 time\(s\).*the last time 2 min ago/,
    );
    expect(notes(`${restarted}\nup=7200`)).to.equal('');
  });

  it('prints plain tables', () => {
    const filled = `${well.rw1}\nfill=nvmeexport1|Blktag|2560|1020\nfill=nvmeexport1|Inode|2048|751`;
    const text = formatView(viewCluster(answers({ ...well, rw1: filled }), 0), plain);
    expect(
      text
        .split('\n')
        .map(line => line.trimEnd())
        .join('\n'),
    ).to.equal(`cluster polar · primary rw1 (epoch 2)

STORAGE  NBD-SERVER  EXPORT   SIZE    PFS USED  PFS FILES     BACKED BY  ATTACHED BY
st1      active      export1  15 GiB  60%       1297 of 2048  /dev/vdb   rw1 ro1

NODE  ID  ROLE     DATABASE  VERSION           DISKS       PFSD    STREAMS             LAG  SLOT      KEPT
rw1   1   primary  up        PolarDB 15.8.2.0  1 attached  active  -                   -    -         -
ro1   2   replica  up        PolarDB 15.8.2.0  1 attached  active  streaming (quorum)  0 B  replica1  16 MiB

note: the PFS on export1 has 751 of 2048 files left: a database takes about 300, each table and index at least one; grow.yml adds more of them with each 10 GiB
note: the PFS on export1 has 1020 of 2560 blocks left: each of 4 MiB; grow.yml adds more of them with each 10 GiB
all is well
`);
  });

  it('says sizes in units people read', () => {
    expect([0, 1023, 1024, 1536, 15 * GIB, 107374182400].map(bytes)).to.deep.equal([
      '0 B',
      '1023 B',
      '1 KiB',
      '1.5 KiB',
      '15 GiB',
      '100 GiB',
    ]);
  });

  it('keeps nothing but JSON in a result', () => {
    const status: HostStatus = parseStatus(recordsOfLines(well.st1));
    expect(JSON.parse(JSON.stringify(status))).to.deep.equal(status);
  });
});
