import { expect } from 'chai';
import type { Operator } from '../engine/run.ts';
import type { DiskProbe } from '../modules/pfs_disk.ts';
import { parseStatus } from '../modules/polardb_status.ts';
import { confirm } from './wipe.ts';
import { contentsOf, identityOf, refusals, type Seen, setAside, wipeScript } from './wipe-plan.ts';

const probe = (more: Partial<DiskProbe> = {}): DiskProbe => ({
  host: 'st1',
  kind: 'block',
  path: '/dev/vdb',
  size: 15 * 2 ** 30,
  head: 'aa',
  first: 'bb',
  last: 'cc',
  signatures: [],
  uses: [],
  rootDisk: false,
  pfs: undefined,
  content: undefined,
  ...more,
});

const storage = (service = 'inactive', more = '') =>
  `storage=${service}\nexport=export1|1|/dev/vdb\nrecordfile=/var/lib/polar/record\n${more}`;
const node = (disk = 'inactive', pfsd = 'inactive', database = 'inactive') =>
  `node=polardb|1|b|nvmeexport1|/home/polardb/data\ndisk=nvmeexport1|export1|${disk}|0|${pfsd}\nservice.ActiveState=${database}`;

const seen = (texts: Readonly<Record<string, string>> = {}, disk = probe()): Seen => ({
  storage: 'st1',
  statuses: new Map(
    Object.entries({ st1: storage(), rw1: node(), ...texts }).map(([host, text]) => [
      host,
      parseStatus(text),
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
    ['it is mounted', seen({}, probe({ uses: ['vdb is mounted on /srv'] })), /in use: vdb is mounted/],
    ['it is the root disk', seen({}, probe({ rootDisk: true })), /root file system/],
    ['it is not there', seen({}, probe({ kind: 'missing', head: '' })), /is no disk/],
  ];
  for (const [why, state, expected] of cases)
    it(`refuses while ${why}`, () => expect(refusals(state).join('\n')).to.match(expected));

  it('goes on only with the identity typed', async () => {
    const identity = identityOf('st1', probe());
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
      probe(),
      probe({ head: 'ab' }),
      probe({ last: 'cd' }),
      probe({ size: 1 }),
      probe({ path: '/dev/vdc' }),
    ];
    expect(new Set(all.map(disk => identityOf('st1', disk))).size).to.equal(all.length);
    expect(identityOf('st1', probe())).to.match(/^st1:\/dev\/vdb:[0-9a-f]{8}$/);
  });

  it('renames record and data with the disk of the database only', () => {
    expect(setAside(seen())).to.deep.equal([
      ['st1', '/var/lib/polar/record'],
      ['rw1', '/home/polardb/data'],
    ]);
    expect(setAside({ ...seen(), exportName: 'export2' })).to.deep.equal([]);
  });

  it('says what is on the disk', () => {
    expect(contentsOf(probe({ signatures: ['ext4', 'ext4'] }))).to.equal('ext4');
    expect(contentsOf(probe())).to.equal('nothing that has a name');
    expect(contentsOf(probe({ pfs: { chunks: 1, complete: false, missing: 'no journal' } }))).to.match(
      /half formatted: no journal/,
    );
  });

  it('sends a script that templates leave alone', () => expect(wipeScript(probe())).not.to.match(/\{[{%#]/));
});
