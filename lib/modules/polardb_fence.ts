import { A, Type } from './args.ts';
import { defineState, ModuleError, mustSh, quote } from './module.ts';

const args = Type.Object({
  address: A.str('Address of the node.'),
  fenced: A.bool('True shuts the node out from all disks; false lets it in again.'),
  authfile: A.path('File that lists who may connect.', { default: '/etc/polar/nbd-server.allow' }),
  port: A.int('Port of nbd-server.', { default: 1921 }),
});
type Args = Type.Static<typeof args>;

export const polardbFence = defineState({
  name: 'polardb_fence',
  summary:
    'Shuts a node out from the disks, on the storage host: no new connection, and every open one ended.',
  args,
  returns: {
    sessions: 'Connections of the node that were open before.',
    listed: 'Whether it was on the list of clients before.',
  },

  *probe(wish) {
    const reply = yield* mustSh('cannot see who is connected', probeScript(wish));
    const [listed, ...pids] = reply.stdout.split('\n').filter(line => line !== '');
    return { listed: listed === 'listed', sessions: pids.length };
  },

  diff({ listed, sessions }, { address, fenced }) {
    const changes = fenced
      ? [
          ...(listed ? [`take ${address} out of the list of clients`] : []),
          ...(sessions > 0 ? [`end ${sessions} connection(s) of ${address}`] : []),
        ]
      : listed
        ? []
        : [`let ${address} connect again`];
    return { changes, result: { sessions, listed } };
  },

  *apply(_found, wish) {
    yield* mustSh(
      'the node could not be shut out: do not promote another one',
      wish.fenced ? fenceScript(wish) : admitScript(wish),
      {
        timeout: 60,
      },
    );
    return {};
  },
});

/** Processes of nbd-server that serve the address. */
const sessions = ({ address, port }: Args): string =>
  `ss -Htnp state established "sport = :${port} and dst = ${checkAddress(address)}" | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p' | sort -u`;

function probeScript(wish: Args): string {
  return `
command -v ss >/dev/null || { echo 'ss (package iproute2) is missing' >&2; exit 1; }
if grep -qxF ${quote(wish.address)} ${quote(wish.authfile)} 2>/dev/null; then echo listed; else echo unlisted; fi
${sessions(wish)}
`;
}

/** First the list, then the connections, until none is left: in the other order the node could slip in again. */
function fenceScript(wish: Args): string {
  return `
file=${quote(wish.authfile)}
[ -e "$file" ] || { echo "$file is missing, so everybody may connect" >&2; exit 1; }
exec 9>>"$file.lock"
flock -w 10 9 || exit 1
grep -vxF ${quote(wish.address)} "$file" >"$file.new"
chmod 0644 "$file.new" && mv -f "$file.new" "$file" || exit 1
tries=0
while pids=$(${sessions(wish)}); [ -n "$pids" ]; do
  [ $((tries += 1)) -lt 100 ] || { echo "connections that do not end: $pids" >&2; exit 1; }
  kill -9 $pids
  sleep 0.1
done
sleep 0.3
[ -z "$(${sessions(wish)})" ] || { echo 'it connected again' >&2; exit 1; }
sync "$file"
`;
}

/** The list stays sorted, as the role nbd_server writes it. */
function admitScript(wish: Args): string {
  return `
file=${quote(wish.authfile)}
exec 9>>"$file.lock"
flock -w 10 9 || exit 1
{ cat "$file"; echo ${quote(wish.address)}; } | sort -u >"$file.new" && chmod 0644 "$file.new" && mv -f "$file.new" "$file"
`;
}

function checkAddress(address: string): string {
  if (!/^[0-9a-fA-F.:]+$/.test(address)) {
    throw new ModuleError(`"${address}" is no IP address: set cluster_address for the node`);
  }
  return address.includes(':') ? `[${address}]` : address;
}
