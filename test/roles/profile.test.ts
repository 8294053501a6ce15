import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../support/run-module.ts';
import { trial } from '../support/run-playbook.ts';

const DEFAULTS = join(import.meta.dirname, '../../roles/polardb_server/defaults/main.yml');
const GIVEN = {
  polardb_port: 5433,
  polardb_data: '/data',
  polardb_bin: '/opt/polardb/current/bin',
  polardb_user: 'polardb',
  polardb_locale: 'C.UTF-8',
  polardb_database: 'polardb',
  polardb_version: 15,
};

/** Values of the role's defaults, rendered. */
async function rendered(names: readonly string[], given: Readonly<Record<string, unknown>> = {}) {
  const play = [{ include_vars: DEFAULTS }, ...names.map(name => ({ debug: { msg: `{{ ${name} }}` } }))];
  const site = JSON.stringify([
    { hosts: 'all', gather_facts: false, vars: { ...GIVEN, ...given }, tasks: play },
  ]);
  const { said, error } = await trial(site, { hosts: 'h1\n' });
  if (error) throw error;
  return said as string[];
}

describe('the profile of the database user', () => {
  it('holds at a login, at the prompt and in a shell that is no login', async () => {
    const [profile, bashrc] = await rendered(['polardb_profile_text', 'polardb_bashrc_text']);
    await withTemporaryDirectory(home => {
      writeFileSync(join(home, '.bash_profile'), profile!);
      writeFileSync(join(home, '.bashrc'), bashrc!);
      const says = (mode: string) =>
        execFileSync('bash', [mode, 'echo "$PGPORT $PGDATA"; alias ll; echo "$PS1"'], {
          env: { HOME: home, PATH: process.env.PATH, USER: 'polardb' },
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        }).split('\n');
      for (const mode of ['-lic', '-ic']) {
        const [settings, alias, prompt] = says(mode);
        expect(settings, mode).to.equal('5433 /data');
        expect(alias, mode).to.equal("alias ll='ls -lh'");
        expect(prompt, mode).to.match(/^polardb@.*-> $/);
      }
    });
  });
});

describe('how much WAL is kept for a replica that is down', () => {
  const rows: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ['a fifth of a large disk', { polar_disk_bytes: { nvme1: 500 * 2 ** 30 } }, '102400MB'],
    [
      'what piles up between checkpoints, on a small disk',
      { polar_disk_bytes: { nvme1: 15 * 2 ** 30 } },
      '16384MB',
    ],
    ['the same where no size is known', {}, '16384MB'],
    ['no limit that version 11 would know', { polardb_version: 11 }, 'None'],
  ];
  for (const [what, given, expected] of rows)
    it(what, async () => {
      const disk = { polardb_disk: 'nvme1', ...given };
      const [value] = await rendered(
        ["'None' if polardb_slot_wal_keep is none else polardb_slot_wal_keep"],
        disk,
      );
      expect(value).to.equal(expected);
    });
});

describe('when the primary writes pages that a replica has not replayed', () => {
  const rows: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
    [
      'soon where few buffers can hold them',
      { ansible_memtotal_mb: 1024, polar_disk_bytes: { nvme1: 15 * 2 ** 30 } },
      ['8MB', '1MB', '3072MB'],
    ],
    ['later where many can', { ansible_memtotal_mb: 65536 }, ['256MB', '1MB', '1024MB']],
    ['as other versions do by themselves', { polardb_version: 11 }, ['None', 'None', 'None']],
  ];
  const names = [
    'snapshot_oldest_lsn_delay_threshold',
    'snapshot_replay_delay_threshold',
    'max_segment_size',
  ];
  for (const [what, given, expected] of rows)
    it(what, async () => {
      const settings = names.map(name => `polardb_parameters_polar.polar_fullpage_${name}`);
      const values = await rendered(
        settings.map(setting => `'None' if ${setting} is none else ${setting}`),
        { polardb_disk: 'nvme1', ...given },
      );
      expect(values).to.deep.equal(expected);
    });
});
