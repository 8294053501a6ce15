import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { git } from './git.ts';

/** Equal commits in both directories: names and times are fixed. */
const REPO = `export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE=2024-01-01T00:00:00Z GIT_COMMITTER_DATE=2024-01-01T00:00:00Z GIT_CONFIG_GLOBAL=/dev/null
git init -q -b main r; cd r; echo one >f; git add f; git commit -qm one; git tag -a v1 -m v1
git checkout -q -b side; echo side >s; git add s; git commit -qm side; git checkout -q main
echo two >f; git commit -qam two; cd ..`;

const CLONE = `git -c advice.detachedHead=false clone -q "file://$PWD/r" w`;

const get = (
  name: string,
  setup = '',
  args: Record<string, Json> = {},
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup: `${REPO}\n${setup}`,
  args: { repo: '{dir}/r', dest: '{dir}/w', ...args },
  otherFiles: true,
  ...more,
});

const CASES: readonly OracleCase[] = [
  get('the default branch'),
  get('a branch', '', { version: 'side' }),
  get('a tag', '', { version: 'v1' }),
  get('a working copy that is right', CLONE),
  get('a working copy that is behind', `${CLONE}; cd r; echo three >f; git commit -qam three; cd ..`),
  get('from one branch to another', CLONE, { version: 'side' }),
  get('from a branch to a tag', CLONE, { version: 'v1' }),
  get('not further than it is', `${CLONE}; cd r; echo three >f; git commit -qam three; cd ..`, {
    update: false,
  }),
  get('not over local modifications', `${CLONE}; echo mine >w/f`),
  get('over local modifications', `${CLONE}; echo mine >w/f`, { force: true }),
  get('past files of its own', `${CLONE}; echo mine >w/mine`),
  get('from another address', `${CLONE}; git -C w remote set-url origin file:///none`),
  get('without depth', '', { depth: 1 }),
  get('a bare repository', '', { bare: true }, { except: ['after'] }),
  get('into directories to be made', '', { dest: '{dir}/a/b/w' }),
  get('only what would be there', '', { clone: false }, { except: ['changed'] }),
  get('from nowhere', '', { repo: '{dir}/none' }, { except: ['before'] }),
  get(
    'no such version',
    '',
    { version: 'none' },
    { unpredictable: true, except: ['before', 'changed', 'after'] },
  ),
];

describe('git', () => {
  itAgreesWithAnsible(
    git,
    { via: 'module', fields: ['before', 'after', 'remote_url_changed'], needs: ['git'] },
    CASES,
  );
  itPredictsTheRun(git, CASES);

  it('takes no option for a repository, a version, a refspec or a remote', async () => {
    for (const name of ['repo', 'version', 'refspec', 'remote']) {
      const task = { repo: '/nowhere', dest: '/nowhere/else', [name]: '--upload-pack=true' };
      const result = await runModule(git, task, { checkMode: true });
      expect(result.msg).to.equal(`${name} cannot begin with a hyphen: --upload-pack=true`);
    }
  });

  it('leaves the version in the working copy, and submodules', () =>
    withTemporaryDirectory(async dir => {
      execFileSync('sh', ['-ec', REPO], { cwd: dir });
      const [repo, dest] = [join(dir, 'r'), join(dir, 'w')];
      const at = async (version: string) => {
        expect(await runModule(git, { repo, dest, version }), version).not.to.have.property('failed');
        return readFileSync(join(dest, 'f'), 'utf8');
      };
      expect(await at('v1')).to.equal('one\n');
      expect(await at('HEAD')).to.equal('two\n');
      const commit = execFileSync('git', ['-C', repo, 'rev-parse', 'v1^{}'], { encoding: 'utf8' }).trim();
      expect(await at(commit)).to.equal('one\n');
      expect(await at('side')).to.equal('one\n');
      expect(existsSync(join(dest, 's'))).to.equal(true);
      expect(await runModule(git, { repo, dest, version: commit.slice(0, 10) })).to.include({
        changed: true,
      });
      expect(await runModule(git, { repo, dest, version: commit.slice(0, 10) })).to.include({
        changed: false,
      });
    }));

  it('says that git is missing', () =>
    withTemporaryDirectory(async dir => {
      writeFileSync(join(dir, 'x'), '');
      const args = { repo: '/r', dest: join(dir, 'w'), executable: '/no/git' };
      const result = await runModule(git, args);
      expect(result.msg).to.equal('Failed to find required executable "git" on the host');
    }));
});
