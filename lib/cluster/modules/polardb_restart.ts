import { A, Type } from '../../modules/kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote } from '../../modules/kit/define.ts';
import { mustAsk } from '../../modules/kit/reply.ts';
import { awaitServer, psql, rowsOf, serverArgs } from './polardb-psql.ts';

/** A replica refuses to start with less of these than the primary runs with. */
const AT_LEAST_AS_ON_PRIMARY = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
];

interface Pending {
  readonly running: boolean;
  /** Settings that wait for a restart, with the values in force and in the file. */
  readonly settings: readonly { readonly name: string; readonly now: string; readonly next: string }[];
  /** Lines of the configuration that the server would not start with. */
  readonly refused: readonly string[];
  readonly otherProgram: boolean;
  /** recovery.conf (version 11) was written after the server had read it. */
  readonly newRecovery: boolean;
}

const args = Type.Object({
  lowered: A.choice(
    ['restart', 'wait'],
    'What a replica does about a setting that may not be lower than on the primary.',
    {
      default: 'restart',
    },
  ),
  force: A.bool('Restarts even when nothing asks for it.', { default: false }),
  wait: A.int('Seconds to wait until the server takes connections again.', { default: 300 }),
  ...serverArgs,
});

export const polardbRestart = defineState({
  name: 'polardb_restart',
  summary:
    'Restarts the database when a changed setting or another version of its programs needs it, and only then.',
  examples: `
- name: Restart the server only if a setting waits for it
  polardb_restart:
    bin: /usr/local/polardb/bin
    socket: /run/polardb
    port: 5432
    user: polardb
`,
  args,
  returns: {
    pending: 'Why it was or would be restarted.',
    waiting: 'Settings left for after the primary’s restart.',
  },

  *probe(args) {
    const reply = yield* mustAsk('cannot see what waits for a restart', probeScript(args), { timeout: 240 });
    const rows = rowsOf(reply.bytes('rows'), 4);
    return {
      running: reply.has('active'),
      otherProgram: reply.has('other-program'),
      newRecovery: reply.has('new-recovery'),
      refused: rows
        .filter(([kind]) => kind === 'refused')
        .map(([, name, value, error]) => `${name} = "${value}": ${error}`),
      settings: rows
        .filter(([kind]) => kind === 'pending')
        .map(([, name = '', now = '', next = '']) => ({ name, now, next })),
    } satisfies Pending;
  },

  diff({ running, settings, refused, otherProgram, newRecovery }, { lowered, force }) {
    if (refused.length > 0)
      throw new ModuleError(
        `the server would not start again with its configuration, so it is left running: ${refused.join('; ')}`,
      );
    const mustWait = ({ name, now, next }: Pending['settings'][number]) =>
      lowered === 'wait' && AT_LEAST_AS_ON_PRIMARY.includes(name) && Number(next) < Number(now);
    const waiting = settings.filter(mustWait).map(({ name }) => name);
    const raised = settings.filter(
      ({ name, now, next }) => AT_LEAST_AS_ON_PRIMARY.includes(name) && Number(next) > Number(now),
    );
    // The replica would need one restart before the primary's and one after it, with different values.
    if (waiting.length > 0 && raised.length > 0)
      throw new ModuleError(
        `${raised.map(({ name }) => name).join(', ')} is raised and ${waiting.join(', ')} lowered at once: nothing was restarted. Replicas need what is raised before the primary and what is lowered after it, so raise first, and lower in a second run`,
      );
    const pending = [
      ...settings.filter(s => !mustWait(s)).map(({ name, now, next }) => `${name}: ${now} → ${next}`),
      ...(otherProgram ? ['the installed programs are of another version than the running ones'] : []),
      ...(newRecovery ? ['recovery.conf is newer than the running server'] : []),
      ...(force ? ['asked for'] : []),
    ];
    // A server that is down takes everything with its next start, and bringing it up is not this task's business.
    const changes = running && waiting.length === 0 ? pending : [];
    return { changes, result: { pending: [...pending], waiting } };
  },

  *apply(_found, args) {
    yield* mustSh(
      'the database does not come back',
      `systemctl restart polardb || exit 1\n${awaitServer(args, args.wait)}\n/usr/local/sbin/polar-settings keep`,
      {
        timeout: args.wait + 200,
        live: true,
      },
    );
    return {};
  },
});

type Args = Type.Static<typeof args>;

/**
 * Settings not in force yet, with the file's last word on each, and lines of the file that no server would accept. A
 * setting that was taken out of the file is an error there too, but of no file.
 */
const QUERY = `
select 'pending', s.name, s.setting, coalesce((select f.setting from pg_file_settings f where f.name = s.name order by f.seqno desc limit 1), s.boot_val)
from pg_settings s where s.pending_restart
union all
select 'refused', coalesce(f.name, f.sourcefile || ' line ' || f.sourceline), coalesce(f.setting, ''), f.error
from pg_file_settings f where f.error is not null and f.sourcefile is not null
and not exists (select from pg_settings s where s.name = f.name and s.pending_restart)
order by 1, 2`;

function probeScript(args: Args): string {
  return `
cd /
[ "$(systemctl is-active polardb)" = active ] || exit 0
field active
pid=$(systemctl show -p MainPID --value polardb)
[ "$(readlink "/proc/$pid/exe")" = "$(readlink -f ${quote(`${args.bin}/postgres`)})" ] || field other-program
[ ! "/proc/$pid/cwd/recovery.conf" -nt "/proc/$pid/cwd/postmaster.pid" ] || field new-recovery
${awaitServer(args, 120)}
begin rows
${psql(args, QUERY)}
`;
}
