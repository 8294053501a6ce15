import { A, Type } from './args.ts';
import { defineState, mustSh, quote } from './module.ts';
import { awaitServer, psql, serverArgs } from './polardb_psql.ts';

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
  readonly otherProgram: boolean;
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
  args,
  returns: {
    pending: 'Why it was or would be restarted.',
    waiting: 'Settings left for after the primary’s restart.',
  },

  *probe(wish) {
    const reply = yield* mustSh('cannot see what waits for a restart', probeScript(wish), { timeout: 240 });
    const [running, program, ...rows] = reply.stdout.trimEnd().split('\n');
    return {
      running: running === 'active',
      otherProgram: program === 'other',
      settings: rows
        .filter(row => row !== '')
        .map(row => {
          const [name = '', now = '', next = ''] = row.split('|');
          return { name, now, next };
        }),
    } satisfies Pending;
  },

  diff({ running, settings, otherProgram }, { lowered, force }) {
    const mustWait = ({ name, now, next }: Pending['settings'][number]) =>
      lowered === 'wait' && AT_LEAST_AS_ON_PRIMARY.includes(name) && Number(next) < Number(now);
    const waiting = settings.filter(mustWait).map(({ name }) => name);
    const pending = [
      ...settings.filter(s => !mustWait(s)).map(({ name, now, next }) => `${name}: ${now} → ${next}`),
      ...(otherProgram ? ['the installed programs are of another version than the running ones'] : []),
      ...(force ? ['asked for'] : []),
    ];
    // A server that is down takes everything with its next start, and bringing it up is not this task's business.
    const changes = running && waiting.length === 0 ? pending : [];
    return { changes, result: { pending: [...pending], waiting } };
  },

  *apply(_found, wish) {
    yield* mustSh(
      'the database does not come back',
      `systemctl restart polardb || exit 1\n${awaitServer(wish, wish.wait)}`,
      {
        timeout: wish.wait + 200,
        live: true,
      },
    );
    return {};
  },
});

type Args = Type.Static<typeof args>;

/** The file's last word on each setting that is not in force yet. */
const QUERY = `select s.name, s.setting, coalesce((select f.setting from pg_file_settings f where f.name = s.name order by f.seqno desc limit 1), s.boot_val) from pg_settings s where s.pending_restart order by 1`;

function probeScript(wish: Args): string {
  return `
cd /
state=$(systemctl is-active polardb)
echo "$state"
[ "$state" = active ] || exit 0
pid=$(systemctl show -p MainPID --value polardb)
if [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f ${quote(`${wish.bin}/postgres`)})" ]; then echo same; else echo other; fi
${awaitServer(wish, 120)}
${psql(wish, QUERY)}
`;
}
