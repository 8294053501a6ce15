import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { REACH } from '../kit/reach.ts';
import { enterStage } from './copy-tree.ts';

describe('copy of a directory: what is staged', () => {
  for (const signal of ['HUP', 'INT', 'TERM'])
    it(`is gone when ${signal} ends the copy`, () =>
      withTemporaryDirectory(dir => {
        const script = `p=${dir} o=$PWD\n${REACH}\n: >${dir}/stage.tar\n${enterStage(`${dir}/stage`)}\n: >file; ls -A ${dir}; kill -${signal} $$; echo goes on`;
        const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
        expect(stdout).to.equal('stage\nstage.tar\n');
        expect(readdirSync(dir)).to.deep.equal([]);
      }));
});
