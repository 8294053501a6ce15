import { statSync } from 'node:fs';
import { expect } from 'chai';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { tempfile } from './tempfile.ts';

describe('tempfile', () => {
  for (const [state, mode] of [
    ['file', 0o600],
    ['directory', 0o700],
  ] as const)
    it(`makes a ${state} of a new name that only its owner may use`, () =>
      withTemporaryDirectory(async path => {
        const make = () => runModule(tempfile, { state, path, prefix: "a 'b", suffix: '.c' });
        const [one, other] = [await make(), await make()];
        expect(one).to.include({ changed: true, state });
        expect(one['path']).to.match(/\/a 'b[0-9a-f]{12}\.c$/);
        expect(one['path']).not.to.equal(other['path']);
        const made = statSync(String(one['path']));
        expect([made.mode & 0o777, made.isDirectory()]).to.deep.equal([mode, state === 'directory']);
      }));

  it('says why it cannot, and makes nothing in check mode', async () => {
    const missing = { path: '/nowhere-at-all' };
    expect((await runModule(tempfile, missing)).msg).to.match(/^cannot make a temporary file: .*/);
    expect(await runModule(tempfile, missing, { checkMode: true })).to.deep.equal({
      changed: false,
      skipped: true,
    });
  });
});
