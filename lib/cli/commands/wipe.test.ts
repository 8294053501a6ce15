import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { diskProbe } from '../../../test/support/disk-probe.ts';
import { onlyAsRoot } from '../../../test/support/requirements.ts';
import { recordsOfLines, runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { pfsProbe } from '../../cluster/modules/pfs/pfs_probe.ts';
import { decideDisk, probeFromJson } from '../../cluster/modules/pfs/pfs-disk.ts';
import { parseStatus } from '../../cluster/modules/polardb_status.ts';
import {
  contentsOf,
  identityOf,
  refusals,
  type Seen,
  setAside,
  wipeScript,
} from '../../cluster/wipe/wipe-plan.ts';
import type { Operator } from '../../engine/run.ts';
import type { Json } from '../../source/value.ts';
import { confirm } from './wipe.ts';

const storage = (service = 'inactive', more = '') =>
  `storage=${service}\nexport=export1|1|/dev/vdb\nrecordfile=/var/lib/polar/record\n${more}`;
const node = (disk = 'inactive', pfsd = 'inactive', database = 'inactive') =>
  `node=polardb|1|b|nvmeexport1|/home/polardb/data\ndisk=nvmeexport1|export1|${disk}|0|${pfsd}\nactive=${database}`;

const RECORD = [
  'polar-record 1',
  'cluster=other',
  'epoch=1',
  'primary=rw1',
  'system_identifier=7',
  'node=rw1 1 member',
  'node=ro7 2 member',
  'end',
];

const seen = (texts: Readonly<Record<string, string>> = {}, disk = diskProbe()): Seen => ({
  storage: 'st1',
  statuses: new Map(
    Object.entries({ st1: storage(), rw1: node(), ...texts }).map(([host, text]) => [
      host,
      parseStatus(recordsOfLines(text)),
    ]),
  ),
  exportName: 'export1',
  probe: disk,
});

const operator = (answer: string | Error | undefined): Operator => ({
  interactive: answer !== undefined,
  ask: async () => {
    if (typeof answer === 'string') return answer;
    throw answer ?? new Error('asked without a terminal');
  },
});

describe('polarplay wipe', () => {
  it('may wipe a disk that nobody uses', () => expect(refusals(seen())).to.deep.equal([]));

  const cases: readonly [string, Seen, RegExp][] = [
    ['nbd-server exports it', seen({ st1: storage('active') }), /nbd-server still exports/],
    [
      'a host is connected',
      seen({ st1: storage('inactive', 'client=10.0.0.2') }),
      /10\.0\.0\.2 is connected/,
    ],
    [
      'another run is at work',
      seen({ st1: storage('inactive', 'locked=switchover') }),
      /at work: switchover/,
    ],
    ['a node has it attached', seen({ rw1: node('active') }), /rw1: polar-nbd@nvmeexport1 is active/],
    ['a node attaches it', seen({ rw1: node('activating') }), /polar-nbd@nvmeexport1 is activating/],
    ['pfsdaemon runs', seen({ rw1: node('inactive', 'active') }), /polar-pfsd@nvmeexport1 is active/],
    ['a database runs', seen({ rw1: node('inactive', 'inactive', 'active') }), /the database is active/],
    [
      'the role record names a node that nobody has asked',
      seen({ st1: storage('inactive', RECORD.map(line => `record=${line}`).join('\n')) }),
      /ro7 is a node of cluster other in the role record of st1, but not in this inventory/,
    ],
    ['it cannot be read', seen({}, diskProbe({ first: '' })), /cannot be read/],
    ['it is mounted', seen({}, diskProbe({ uses: ['vdb is mounted on /srv'] })), /in use: vdb is mounted/],
    ['it is the root disk', seen({}, diskProbe({ rootDisk: true })), /root file system/],
    ['it is not there', seen({}, diskProbe({ kind: 'missing', head: '' })), /is not a disk/],
  ];
  for (const [why, state, expected] of cases)
    it(`refuses while ${why}`, () => expect(refusals(state).join('\n')).to.match(expected));

  it('goes on only with the identity typed', async () => {
    const identity = identityOf('st1', diskProbe());
    await confirm(operator(` ${identity} `), identity);
    for (const answer of ['', 'yes', '/dev/vdb', identity.toUpperCase(), new Error('no answer'), undefined]) {
      const text = await confirm(operator(answer), identity).then(
        () => 'confirmed',
        (error: Error) => error.message,
      );
      expect(text, String(answer)).to.match(/^nothing was written: /);
    }
  });

  it('gives every disk and every content another identity', () => {
    const all = [
      diskProbe(),
      diskProbe({ head: 'ab' }),
      diskProbe({ last: 'cd' }),
      diskProbe({ size: 1 }),
      diskProbe({ path: '/dev/vdc' }),
    ];
    expect(new Set(all.map(disk => identityOf('st1', disk))).size).to.equal(all.length);
    expect(identityOf('st1', diskProbe())).to.match(/^st1:\/dev\/vdb:[0-9a-f]{8}$/);
  });

  it('renames record and data with the disk of the database only', () => {
    expect(setAside(seen())).to.deep.equal([
      ['st1', '/var/lib/polar/record'],
      ['rw1', '/home/polardb/data'],
    ]);
    expect(setAside({ ...seen(), exportName: 'export2' })).to.deep.equal([]);
  });

  it('says what is on the disk', () => {
    expect(contentsOf(diskProbe({ signatures: ['ext4', 'ext4'] }))).to.equal('ext4');
    expect(contentsOf(diskProbe())).to.equal('nothing that has a name');
    const pfs = { chunks: 1, complete: false, missing: 'no journal', files: 0, made: 0 };
    expect(contentsOf(diskProbe({ pfs }))).to.match(/incomplete: no journal$/);
    expect(contentsOf(diskProbe({ pfs: { ...pfs, files: 3 } }))).to.match(/, and files are stored on it$/);
  });

  it('leaves a disk that a look at it finds blank, wherever there was data', function () {
    onlyAsRoot(this, 'takes the locks below /run');
    return withTemporaryDirectory(async dir => {
      const path = join(dir, 'disk');
      const size = 25 * 2 ** 30 + 3584;
      const fd = openSync(path, 'w');
      ftruncateSync(fd, size);
      for (const at of [0, 5 * 2 ** 20, 64 * 2 ** 20, 10 * 2 ** 30, size / 4, size - 8])
        writeSync(fd, 'data', Math.floor(at));
      closeSync(fd);
      const look = async () => probeFromJson((await runModule(pfsProbe, { path })) as unknown as Json);
      const before = await look();
      expect(decideDisk([before]).state).to.equal('FOREIGN');
      const { status, stderr } = spawnSync('sh', ['-c', wipeScript(before)], { encoding: 'utf8' });
      expect(status, stderr).to.equal(0);
      expect(decideDisk([await look()]).state).to.equal('BLANK');
      expect(spawnSync('sh', ['-c', wipeScript(before)]).status, 'not the disk that was looked at').to.equal(
        65,
      );
    });
  });

  it('sends a script that templates leave alone', () =>
    expect(wipeScript(diskProbe())).not.to.match(/\{[{%#]/));
});
