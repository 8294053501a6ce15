import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { polardbFence } from './polardb_fence.ts';
import { runModule, withTemporaryDirectory } from './testing.ts';

describe('polardb_fence', () => {
  it('takes a client off the list, and letting it in again leaves the list as it was', async () => {
    await withTemporaryDirectory(async dir => {
      const authfile = join(dir, 'allow');
      const before = '10.0.0.10\n10.0.0.11\n10.0.0.9\n';
      writeFileSync(authfile, before);
      const fence = (fenced: boolean) =>
        runModule(polardbFence, { address: '10.0.0.10', fenced, authfile, port: 1 });
      expect(await fence(true)).to.include({ changed: true, listed: true, sessions: 0 });
      expect(readFileSync(authfile, 'utf8')).to.equal('10.0.0.11\n10.0.0.9\n');
      expect(await fence(true)).to.include({ changed: false });
      expect(await fence(false)).to.include({ changed: true, listed: false });
      expect(readFileSync(authfile, 'utf8')).to.equal(before);
      expect(await fence(false)).to.include({ changed: false });
    });
  });
});
