import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { comingToItsEnd } from '../../transport/shell/script.ts';
import { REACH } from '../kit/reach.ts';
import { enterStage } from './copy-tree.ts';

describe('copy of a directory: what is staged', () => {
  for (const signal of ['HUP', 'INT', 'PIPE', 'TERM'])
    it(`is gone when ${signal} ends the copy`, () =>
      withTemporaryDirectory(dir => {
        const script = `p=${dir} o=$PWD\n${REACH}\n: >${dir}/stage.tar\n${enterStage(`${dir}/stage`)}\n: >file; ls -A ${dir}; kill -${signal} $$; echo goes on`;
        const { stdout } = spawnSync('sh', ['-c', comingToItsEnd(script)], { encoding: 'utf8' });
        expect(stdout).to.equal('stage\nstage.tar\n');
        expect(readdirSync(dir)).to.deep.equal([]);
      }));

  it('is removed by a later copy when the run that made it was killed, and only then', () =>
    withTemporaryDirectory(dir => {
      const old = ['.tree.0123456789ab.tmp', '.tree.0123456789ab.tmp.tar', '.tree.0123456789ac.tmp.tar'];
      const others = [
        '.tree.tmp',
        '.tree.0123456789az.tmp',
        'x.tree.0123456789ab.tmp',
        'tree.0123456789ab.tmp',
      ];
      for (const name of [...old, ...others]) writeFileSync(join(dir, name), '');
      mkdirSync(join(dir, 'below'));
      writeFileSync(join(dir, 'below', old[0]!), '');
      rmSync(join(dir, old[0]!));
      mkdirSync(join(dir, old[0]!));
      writeFileSync(join(dir, old[0]!, 'half'), '');
      const past = new Date(Date.now() - 2 * 86_400_000);
      for (const name of [...old, ...others]) utimesSync(join(dir, name), past, past);
      writeFileSync(join(dir, '.tree.0123456789ad.tmp.tar'), '');
      const script = `p=${dir} o=$PWD\n${REACH}\n${enterStage(`${dir}/.tree.fedcba987654.tmp`)}`;
      for (const shell of [['dash'], ['busybox', 'ash']]) {
        const { status, stderr } = spawnSync(shell[0]!, [...shell.slice(1), '-c', script], {
          encoding: 'utf8',
        });
        expect([status, stderr]).to.deep.equal([0, '']);
      }
      const left = [...others, '.tree.0123456789ad.tmp.tar', 'below'];
      expect(readdirSync(dir).sort()).to.deep.equal(left.sort());
      expect(readdirSync(join(dir, 'below'))).to.deep.equal([old[0]]);
    }));
});
