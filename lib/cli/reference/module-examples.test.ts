import { rmSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { folderOf, startIn } from '../../../test/support/program.ts';
import { allModules } from '../../engine/module-list.ts';

const MODULES = allModules();
/** It stands among plays, not among tasks. */
const OF_PLAYS = 'import_playbook';

const tasksOf = (examples: string) => parse(examples) as readonly Record<string, unknown>[];

/** What the examples read from the control machine. */
const FILES = {
  'archive-wal.sh': '',
  'check-storage.sh': '',
  'fix-build.patch': '',
  'pgvector-0.7.4.tar.gz': '',
  'postgresql.conf.j2': '',
  'config/pgbouncer.ini': '',
  'app-roles.yml': '[]\n',
  'database.yml': '[]\n',
  hosts: 'h1 ansible_connection=local\n[replicas]\nh1\n',
};

const indented = (text: string) => text.trim().replace(/^(?=.)/gm, '    ');

const handler = (name: string) => `    - name: ${name}\n      service: {name: postgresql, state: reloaded}\n`;

const playbook = (examples: readonly string[]) =>
  `- name: Try the examples\n  hosts: all\n  tasks:\n${examples.map(indented).join('\n')}\n  handlers:\n${['Restart PostgreSQL', 'Reload PostgreSQL', 'Reload PgBouncer'].map(handler).join('')}`;

describe('examples of modules', function () {
  this.timeout(120_000);

  for (const { name, examples = '' } of MODULES) {
    it(`${name} has a task that uses it`, () => {
      const tasks = tasksOf(examples);
      expect(tasks.some(task => name in task)).to.equal(true);
      for (const task of tasks) expect(task['name']).to.match(/^[A-Z].*[^.]$/);
    });
  }

  it('are shown as they are, to be copied', async () => {
    const { stdout } = await startIn('/', ['doc', 'copy']).ended;
    expect(stdout).to.contain(
      '\nExamples\n  - name: Install the archive script\n    copy: {src: archive-wal.sh,',
    );
  });

  it('are read without a mistake, and lint finds nothing', async () => {
    const dir = folderOf({
      ...FILES,
      'site.yml': playbook(
        MODULES.flatMap(({ name, examples = '' }) => (name === OF_PLAYS ? [] : [examples])),
      ),
    });
    const read = await startIn(dir, ['site.yml', '-i', 'hosts', '--syntax-check']).ended;
    const linted = await startIn(dir, ['lint', '-x', 'yaml', 'site.yml']).ended;
    rmSync(dir, { recursive: true, force: true });
    expect(read.stderr).to.equal('');
    expect(read.code).to.equal(0);
    expect(linted.code, linted.stdout).to.equal(0);
  });
});
