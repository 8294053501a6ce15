import { expect } from 'chai';
import { diskProbe } from '../../../test/support/disk-probe.ts';
import { type DiskProbe, ZERO_MIB } from '../modules/pfs/pfs-disk.ts';
import type { HostSurvey } from '../modules/polardb_preflight.ts';
import { judgePreflight, type PreflightAnswer } from './judge.ts';
import type { Wanted } from './plan.ts';

const survey = (changes: Partial<HostSurvey> = {}): HostSurvey => ({
  system: 'Debian GNU/Linux 12 (bookworm)',
  architecture: 'x86_64',
  systemd: true,
  container: '',
  machineId: '',
  addresses: [],
  time: 1000,
  synchronised: true,
  memoryMib: 16 * 1024,
  processors: 4,
  freeMib: { '/opt': 50_000, '/var/lib': 50_000 },
  transports: ['kernel', 'fuse'],
  listeners: [],
  missingPackages: [],
  firewall: '',
  deployed: [],
  ...changes,
});

const wanted = (changes: Partial<Wanted> = {}): Wanted => ({
  database: 'polardb',
  version: 15,
  hostid: 0,
  address: '',
  transport: 'auto',
  memory: 4096,
  disk: '/dev/vdb',
  build: '',
  files: [],
  ...changes,
});

const disk = (changes: Partial<DiskProbe> = {}) =>
  diskProbe({ head: 'x', first: ZERO_MIB, last: ZERO_MIB, ...changes });

type Known = Exclude<PreflightAnswer, { failure: string }>;

const storage = (changes: Partial<Known> = {}): Known => ({
  host: 'st1',
  wanted: wanted(),
  survey: survey(),
  probes: [disk()],
  disks: [{ path: '/dev/vdb', size: 20 * 2 ** 30, model: '', content: '' }],
  asked: [999, 1001],
  ...changes,
});
const node = (host: string, hostid: number, changes: Partial<Known> = {}): Known =>
  storage({ host, wanted: wanted({ hostid, address: host }), probes: [], disks: [], ...changes });

const problems = (...answers: readonly PreflightAnswer[]) => judgePreflight(answers).problems;

describe('the look before a deployment', () => {
  it('finds nothing wrong with four fine hosts', () => {
    const view = judgePreflight([storage(), node('rw1', 1), node('ro1', 2), node('ro2', 3)]);
    expect(view.problems).to.deep.equal([]);
    expect(view.notes).to.deep.equal([]);
    expect(view.rows.map(row => [row.part, row.disks])).to.deep.equal([
      ['storage', '1 of 1 blank'],
      ['node 1', 'kernel'],
      ['node 2', 'kernel'],
      ['node 3', 'kernel'],
    ]);
  });

  const wrong: readonly [string, readonly PreflightAnswer[], RegExp][] = [
    ['a host that lets nobody in', [{ host: 'rw1', failure: 'no key fits' }], /^rw1: no key fits$/],
    [
      'a disk of another name',
      [storage({ probes: [disk({ kind: 'missing', path: '/dev/vdbb' })] })],
      /^st1: \/dev\/vdbb does not exist, did you mean \/dev\/vdb\? There are \/dev\/vdb \(20 GiB, blank\)$/,
    ],
    [
      'a disk that holds something, without advice to empty it',
      [storage({ probes: [disk({ signatures: ['ext4'] })] })],
      /^st1: \/dev\/vdb is not blank \(ext4\): polarplay never formats it; name another disk$/,
    ],
    [
      'data without a name',
      [storage({ probes: [disk({ filled: 7 })] })],
      /^st1: \/dev\/vdb holds data without a known name: name another disk$/,
    ],
    [
      'text where a disk begins',
      [storage({ probes: [disk({ first: 'x' })] })],
      /^st1: \/dev\/vdb holds data without a known name/,
    ],
    ['the root disk', [storage({ probes: [disk({ rootDisk: true })] })], /the disk that the host runs from$/],
    ['a disk too small for PFS', [storage({ probes: [disk({ size: 2 ** 30 })] })], /chunks of 10 GiB$/],
    [
      'a port that is taken',
      [node('rw1', 1, { survey: survey({ listeners: [{ port: 5432, program: 'postgres' }] }) })],
      /^rw1: port 5432 is taken by postgres: stop it, or set polardb_port$/,
    ],
    [
      'packages that nobody offers, once for all hosts',
      [1, 2].map(id => node(`ro${id}`, id, { survey: survey({ missingPackages: ['libnbd'] }) })),
      /^ro1, ro2: no repository offers libnbd /,
    ],
    [
      'a clock that is late',
      [node('rw1', 1, { survey: survey({ time: 900 }) })],
      /^rw1: its clock is 99 s behind/,
    ],
    [
      'a clock that is early',
      [node('rw1', 1, { survey: survey({ time: 1100 }) })],
      /^rw1: its clock is 99 s ahead of/,
    ],
    [
      'two nodes of one identity',
      [node('rw1', 1), node('ro1', 1)],
      /^rw1 and ro1 have the same polar_hostid 1: give each its own, from 1 to 30$/,
    ],
    ['an identity out of range', [node('rw1', 31)], /^rw1: polar_hostid is 31, and must be from 1 to 30$/],
    [
      'one machine under two names',
      [
        node('rw1', 1, { survey: survey({ machineId: 'a' }) }),
        node('ro1', 2, { survey: survey({ machineId: 'a' }) }),
      ],
      /^rw1 and ro1 have the same \/etc\/machine-id/,
    ],
    [
      'nodes of different processors',
      [node('rw1', 1), node('ro1', 2, { survey: survey({ architecture: 'aarch64' }) })],
      /^the nodes differ in architecture/,
    ],
    [
      'nodes of different systems',
      [
        node('rw1', 1, { survey: survey({ system: 'Debian GNU/Linux 12 (bookworm)' }) }),
        node('ro1', 2, { survey: survey({ system: 'Debian GNU/Linux 13 (trixie)' }) }),
      ],
      /^the nodes differ in system \(rw1: Debian 12, ro1: Debian 13\): they share one build/,
    ],
    [
      'no way to attach a disk',
      [node('rw1', 1, { survey: survey({ transports: [] }) })],
      /no way to attach a disk/,
    ],
    [
      'too little memory',
      [node('rw1', 1, { survey: survey({ memoryMib: 2048 }) })],
      /set polardb_shared_buffers/,
    ],
    [
      'too little space for an exported file',
      [
        storage({
          probes: [],
          wanted: wanted({ files: [{ name: 'e', file: '/srv/e', size: '15G' }] }),
          survey: survey({ freeMib: { '/srv': 9000 } }),
        }),
      ],
      /^st1: 8\.8 GiB free in \/srv, and 15 GiB are needed$/,
    ],
    [
      'a host without systemd',
      [node('rw1', 1, { survey: survey({ systemd: false }) })],
      /systemd does not run/,
    ],
  ];
  for (const [what, answers, message] of wrong)
    it(`names ${what}`, () => {
      const said = problems(...answers);
      expect(said).to.have.length(1);
      expect(said[0]).to.match(message);
    });

  it('leaves what is deployed alone', () => {
    const ours = survey({
      deployed: ['storage', 'node'],
      listeners: [{ port: 1921, program: 'nbd-server' }],
    });
    expect(
      problems(
        storage({ survey: ours, probes: [disk({ uses: ['loop0 lies on it'] })] }),
        node('rw1', 1, { survey: { ...ours, freeMib: { '/opt': 10 } } }),
      ),
    ).to.deep.equal([]);
  });
});
