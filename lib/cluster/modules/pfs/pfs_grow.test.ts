import { expect } from 'chai';
import { diskProbe } from '../../../../test/support/disk-probe.ts';
import type { ModuleContext, StateModule } from '../../../modules/kit/define.ts';
import { pfsGrow } from './pfs_grow.ts';
import type { DiskProbe } from './pfs-disk.ts';

const GIB = 2 ** 30;
const disk = (size: number, pfs: DiskProbe['pfs']) =>
  diskProbe({ host: 'rw1', path: '/dev/nvme1', size, pfs });
const whole = (chunks: number) => ({ chunks, complete: true, missing: '', files: 0, made: 0 });
const diff = (found: DiskProbe) =>
  (pfsGrow as StateModule).diff(
    found,
    { disk: 'nvme1', cluster: 'disk', time_limit: 300 } as never,
    {} as ModuleContext,
  );

describe('pfs_grow', () => {
  it('grows to the whole chunks that the disk has room for', () => {
    const { changes, result } = diff(disk(35 * GIB, whole(1)));
    expect(changes).to.deep.equal(['grow the PFS on /dev/nvme1 from 1 to 3 chunks']);
    expect(result).to.deep.equal({ chunks: 1, possible: 3, wasted: 5 * GIB });
  });
  it('leaves a file system alone that fills its disk', () =>
    expect(diff(disk(19 * GIB, whole(1))).changes).to.deep.equal([]));

  const refused: readonly [string, DiskProbe, RegExp][] = [
    ['a disk without PFS', disk(20 * GIB, undefined), /holds no PFS/],
    [
      'an incomplete one, which may be a damaged one',
      disk(20 * GIB, { chunks: 1, complete: false, missing: 'no journal', files: 0, made: 0 }),
      /incomplete: no journal\. Do NOT wipe it/,
    ],
    ['a disk that has shrunk', disk(15 * GIB, whole(2)), /has room for 1 .* PFS has 2: it has shrunk/],
  ];
  for (const [what, found, expected] of refused)
    it(`refuses ${what}`, () => expect(() => diff(found)).to.throw(expected));
});
