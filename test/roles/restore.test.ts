import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { withTemporaryDirectory } from '../support/run-module.ts';

const TASKS = join(import.meta.dirname, '../../roles/polardb_backup/tasks/restore.yml');
/** `games`: a user that every Debian has and that runs nothing. */
const OWNER = 5;

/** The shell text of a task, with these values in the place of its expressions. */
function scriptOf(name: string, values: Readonly<Record<string, string>>): string {
  const tasks = parse(readFileSync(TASKS, 'utf8')) as { name?: string; shell?: string }[];
  const text = tasks.find(task => task.name === name)?.shell ?? '';
  return text.replaceAll(/\{\{ (.*?) \}\}/g, (_, expression: string) => {
    const value = values[expression.replace(/ \| (quote|int)$/, '')];
    if (value === undefined) throw new Error(`no value for ${expression}`);
    return value;
  });
}

describe('a restore of a backup that the user of the database prepared', () => {
  before(function () {
    if (process.getuid?.() === 0) return;
    console.log('      skipped: runs as root, who gives files to another user');
    this.skip();
  });

  /** A backup with a file and a link to `precious`, where something else is. */
  const withBackup = (work: (dir: string, values: Record<string, string>) => void) =>
    withTemporaryDirectory(dir => {
      chmodSync(dir, 0o755);
      mkdirSync(join(dir, 'precious'));
      writeFileSync(join(dir, 'precious', 'kept'), 'kept');
      for (const part of ['local', 'shared']) mkdirSync(join(dir, 'backups/b', part), { recursive: true });
      for (const name of ['PG_VERSION', 'standby.signal']) {
        writeFileSync(join(dir, 'backups/b/local', name), '15');
        chownSync(join(dir, 'backups/b/local', name), OWNER, OWNER);
      }
      chownSync(join(dir, 'backups/b/local'), OWNER, OWNER);
      work(dir, {
        backup_directory: join(dir, 'backups'),
        "(backup_directory ~ '/' ~ backup ~ '/local')": join(dir, 'backups/b/local'),
        "(backup_directory ~ '/' ~ backup ~ '/shared')": join(dir, 'backups/b/shared'),
        polardb_data: join(dir, 'data'),
        polardb_user: 'games',
        backup_stamp: 'now',
        backup_timeout: '60',
        polardb_restore_pfs: '/bin/false',
        polardb_restore_copy: '/copy',
        pfs_cluster: 'disk',
      });
    });
  const run = (script: string) => spawnSync('sh', ['-c', script], { encoding: 'utf8' });

  it('removes nothing where a link leads', () =>
    withBackup((dir, values) => {
      symlinkSync(join(dir, 'precious'), join(dir, 'backups/b/local/pg_replslot'));
      run(scriptOf('Install the data directory of the backup', values));
      expect(readdirSync(join(dir, 'precious'))).to.deep.equal(['kept']);
    }));

  it('installs what is in order', () =>
    withBackup((dir, values) => {
      mkdirSync(join(dir, 'data'));
      const { status, stderr } = run(scriptOf('Install the data directory of the backup', values));
      expect([status, stderr]).to.deep.equal([0, '']);
      expect(readdirSync(join(dir, 'data'))).to.deep.equal(['PG_VERSION']);
      expect(readdirSync(dir).sort()).to.deep.equal(['backups', 'data', 'data.before-now', 'precious']);
    }));

  it('reads nothing that a link leads to', () =>
    withBackup((dir, values) => {
      symlinkSync(join(dir, 'precious'), join(dir, 'backups/b/shared/link'));
      const { status, stderr } = run(
        scriptOf('Copy the shared data of the backup to the shared disk', values),
      );
      expect([status, stderr.trim()]).to.deep.equal([
        1,
        'the shared data of the backup holds a symbolic link',
      ]);
      expect(existsSync('/copy')).to.equal(false);
    }));
});
