import { expect } from 'chai';
import { runModule } from '../../../test/support/run-module.ts';
import { raw } from './raw.ts';

describe('raw', () => {
  it('gives what the shell gives', async () => {
    expect(await runModule(raw, { cmd: 'echo a; echo b >&2; exit 3' })).to.deep.equal({
      changed: true,
      failed: true,
      msg: 'non-zero return code',
      rc: 3,
      stdout: 'a\n',
      stderr: 'b\n',
      stdout_lines: ['a'],
      stderr_lines: ['b'],
    });
  });

  it('is skipped in check mode', async () => {
    expect(await runModule(raw, { cmd: 'true' }, { checkMode: true })).to.include({ skipped: true });
  });
});
