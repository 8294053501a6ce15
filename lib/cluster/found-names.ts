import type { Value } from '../source/value.ts';
import { shellWord } from '../transport/index.ts';
import type { Hosts } from './hosts.ts';

/** A host of a cluster that somebody else set up, and what to look for there. */
export interface NamesToFind {
  readonly host: string;
  /** The data directory; undefined on the storage host. */
  readonly data: string | undefined;
  /** Variables that the inventory says: nobody needs to look for these. */
  readonly said: (name: string) => boolean;
}

/**
 * The unit that a process belongs to. What somebody's login, cron or rc.local started belongs to no unit of its own.
 * Records are `name=value`, one a line; a name may come more than once.
 */
const PRELUDE = `unit() {
  [ -n "$2" ] || return 0
  u=$(sed -n '/^0::\\|name=systemd/s,.*/\\(.*\\.service\\)$,\\1,p' "/proc/$2/cgroup" 2>/dev/null | head -n 1)
  case $u in ssh*.service | cron*.service | rc-local.service | user@*) ;; *.service) echo "$1=$u" ;; esac
}
# The file of a unit that would start what does not run now.
written() { grep -lsF -e "$1" $(grep -lsE '^ExecStart=' /etc/systemd/system/*.service /dev/null) /dev/null | grep '[.]service$' | head -n 1; }
`;

const STORAGE = `p=$(pgrep -ox nbd-server)
c=$(tr '\\0' '\\n' <"/proc/$p/cmdline" 2>/dev/null | sed -n '/^-C$/{n;p;q;}')
f=$(written nbd-server)
[ -n "$p" ] && unit verify_storage_service "$p" || [ -z "$f" ] || echo "verify_storage_service=\${f##*/}"
c=\${c:-$(sed -n 's/^ExecStart=.* -C *\\([^ ]*\\).*/\\1/p' "\${f:-/dev/null}")}
c=\${c:-/etc/nbd-server/config}
echo "verify_storage_config=$c"
echo "nbd_server_authfile=$(sed -n 's/^[[:space:]]*authfile[[:space:]]*=[[:space:]]*//p' "$c" 2>/dev/null | head -n 1)"
`;

const node = (data: string) => `p=$(head -n 1 ${shellWord(`${data}/postmaster.pid`)} 2>/dev/null)
f=$(written ${shellWord(data)})
[ -n "$p" ] && unit verify_database_service "$p" || [ -z "$f" ] || echo "verify_database_service=\${f##*/}"
for p in $(pgrep -x 'nbdfuse|nbd-client'); do unit verify_disk_services "$p"; done
for p in $(pgrep -x pfsdaemon); do unit verify_pfs_services "$p"; done
echo "verify_pfs_binary=$(command -v pfs)"
`;

/** What is a list of units, one for each disk. */
const LISTS = ['verify_disk_services', 'verify_pfs_services'];
/** What is empty where no unit was found: nothing is known then, and the roles' own name would be wrong. */
const ONCE = ['verify_storage_service', 'verify_database_service'];

/**
 * Names of units and files on a host that the roles of this project did not set up, as variables. A host that does not
 * answer has none: the checks, not this, report it.
 */
export async function findNames(
  hosts: Hosts,
  { host, data, said }: NamesToFind,
): Promise<ReadonlyMap<string, Value>> {
  const script = `${PRELUDE}${data === undefined ? STORAGE : node(data)}`;
  const reply = await hosts.script(host, script).catch(() => undefined);
  return new Map([...parseNames(reply?.stdout ?? '')].filter(([name]) => !said(name)));
}

export function parseNames(text: string): ReadonlyMap<string, Value> {
  const found = new Map<string, Value>();
  for (const name of ONCE) found.set(name, '');
  for (const name of LISTS) found.set(name, []);
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    const [name, value] = [line.slice(0, at), line.slice(at + 1)];
    if (at < 0 || value === '') continue;
    if (!LISTS.includes(name)) found.set(name, value);
    else found.set(name, [...new Set([...(found.get(name) as string[]), value])]);
  }
  return found;
}
