import { BlockList, isIP } from 'node:net';
import { A, Type } from '../../modules/kit/arguments.ts';
import { defineState, ModuleError, quote } from '../../modules/kit/define.ts';
import { OWN, REACH } from '../../modules/kit/reach.ts';
import { mustAsk } from '../../modules/kit/reply.ts';

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
  examples: `
# A step of failover.yml, which also writes the role record.
- name: Shut a lost primary out from the disks
  polardb_fence: {address: 10.0.0.12, fenced: true}
  delegate_to: st1
`,
  args,
  returns: {
    sessions: 'Connections of the node that were open before.',
    listed: 'Whether it was on the list of clients before.',
  },

  *probe(args) {
    const records = yield* mustAsk('cannot see who is connected', probeScript(args));
    const lines = (name: string) =>
      (records.text(name) ?? '')
        .split('\n')
        .map(line => line.trim())
        .filter(line => line !== '');
    const allowed = lines('allowed');
    return {
      listed: allowed.includes(args.address),
      sessions: lines('sessions').length,
      others: allowed.filter(line => line !== args.address && letsIn(line, args.address)),
    };
  },

  diff({ listed, sessions, others }, { address, fenced, authfile }) {
    if (fenced && others.length > 0) {
      throw new ModuleError(
        `${address} cannot be shut out, so no other node may be promoted: ${others.join(', ')} in ${authfile} lets it in as well. Take that out of nbd_server_extra_clients and run site.yml`,
      );
    }
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

  *apply(_found, args) {
    yield* mustAsk(
      'the node could not be shut out: do not promote another one',
      args.fenced ? fenceScript(args) : admitScript(args),
      {
        timeout: 60,
      },
    );
    return {};
  },
});

/**
 * Processes of nbd-server that serve the address, also when the client has closed its end: what it had sent by then may
 * still be written. And those that serve nobody any more, whoever it was: they may have writes of it before them.
 */
const sessions = ({ address, port }: Args): string => `{
  ss -Htnp state connected "sport = :${port} and dst = ${checkAddress(address)}" | grep -o 'pid=[0-9]*'
  # Of this host's own network: not those of containers on it.
  here=$(stat -L -c %i /proc/self/ns/net)
  known=$(grep -lsx nbd-server /proc/[0-9]*/comm | sed 's,comm$,ns/net,')
  own=$([ -z "$known" ] || stat -L -c '%i %n' $known 2>/dev/null | sed -n "s,^$here /proc/\\([0-9]*\\)/.*,\\1,p")
  served=$([ -z "$own" ] || ss -Htnap | grep -o 'pid=[0-9]*')
  for pid in $own; do
    if grep -qs polar-nbd-server "/proc/$pid/cgroup"; then
      printf '%s\\n' "$served" | grep -qx "pid=$pid" || echo "pid=$pid"
    fi
  done
} | sed 's/^pid=//' | sort -u`;

/** Whether a line of the list, an address or a block of them, lets the address in. */
export function letsIn(line: string, address: string): boolean {
  const [net = '', bits] = line.split('/');
  const family = (text: string) => (isIP(text) === 6 ? 'ipv6' : 'ipv4');
  const longest = isIP(net) === 6 ? 128 : 32;
  const length = Number(bits ?? longest);
  if (isIP(net) === 0 || isIP(address) === 0 || !(length >= 0 && length <= longest)) return false;
  const list = new BlockList();
  list.addSubnet(net, length, family(net));
  return list.check(address, family(address));
}

function probeScript(args: Args): string {
  return `${REACH}\n${OWN}
command -v ss >/dev/null || fail 'ss (package iproute2) is missing'
if [ -e ${quote(args.authfile)} ]; then
  ${enterList(args)}
  begin allowed; cat "$n" || exit 1
fi
begin sessions; ${sessions(args)}
`;
}

/** The list decides who reaches the disks: nobody else may write beside it. */
const enterList = ({ authfile }: Args): string =>
  `reach ${quote(authfile)} 1; own || fail "$PWD, the folder of "${quote(authfile)}", can be written by others than root: give it to root, mode 0755"`;

/** Replaces the list by what comes on stdin, in one step. */
const replaceList = `{ cat >"$n.new" && chmod 0644 "$n.new" && sync "$n.new" && mv -f "$n.new" "$n"; }`;

const lockList = (args: Args): string => `${REACH}\n${OWN}
[ -e ${quote(args.authfile)} ] || fail ${quote(args.authfile)}' is missing, so everybody may connect'
${enterList(args)}
exec 9>>"$n.lock"
flock -w 10 9 || fail 'another run is changing it'
list=$(cat "$n") || fail "cannot read $PWD/\${n#./}"`;

/**
 * First the list, then the connections that were there: whoever connects from here on is refused by the new list, and may
 * try as often as it likes, such as a health endpoint that looks each second whether it may. What is refused has no file
 * of an export open; a session that has is one that slipped in.
 */
function fenceScript(args: Args): string {
  return `${lockList(args)}
printf '%s\\n' "$list" | grep -vxF ${quote(args.address)} | grep . | ${replaceList} || exit 1
before=$(${sessions(args)})
left() { [ -z "$before" ] || { ${sessions(args)}; } | grep -xF "$before"; }
tries=0
while pids=$(left); [ -n "$pids" ]; do
  [ $((tries += 1)) -lt 100 ] || fail "connections that do not end: $pids"
  kill -9 $pids
  sleep 0.1
done
sleep 0.3
list=$PWD/\${n#./}
for pid in $(${sessions(args)}); do
  case $(find "/proc/$pid/fd" -lname '/*' ! -lname '/dev/null' ! -lname '/dev/log' ! -lname "$list" 2>/dev/null) in
  ?*) fail 'it connected again' ;;
  esac
done
`;
}

/** The list stays sorted, as the role nbd_server writes it. */
function admitScript(args: Args): string {
  return `${lockList(args)}
printf '%s\\n' "$list" ${quote(args.address)} | grep . | sort -u | ${replaceList} || exit 1
`;
}

function checkAddress(address: string): string {
  if (!/^[0-9a-fA-F.:]+$/.test(address)) {
    throw new ModuleError(`"${address}" is not an IP address: set cluster_address for the node`);
  }
  return address.includes(':') ? `[${address}]` : address;
}
