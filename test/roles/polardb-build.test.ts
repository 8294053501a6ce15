import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { withTemporaryDirectory } from '../support/run-module.ts';
import { trial } from '../support/run-playbook.ts';

const ROLE = join(import.meta.dirname, '../../roles/polardb_build');
const SCRIPT = join(ROLE, 'files/archive-source');

interface Place {
  readonly dir: string;
  /** Two commits of the repository, the first with a tag. */
  readonly first: string;
  readonly second: string;
  readonly url: string;
  /** Runs the script; what it says, or the names in the archive. */
  readonly archive: (repository: string, commit: string, tag?: string, ...leftOut: string[]) => string;
}

const withRepository = (check: (place: Place) => void) =>
  withTemporaryDirectory(dir => {
    const origin = join(dir, 'origin');
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', origin, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        encoding: 'utf8',
      }).trim();
    mkdirSync(join(dir, 'git'));
    execFileSync('git', ['init', '--quiet', origin]);
    const commits = ['one', 'two'].map(name => {
      writeFileSync(join(origin, name), name);
      git('add', '.');
      git('commit', '--quiet', '-m', name);
      return git('rev-parse', 'HEAD');
    });
    git('tag', 'v1', commits[0]!);
    const archive = (repository: string, commit: string, tag = '', ...leftOut: string[]) => {
      const file = join(dir, 'out.tar.gz');
      const args = ['x', repository, commit, tag, file, join(dir, 'git'), ...leftOut];
      const { status, stderr } = spawnSync(SCRIPT, args, { encoding: 'utf8' });
      return status === 0 ? execFileSync('tar', ['-tzf', file], { encoding: 'utf8' }) : stderr;
    };
    check({ dir, first: commits[0]!, second: commits[1]!, url: `file://${origin}`, archive });
  });

describe('archive-source of polardb_build', () => {
  it('packs a commit by its id or by its tag, without what is left out', () =>
    withRepository(({ first, second, url, archive, dir }) => {
      expect(archive(url, second)).to.equal('x/\nx/one\nx/two\n');
      expect(archive(url, first.slice(0, 7), 'v1')).to.equal('x/\nx/one\n');
      expect(archive(join(dir, 'origin'), second, '', 'one')).to.equal('x/\nx/two\n');
    }));

  it('names repository and commit when the commit is not there', () =>
    withRepository(({ url, archive, dir }) => {
      const gone = '0123456789012345678901234567890123456789';
      expect(archive(url, gone)).to.contain(`cannot get x: commit ${gone} of ${url}: `);
      expect(archive(url, gone)).to.contain('polardb_build_sources');
      expect(archive(url, '0123456', 'v9')).to.contain(`commit 0123456 (tag v9) of ${url}: `);
      const folder = join(dir, 'origin');
      expect(archive(folder, gone)).to.contain(`there is no commit ${gone} in ${folder}`);
      expect(archive(url, '--upload-pack=x')).to.contain('is not the id of a commit');
    }));

  it('takes a tag only while it stands for the pinned commit', () =>
    withRepository(({ first, second, url, archive }) => {
      expect(archive(url, second.slice(0, 7), 'v1')).to.contain(
        `tag v1 of ${url} is commit ${first} now, not ${second.slice(0, 7)}`,
      );
    }));
});

describe('packages of PolarDB', () => {
  const tasks = parse(readFileSync(join(ROLE, 'tasks/package.yml'), 'utf8')) as readonly {
    readonly name: string;
    readonly shell?: string;
  }[];
  const probe = tasks.find(({ name }) => name === 'Check whether they contain PolarDB with PFS')?.shell;

  /** What the check says of these programs; the text of each is what it prints. */
  const verdict = (programs: Readonly<Record<string, string>>) =>
    withTemporaryDirectory(dir => {
      for (const [path, text] of Object.entries(programs)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), `#!/bin/sh\necho '${text}'\n`, { mode: 0o755 });
      }
      const { status, stderr } = spawnSync('sh', ['-c', probe!], { cwd: dir, encoding: 'utf8' });
      return { status, said: stderr };
    });

  it('are refused before anything starts where they cannot use PFS, or bring none', async () => {
    expect((await verdict({})).said)
      .to.contain('no bin/postgres')
      .and.contain('polardb_build_package_directory');
    const server = { 'bin/postgres': 'postgres (PolarDB) 15.8', 'bin/pg_config': '--with-openssl' };
    expect((await verdict(server)).said).to.contain('postgres (PolarDB) 15.8, was built without PFS');
    const withPfs = { ...server, 'bin/pg_config': '--with-openssl --with-pfsd' };
    expect((await verdict(withPfs)).said).to.contain('no polarstore/pfsd/bin/pfsdaemon');
    const whole = { ...withPfs, 'polarstore/pfsd/bin/pfsdaemon': '' };
    expect(await verdict(whole)).to.deep.equal({ status: 0, said: '' });
  });
});

describe('the name of a bundle', () => {
  const BUILD = readFileSync(join(ROLE, 'files/build-bundle.sh'), 'utf8');

  /** The bundle's name with this script in place of the role's. */
  const keyWith = (script: string) =>
    withTemporaryDirectory(async dir => {
      mkdirSync(join(dir, 'files'));
      writeFileSync(join(dir, 'files/build-bundle.sh'), script);
      const play = {
        hosts: 'all',
        gather_facts: false,
        vars_files: ['defaults', 'vars'].map(kind => join(ROLE, kind, 'main.yml')),
        vars: { role_path: dir, polardb_version: 15, polardb_build_method: 'source' },
        tasks: [{ debug: { msg: '{{ polardb_build_key }}' } }],
      };
      const hosts =
        'h ansible_distribution=Debian ansible_distribution_major_version=12 ansible_architecture=x86_64\n';
      const { said, error } = await trial(JSON.stringify([play]), { hosts });
      if (error) throw error;
      return String(said[0]);
    });

  it('changes with what the script does, and not with what its comments say', async () => {
    const key = await keyWith(BUILD);
    expect(key).to.match(/^polardb-15-debian12-x86_64-[0-9a-f]{12}$/);
    expect(await keyWith(BUILD.replace('# PFS asks', '# PFS, which asks'))).to.equal(key);
    expect(await keyWith(BUILD.replace(/\n$/, '\n  # indented\n'))).to.equal(key);
    expect(await keyWith(`${BUILD}true\n`)).to.not.equal(key);
  });
});
