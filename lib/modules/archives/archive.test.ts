import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { archive } from './archive.ts';

const TREE = 'mkdir -p t/x; echo one >t/one; echo two >t/x/two; echo log >t/x/z.log; echo single >f';

const pack = (
  name: string,
  args: Record<string, Json>,
  setup = TREE,
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup,
  args: { path: ['{dir}/t'], dest: '{dir}/a', ...args },
  otherFiles: true,
  ...more,
});

const CASES: readonly OracleCase[] = [
  pack('a tree', { mode: '0600' }),
  pack('a tree, bzip2', { format: 'bz2' }),
  pack('a tree, xz', { format: 'xz' }),
  pack('a tree, tar', { format: 'tar' }),
  pack('a tree, zip', { format: 'zip' }),
  pack('a file', { path: ['{dir}/f'], dest: null }),
  pack('a file as an archive', { path: ['{dir}/f'], force_archive: true }),
  pack('by pattern', { path: ['{dir}/t/*'] }),
  pack('without a path', { path: ['{dir}/t/*'], exclude_path: ['{dir}/t/x'] }),
  pack('a tree without a destination', { dest: null }, TREE, { except: ['dest'] }),
  pack('what is partly missing', { path: ['{dir}/f', '{dir}/none'] }),
];

describe('archive', () => {
  itAgreesWithAnsible(
    archive,
    {
      via: 'module',
      ansibleName: 'community.general.archive',
      fields: ['dest', 'dest_state', 'arcroot', 'missing', 'expanded_paths', 'expanded_exclude_paths'],
      needs: ['zip', 'unzip', 'xz', 'bzip2'],
    },
    CASES,
  );
  itPredictsTheRun(archive, CASES);

  it('packs what it says, and takes the sources away', () =>
    withTemporaryDirectory(async dir => {
      execFileSync('sh', ['-ec', TREE], { cwd: dir });
      const args = {
        path: [join(dir, 't')],
        dest: join(dir, 'a'),
        exclusion_patterns: ['*.log'],
        remove: true,
      };
      expect(await runModule(archive, args)).to.include({ changed: true, dest_state: 'archive' });
      expect(existsSync(join(dir, 't'))).to.equal(false);
      execFileSync('sh', ['-ec', 'mkdir out; tar -C out -xzf a'], { cwd: dir });
      expect(readFileSync(join(dir, 'out/t/x/two'), 'utf8')).to.equal('two\n');
      expect(existsSync(join(dir, 'out/t/x/z.log'))).to.equal(false);
    }));
});
