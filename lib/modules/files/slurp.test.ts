import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { slurp } from './slurp.ts';

describe('slurp', () => {
  it('reads every byte, in check mode too', () =>
    withTemporaryDirectory(async directory => {
      const src = join(directory, 'bytes');
      const bytes = Buffer.from([0, 10, 255, 13, 10]);
      writeFileSync(src, bytes);
      const whole = { changed: false, content: bytes.toString('base64'), encoding: 'base64', source: src };
      expect(await runModule(slurp, { src })).to.deep.equal(whole);
      expect(await runModule(slurp, { src }, { checkMode: true })).to.deep.equal(whole);
    }));

  it('says why it cannot', () =>
    withTemporaryDirectory(async directory => {
      mkdirSync(join(directory, 'sub'));
      writeFileSync(join(directory, 'file'), '');
      const why = async (name: string) => (await runModule(slurp, { src: join(directory, name) })).msg;
      expect(await why('sub')).to.equal(`source is a directory and must be a file: ${directory}/sub`);
      expect(await why('none')).to.equal(`file not found: ${directory}/none`);
      expect(await why('file/below')).to.equal(`unable to slurp file: ${directory}/file/below`);
    }));
});
