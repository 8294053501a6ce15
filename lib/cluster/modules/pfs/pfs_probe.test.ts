import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { runModule, withTemporaryDirectory } from '../../../../test/support/run-module.ts';
import { pfsProbe } from './pfs_probe.ts';
import type { DiskProbe } from './pfs-disk.ts';

const probe = async (path: string) => (await runModule(pfsProbe, { path })) as unknown as { disk: DiskProbe };

describe('pfs_probe', () => {
  it('tells a blank file from one with data in its middle, and writes neither', () =>
    withTemporaryDirectory(async directory => {
      const path = join(directory, 'disk');
      writeFileSync(path, '');
      truncateSync(path, 64 << 20);
      const blank = await probe(path);
      expect(blank.disk).to.deep.include({
        kind: 'file',
        size: 64 << 20,
        filled: 0,
        signatures: [],
        uses: [],
      });
      writeFileSync(path, 'data', { flag: 'r+' });
      const filled = await probe(path);
      expect(filled.disk.first).not.to.equal(blank.disk.first);
      expect(filled.disk.last).to.equal(blank.disk.last);
    }));

  it('says of a missing disk that it is missing, and of a folder that it is none', () =>
    withTemporaryDirectory(async directory => {
      expect((await probe(join(directory, 'none'))).disk.kind).to.equal('missing');
      expect((await probe(directory)).disk.kind).to.equal('other');
    }));
});
