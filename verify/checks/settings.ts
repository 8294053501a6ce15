import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place, Sight } from '../check.ts';
import { normalValue, type SettingKind } from '../setting-value.ts';

interface Setting extends SettingKind {
  readonly name: string;
  readonly setting: string;
  readonly reset: string;
  readonly source: string;
  readonly place: string | null;
  readonly pending: boolean;
}

interface Entry {
  readonly name: string | null;
  readonly setting: string | null;
  readonly error: string | null;
  readonly place: string;
}

/** A connection string may hold a password, which reaches no report. */
const PASSWORD = "password *= *('([^'\\\\]|\\\\.)*'|[^ ]*)";
const HIDDEN = 'password=(hidden)';
const shown = (column: string) =>
  `regexp_replace(${column}, '${PASSWORD.replaceAll("'", "''")}', '${HIDDEN}', 'gi')`;
const SELECT = `SELECT name, ${shown('setting')} AS setting, ${shown('coalesce(reset_val, setting)')} AS reset, unit, vartype, source, sourcefile || ':' || sourceline AS place, pending_restart AS pending FROM pg_settings`;
const FILES = `SELECT name, ${shown('setting')} AS setting, error, sourcefile || ':' || sourceline AS place FROM pg_file_settings ORDER BY seqno`;

/** Where a value comes from that somebody wrote. */
const WRITTEN = ['configuration file', 'command line', 'environment variable', 'global'];
/** Written by the suite's own session or by other checks' subjects. */
const ELSEWHERE = [
  'synchronous_standby_names',
  'config_file',
  'hba_file',
  'ident_file',
  'data_directory',
  'external_pid_file',
];

/** What may never be otherwise: a value here loses data, or lets damaged data pass. */
const DURABLE: Readonly<Record<string, readonly string[]>> = {
  fsync: ['on'],
  full_page_writes: ['on'],
  synchronous_commit: ['on', 'remote_apply', 'remote_write'],
  wal_level: ['replica', 'logical'],
  zero_damaged_pages: ['off'],
  ignore_checksum_failure: ['off'],
  ignore_invalid_pages: ['off'],
  ignore_system_indexes: ['off'],
  allow_system_table_mods: ['off'],
  default_transaction_read_only: ['off'],
  autovacuum: ['on'],
  track_counts: ['on'],
  data_sync_retry: ['off'],
  session_replication_role: ['origin'],
};
/** PolarDB 15 comes with it on: pages of its shared disk may be newer than the log. A server's own value is not a finding. */
const OWN_DEFAULT = 'ignore_invalid_pages';
const NOT_LOWER = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
];

/** What is not as the server comes, and what the inventory or this suite names. */
const settingsQuery = ({ node }: Place) => {
  const names = [...(node?.settings.keys() ?? []), ...Object.keys(DURABLE), ...NOT_LOWER];
  const listed = [...new Set(names.map(name => `'${name.toLowerCase().replaceAll("'", "''")}'`))].join(', ');
  return `${SELECT} WHERE source <> 'default' OR pending_restart OR lower(name) IN (${listed})`;
};
const settings = (place: Place) => ({ settings: settingsQuery(place) });
const limits = { settings: `${SELECT} WHERE name IN (${NOT_LOWER.map(name => `'${name}'`).join(', ')})` };

/** The settings of every server: those of the inventory, in force, and safe. */
export const settingChecks: readonly Check[] = [
  {
    id: 'settings.durable',
    title: 'what is acknowledged is on disk, and damaged data does not pass',
    proves: `The settings that decide over losing data are safe on every node: ${Object.keys(DURABLE).join(', ')}.`,
    expects: 'the safe values',
    todo: 'Remove the setting (ALTER SYSTEM RESET, postgresql.conf, ALTER ROLE or DATABASE … RESET) and reload. After a time with fsync off: CHECKPOINT, and take a new backup.',
    severity: 'danger',
    on: 'nodes',
    sql: settings,
    judge: at => {
      const known = settingsOf(at);
      for (const [name, safe] of Object.entries(DURABLE)) {
        const found = known.get(name);
        if (!found || accepted(at, name, found)) continue;
        if (name === OWN_DEFAULT && found.source === 'default') continue;
        // What this suite sets for its own session, where it has to come in over TCP.
        if (found.source === 'client') continue;
        at.check(safe.includes(found.reset), `${name} is ${safe[0]}`, `${found.reset}${placeOf(found)}`);
      }
    },
  },
  {
    id: 'settings.pending',
    title: 'what is written in the configuration files is in force',
    proves:
      'The files have no error, no change waits for a reload or a restart: the next start changes nothing, and fails for no reason that shows there.',
    expects: 'files without errors, all in force',
    todo: 'Correct the line. A change that you want takes a reload, or rolling_restart.yml; otherwise run site.yml, which writes the file anew.',
    severity: 'fault',
    on: 'nodes',
    sql: place => ({ ...settings(place), files: FILES }),
    judge: judgePending,
  },
  {
    id: 'settings.drift',
    title: 'every setting is what the inventory says',
    proves:
      'Each setting that the inventory or a role names has its value on each node, and none is set that they do not name, nor read from a file that others write.',
    expects: 'the settings of the inventory, and no others',
    todo: 'Put the value that you want into polardb_parameters_extra and run site.yml; a value of ALTER SYSTEM goes with ALTER SYSTEM RESET. The next site.yml would write postgresql.conf anew.',
    severity: 'warning',
    on: 'nodes',
    // What the role of a node decides is judged when it is certain who the primary is.
    needs: ['settings.pending', 'database.writers', 'database.writers@primary'],
    // A file that is not there yet sets what its owner wants at the next reload.
    asks: ({ node }) => ({
      includes: `sed -nE "s/^[[:space:]]*include(_if_exists|_dir)?[[:space:]]*=?[[:space:]]*'([^']*)'.*/\\2/p" ${shellWord(`${node?.data}/postgresql.conf`)} 2>/dev/null; :`,
    }),
    sql: settings,
    skip: ({ guarded, primary }) =>
      guarded || primary.settings.size > 0
        ? undefined
        : 'somebody else set this cluster up, and the inventory names no settings (polardb_parameters)',
    judge: judgeDrift,
  },
  {
    id: 'settings.overrides',
    title: 'no role and no database overrides a setting that matters',
    proves:
      'ALTER ROLE and ALTER DATABASE change none of the settings that decide over data or over who may write, and none at all for the database user or for everybody.',
    expects: 'no override of these settings',
    todo: 'ALTER ROLE … RESET name, ALTER DATABASE … RESET name.',
    severity: 'fault',
    on: 'primary',
    sql: {
      overrides:
        "SELECT coalesce(d.datname, 'every database') AS database, coalesce(r.rolname, 'every role') AS role, unnest(s.setconfig) AS setting FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole",
    },
    judge: at => {
      const user = at.node?.sql.user;
      for (const { database, role, setting } of at.rows<{ database: string; role: string; setting: string }>(
        'overrides',
      )) {
        const [name = '', value = ''] = setting.split('=');
        const safe = DURABLE[name];
        const unsafe = safe !== undefined && !safe.includes(value);
        at.check(!unsafe, `${name} is not overridden`, `${setting} for ${role} in ${database}`);
        // What clients' roles and databases of their own are set to is theirs.
        const ours =
          role === user ||
          (role === 'every role' && ['every database', 'postgres', 'template1'].includes(database));
        at.check(unsafe || !ours, `${name} is not overridden`, `${setting} for ${role} in ${database}`);
      }
    },
  },
  {
    id: 'settings.replicas',
    title: 'no replica allows less than the primary',
    proves: `${NOT_LOWER.join(', ')} are at least as large on each replica as on the primary: with less a replica stops replaying, or does not start.`,
    expects: 'at least the value of the primary',
    todo: 'Raise the value on the replicas first and restart them, then on the primary: site.yml does it in that order.',
    severity: 'fault',
    on: 'replicas',
    needs: ['database.answers@primary'],
    sql: limits,
    primarySql: limits,
    judge: at => {
      const own = settingsOf(at);
      const primary = new Map(at.primary.rows<Setting>('settings').map(s => [s.name, s]));
      for (const name of NOT_LOWER) {
        const wanted = Number(primary.get(name)?.setting);
        const found = Number(own.get(name)?.setting);
        at.check(!(found < wanted), `${name} is at least ${wanted}`, found);
      }
    },
  },
];

const settingsOf = (at: Sight) => new Map(at.rows<Setting>('settings').map(s => [s.name, s]));

const placeOf = ({ source, place }: Setting) => ` (${place ?? source})`;

/** An inventory may choose full_page_writes = off for PolarDB, whose own setting keeps torn pages from harm. */
function accepted(at: Sight, name: string, { reset }: Setting): boolean {
  return (
    at.deployment.database === 'polardb' &&
    name === 'full_page_writes' &&
    at.node?.settings.get(name) === reset
  );
}

/** What the role's postgresql.conf includes. */
const INCLUDED = ['/run/polardb/guard.conf', 'polar.sync.conf'];

function judgeDrift(at: Sight): void {
  const known = new Map(at.rows<Setting>('settings').map(s => [s.name.toLowerCase(), s]));
  const wanted = at.node?.settings ?? new Map<string, string>();
  for (const [name, secret] of wanted) {
    const value = secret.replace(new RegExp(PASSWORD, 'gi'), HIDDEN);
    const found = known.get(name.toLowerCase());
    // PolarDB hides some of its settings from pg_settings; the file is judged by settings.pending.
    if (!found) continue;
    if (['database', 'user', 'database user'].includes(found.source)) continue;
    at.check(
      normalValue(found.reset, found) === normalValue(value, found),
      `${name} = ${value}`,
      `${found.reset}${found.unit ?? ''}${placeOf(found)}`,
    );
  }
  // What somebody else set up has settings of its own: only those that the inventory names are expected.
  if (!at.deployment.guarded) return;
  const further = at
    .out('includes')
    .split('\n')
    .filter(file => file !== '' && !INCLUDED.includes(file));
  at.check(
    further.length === 0,
    'no settings from files of others',
    `postgresql.conf includes ${further.join(', ')}`,
  );
  const names = new Set([...wanted.keys(), ...(at.node?.openSettings ?? [])].map(name => name.toLowerCase()));
  for (const setting of known.values()) {
    const name = setting.name.toLowerCase();
    if (names.has(name) || ELSEWHERE.includes(name) || name in DURABLE || !WRITTEN.includes(setting.source))
      continue;
    at.check(false, `${setting.name} is not set`, `${setting.reset}${setting.unit ?? ''}${placeOf(setting)}`);
  }
}

function judgePending(at: Sight): void {
  const known = new Map(at.rows<Setting>('settings').map(s => [s.name.toLowerCase(), s]));
  const entries = at.rows<Entry>('files');
  for (const { error, place, name } of entries)
    at.check(
      error === null || error === 'setting could not be applied',
      'files without errors',
      `${place}: ${name ?? ''} ${error}`,
    );
  // The last entry of a name counts.
  const last = new Map(
    entries.flatMap(entry => (entry.name === null ? [] : [[entry.name.toLowerCase(), entry] as const])),
  );
  for (const [name, entry] of last) {
    const running = known.get(name);
    if (!running || entry.setting === null || ['database', 'user', 'database user'].includes(running.source))
      continue;
    const same = normalValue(entry.setting, running) === normalValue(running.reset, running);
    at.check(
      same,
      `${name} = ${entry.setting}, as in ${entry.place}`,
      `${running.reset}${running.unit ?? ''} is in force`,
    );
  }
  for (const setting of known.values()) {
    const waits = setting.pending && !last.has(setting.name.toLowerCase());
    at.check(!waits, `${setting.name} needs no restart`, 'it waits for a restart');
    const gone = setting.source === 'configuration file' && !last.has(setting.name.toLowerCase());
    at.check(
      !gone || waits,
      `${setting.name} stands in a file`,
      `${setting.reset} is in force, and no file says so any more`,
    );
  }
}
