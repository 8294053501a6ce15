import { A, Type } from '../../modules/kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote } from '../../modules/kit/define.ts';
import { mustAsk } from '../../modules/kit/reply.ts';
import { asDatabaseUser, awaitServer, serverArgs } from './polardb-psql.ts';

const args = Type.Object({
  data: A.path('Data directory of the node.'),
  signals: A.list('Files that make a server a replica.', {
    default: ['replica.signal', 'standby.signal', 'recovery.conf'],
  }),
  tries: A.int('How often to try: a replica that had not received all WAL may stop in its first promotion.', {
    default: 2,
  }),
  within: A.int('Seconds each try may take.', { default: 60 }),
  ...serverArgs,
});
type Args = Type.Static<typeof args>;

export const polardbPromote = defineState({
  name: 'polardb_promote',
  summary:
    'Makes a replica the writer. Nobody else may be able to write by then: polardb_fence comes before.',
  examples: `
# A step of switchover.yml and failover.yml. By itself it makes a second
# writer: those playbooks shut the old primary out first.
- name: Make the replica the primary
  polardb_promote:
    data: /srv/polardb/data
    bin: /usr/local/polardb/bin
    socket: /run/polardb
    port: 5432
    user: polardb
`,
  args,
  returns: {
    was: 'replica or primary, before.',
    seconds: 'How long the promotion took.',
    tries: 'How many tries it took: a server may end in its first, and is started again.',
  },

  *probe(args) {
    const reply = yield* mustSh(
      'cannot see what the server is',
      `${awaitServer(args, args.within)}\n${recovering(args)}`,
      {
        timeout: args.within + 60,
      },
    );
    return reply.stdout.trim() === 't';
  },

  diff(isReplica, { data }) {
    return {
      changes: isReplica ? [`promote the replica in ${data}`] : [],
      result: { was: isReplica ? 'replica' : 'primary' },
    };
  },

  *apply(_found, args) {
    const reply = yield* mustAsk('the promotion failed', script(args), {
      timeout: args.tries * (args.within + 60) + 60,
      live: true,
    });
    const [milliseconds, tries] = [Number(reply.text('ms')), Number(reply.text('tries'))];
    if (!Number.isSafeInteger(milliseconds) || !Number.isSafeInteger(tries))
      throw new ModuleError('the promotion said nothing', { stdout: reply.stdout.toString() });
    return { seconds: milliseconds / 1000, tries };
  },
});

const recovering = (args: Args): string =>
  `timeout 20 ${asDatabaseUser(args, 'psql')} -d postgres -XAtq -c 'select pg_is_in_recovery()'`;

/**
 * The server may end in a try; its service starts it again, as a replica, and it is tried again. When it will not be
 * promoted at all it is started as a writer, which reads the shared WAL as after a crash: slower, and always possible.
 */
function script(args: Args): string {
  const { bin, data, user, within, tries, signals } = args;
  return `
cd /
/usr/local/sbin/polar-guard promote >&2 || exit 1
begin=$(date +%s%N)
try=0
is_writer() { [ "$(${recovering(args)} 2>/dev/null)" = f ]; }
# A try that ended the server is told here; systemd need not count it as trouble as well.
finish() { [ "$try" -le 1 ] || systemctl reset-failed polardb; field tries $try; field ms $((($(date +%s%N) - begin) / 1000000)); exit 0; }
data=${quote(data)}
while [ $((try += 1)) -le ${tries} ]; do
  runuser -u ${quote(user)} -- ${quote(`${bin}/pg_ctl`)} promote -D "$data" -W >&2
  until=$(($(date +%s) + ${within}))
  while [ "$(date +%s)" -lt $until ]; do
    is_writer && finish
    systemctl -q is-active polardb || break
    sleep 0.1
  done
  echo "try $try did not make it a writer" >&2
  sleep 1
  systemctl start polardb
  (
${awaitServer(args, within)}
  ) || break
done
echo 'starting it as a writer instead' >&2
systemctl stop polardb
rm -f "$data/promote" "$data/polar_replica_booted" ${signals.map(name => `"$data"/${quote(name)}`).join(' ')}
systemctl start polardb || exit 1
(
${awaitServer(args, 300)}
) && is_writer && finish
journalctl -q -u polardb -n 20 -o cat --no-pager >&2
exit 1
`;
}
