import { createHash } from 'node:crypto';
import { A, Type } from '../../modules/kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote } from '../../modules/kit/define.ts';
import { REACH } from '../../modules/kit/reach.ts';
import { mustAsk } from '../../modules/kit/reply.ts';
import { awaitEnd, toTheEnd } from '../../modules/kit/to-the-end.ts';

const LOCAL = ['blank', 'half', 'foreign', 'present'] as const;

/** What a data directory on the node's own disk is. */
export interface Found {
  /** `half`: an initialisation began and never ended; `foreign`: files, but no database. */
  readonly local: (typeof LOCAL)[number];
  /** PG_VERSION; empty when there is none. */
  readonly version: string;
  /** The file that makes a server follow instead of write exists. */
  readonly signal: boolean;
  readonly running: boolean;
  /** The shared folder holds files, asked for when a primary is to be made; unknown counts as a failure. */
  readonly shared: boolean;
  /** System identifier of the database in the shared folder, asked for with it; empty when it has none. */
  readonly sharedIdentifier: string;
  /** An interrupted initialisation had made the shared folder itself: what is in there is its own. */
  readonly ownShared: boolean;
}

/** Stands in the log of an initialisation from the moment on when it has made the shared folder. */
const OWN_SHARED = 'the shared folder is new';

/** Whether an initialisation that did not come to its end left something, in `$data` or on the shared disk; `$log` is its log. */
const LEFT_SOMETHING = `{ [ -n "$(ls -A "$data" 2>/dev/null)" ] || grep -qsxF ${quote(OWN_SHARED)} "$log"; }`;

const args = Type.Object({
  role: A.choice(['primary', 'replica'], 'What the node is.'),
  database: A.choice(['polardb', 'postgresql'], 'PolarDB on PFS, or the stand-in.', { default: 'polardb' }),
  version: A.int('Major version of PolarDB; not used for the stand-in.', { default: 15 }),
  bin: A.path('Folder of the programs of the server.'),
  data: A.path('Data directory on the node.'),
  user: A.str('Database superuser and operating system user.', { default: 'polardb' }),
  password: A.str('Password of the superuser, for a new primary.', { default: '', secret: true }),
  options: A.list('Arguments of initdb.', { default: [] }),
  shared: A.path('Data directory on the shared disk, such as /nvmepolar1/shared_data/.', { default: '' }),
  pfs_cluster: A.str('Cluster name given to PFS.', { default: 'disk' }),
  system_identifier: A.str(
    'Of the database recorded for this cluster; empty before the first deployment. With it nothing on the shared disk counts as left over.',
    { default: '' },
  ),
  slot: A.str('Slot of a new replica of the stand-in.', { default: '' }),
  primary_host: A.str('Address of the primary, for a new replica of the stand-in.', { default: '' }),
  primary_port: A.int('Port of the primary.', { default: 5432 }),
});
export type Args = Type.Static<typeof args>;

export const polardbInit = defineState({
  name: 'polardb_init',
  summary: 'Makes the data directory of a primary or a replica, once.',
  examples: `
# A step of site.yml.
- name: Make the database where there is none
  polardb_init:
    role: primary
    database: polardb
    version: 15
    bin: /usr/local/polardb/bin
    data: /srv/polardb/data
    user: polardb
    password: "{{ polardb_password }}"
    options: []
    shared: /nvmepolar1/shared_data/
    pfs_cluster: disk
    system_identifier: ""
`,
  args,
  returns: { state: 'What was found before: blank, half, foreign or present.' },

  *probe(args) {
    const found = yield* mustAsk('cannot look at the data directory', probeScript(args), { timeout: 400 });
    const word = found.text('local') ?? '';
    const local = LOCAL.find(state => state === word);
    if (!local) throw new ModuleError(`the host does not say what ${args.data} holds: ${word.slice(0, 80)}`);
    const identifier = found.text('identifier')?.trim() ?? '';
    return {
      local,
      version: found.output('version') ?? '',
      signal: found.has('signal'),
      running: found.has('running'),
      shared: found.has('shared'),
      sharedIdentifier: /^\d+$/.test(identifier) ? identifier : '',
      ownShared: found.has('own-shared'),
    };
  },

  diff(found, args) {
    refuse(found, args);
    const result = { state: found.local };
    if (found.local === 'blank') return { changes: [`make the ${args.role} in ${args.data}`], result };
    if (args.role === 'replica' && !found.signal)
      return { changes: [`write ${signalFile(args)} in ${args.data}`], result };
    return { changes: [], result };
  },

  *apply(found, args) {
    const script = found.local === 'blank' ? initScript(args) : signalScript(args);
    yield* mustSh(`making the ${args.role} failed`, script, {
      stdin: args.password,
      live: true,
      timeout: 3600,
    });
    return {};
  },
});

/** Stops with what the operator can do where going on could lose data. */
function refuse(found: Found, args: Args): void {
  const { local, version, signal, running, shared, sharedIdentifier } = found;
  const { data, role } = args;
  if (local === 'half') throw new ModuleError(halfMade(found, args));
  if (local === 'blank' && shared) {
    const database =
      sharedIdentifier === '' ? 'data' : `the database with system identifier ${sharedIdentifier}`;
    const other = args.system_identifier !== '' && args.system_identifier !== sharedIdentifier;
    throw new ModuleError(
      `${args.shared} on the shared disk holds ${database}, but this node has no ${data}: a new database would have to take its place, so nothing was done. ` +
        (other
          ? `The role record says ${args.system_identifier}: look first whether it is the right disk. `
          : '') +
        'Do not remove the shared data. If the data directory of this node is lost, nothing else is: make a replica the primary (failover.yml), then let this node in again (rejoin.yml).',
    );
  }
  if (local === 'foreign') {
    throw new ModuleError(`${data} holds files but no database: move them away, or set polardb_data.`);
  }
  if (local === 'blank') return;
  if (args.database === 'polardb' && version !== String(args.version)) {
    throw new ModuleError(
      `${data} is of version ${version}, not ${args.version}: a change of major version is not a deployment.`,
    );
  }
  if (role === 'primary' && signal) {
    throw new ModuleError(
      `${data} has ${signalFile(args)}: this node is a replica. Who is primary is changed by switchover.yml.`,
    );
  }
  if (role === 'replica' && !signal && running) {
    throw new ModuleError(
      `the server on ${data} runs without ${signalFile(args)}: it is a writer, not a replica. Stop it first.`,
    );
  }
}

/** What to remove is only what the interrupted work itself had made: never shared data once a database is recorded. */
function halfMade({ ownShared }: Found, { role, data, shared, system_identifier }: Args): string {
  const left = ownShared && role === 'primary';
  return (
    `${data} is half made: an earlier initialisation was interrupted. No server ever ran on it. ` +
    `See ${data}.initializing for how far it came, then remove ${data} and ${data}.initializing` +
    (left && system_identifier === '' ? ` and, with pfs rm -r, ${shared}, which it had made new,` : '') +
    ' and run again.' +
    (left && system_identifier !== ''
      ? ` Do NOT remove ${shared}: the database with system identifier ${system_identifier} is recorded for this cluster.`
      : '')
  );
}

function signalFile({ database, version }: Args): string {
  if (database === 'postgresql') return 'standby.signal';
  return version >= 15 ? 'replica.signal' : 'recovery.conf';
}

/** Waits for an initialisation that still runs (its runner may be gone), then tells what is there. */
function probeScript(args: Args): string {
  return `
data=${quote(args.data)}
log=$data.initializing
${awaitEnd(workOn(args.data), 300)}
if [ -e "$log" ] && ${LEFT_SOMETHING}; then local=half
elif [ -e "$data/PG_VERSION" ]; then local=present
elif [ -d "$data" ] && [ -n "$(ls -A "$data")" ]; then local=foreign
else local=blank; fi
field local $local
begin version; cat "$data/PG_VERSION" 2>/dev/null
[ ! -e "$data/${signalFile(args)}" ] || field signal
if [ -e "$data/postmaster.pid" ] && kill -0 "$(head -n 1 "$data/postmaster.pid")" 2>/dev/null; then field running; fi
if [ $local = blank ]; then
${sharedHoldsFiles(args)}
fi
if grep -qsxF ${quote(OWN_SHARED)} "$log"; then field own-shared; fi
`;
}

/** A new primary takes the place of what is in the shared folder: it must be known to be empty, not only unreadable. */
export function sharedHoldsFiles({ database, role, shared, pfs_cluster }: Args): string {
  if (database !== 'polardb' || role !== 'primary') return '  :';
  const [, disk = '', ...folders] = shared.split('/').filter((part, i) => i === 0 || part !== '');
  return `  # In check mode PFS is not there before the first deployment.
  if [ -x /usr/local/bin/pfs ]; then
    pfs="timeout -k 5 60 /usr/local/bin/pfs -C ${quote(pfs_cluster)}"
    listing=$($pfs ls ${quote(`/${disk}/`)} 2>/dev/null) || { echo "pfs ls "${quote(`/${disk}/`)}" failed or took longer than 60 s: what the shared disk holds is not known" >&2; exit 1; }
    if printf '%s\\n' "$listing" | awk -v name=${quote(folders[0] ?? '')} '$NF == name { found = 1 } END { exit !found }'; then
      listing=$($pfs ls ${quote(shared)} 2>/dev/null) || { echo "pfs ls "${quote(shared)}" failed or took longer than 60 s: what the shared disk holds is not known" >&2; exit 1; }
      if printf '%s\\n' "$listing" | grep -Eq '^ *(File|Dir) '; then
        field shared
        field identifier "$($pfs read ${quote(`${shared.replace(/\/$/, '')}/global/pg_control`)} 2>/dev/null | head -c 8 | od -An -v -tu8)"
      fi
    fi
  fi`;
}

/** The name of the work on a data directory. */
const workOn = (data: string) => `init-${createHash('sha256').update(data).digest('hex').slice(0, 12)}`;

/**
 * Writes its log into the mark too, and removes the mark as its last act; so does a failure that left nothing behind,
 * neither here nor on the shared disk: the next run begins anew. The database's user may own the directory above: what
 * root writes there is made exclusively and kept open, and a link is not followed unless it may be.
 */
export function initScript(args: Args): string {
  return toTheEnd(
    workOn(args.data),
    `
exec 4>&1
data=${quote(args.data)}
fail() { echo "$*" >&2; exit 1; }
field() { :; }
${REACH}
umask 022; reach "$data" '' 1; umask 077
mark=$n.initializing log=/proc/self/fd/6
rm -f "$mark"; set -C; { command exec 6>"$mark"; } 2>/dev/null || fail "cannot make $data.initializing"; set +C
as_user() { (cd / && runuser -u ${quote(args.user)} -- "$@"); }
make() {
  set -e
  [ -d "$data" ] || mkdir -m 700 "$n"
  (enter "$data"; ${hasFilesOfRoot(args) ? '' : `chown ${quote(`${args.user}:${args.user}`)} .; `}chmod 700 .)
${steps(args)}
}
secret=$(cat)
rc=$({ { ( make ) 2>&1 </dev/null; echo $? >&3; } | tee -a "$log" >&4; } 3>&1)
if [ "$rc" -ne 0 ]; then
  tail -n 20 "$log" >&2
${tooLittleMemory(args)}
  if ${LEFT_SOMETHING}; then exit "$rc"; fi
fi
rm -f "$mark"
exit "$rc"`,
  );
}

/** What root writes into the directory of a replica of PolarDB is given to the user at the end. */
const hasFilesOfRoot = ({ database, role }: Args): boolean => database === 'polardb' && role === 'replica';

/** PostgreSQL advises to lower settings, but the initdb of version 11 (unlike the server) takes none. */
function tooLittleMemory({ database, version }: Args): string {
  if (database !== 'polardb' || version >= 15) return '';
  return `  bytes=$(sed -n 's/.*request for a shared memory segment.*currently \\([0-9]*\\) bytes.*/\\1/p' "$log" | head -n 1)
  [ -z "$bytes" ] || awk -v mib=$((bytes / 1048576)) '/^(MemTotal|SwapTotal):/ { has += $2 / 1024 } END {
    printf "initdb of version 11 takes %d MiB at once, whatever the settings of the server; this host has %d MiB, swap included\\n", mib, has }' /proc/meminfo >&2`;
}

function steps(args: Args): string {
  const signal = `  ${writeSignal(args)}`;
  if (args.database === 'postgresql')
    return args.role === 'primary' ? initdb(args) : `${baseBackup(args)}\n${signal}`;
  return args.role === 'primary'
    ? `${initdb(args)}\n${sharePrimary(args)}`
    : `${shareReplica(args)}\n${signal}`;
}

function initdb({ bin, user, options }: Args): string {
  return `  passwords=$(mktemp)
  trap 'rm -f "$passwords"' EXIT
  printf '%s\\n' "$secret" >"$passwords"
  chown ${quote(user)} "$passwords"
  as_user ${quote(`${bin}/initdb`)} -D "$data" -U ${quote(user)} --pwfile="$passwords" --auth-local=peer --auth-host=scram-sha-256 ${options.map(quote).join(' ')}
  rm -f "$passwords"`;
}

function baseBackup({ bin, user, slot, primary_host, primary_port }: Args): string {
  return `  as_user ${quote(`${bin}/pg_basebackup`)} -D "$data" -h ${quote(primary_host)} -p ${primary_port} -U ${quote(user)} -S ${quote(slot)} -X stream -c fast -w
  as_user rm -f "$data/polar.sync.conf"`;
}

/** The local files move to the shared disk; the script refuses a folder there that is not empty. */
function sharePrimary({ bin, shared, pfs_cluster, version }: Args): string {
  const kind = version >= 15 ? ' primary' : '';
  return `  timeout 60 /usr/local/bin/pfs -C ${quote(pfs_cluster)} mkdir ${quote(shared.replace(/\/$/, ''))}
  echo ${quote(OWN_SHARED)}
  timeout 900 ${quote(`${bin}/polar-initdb.sh`)} "$data/" ${quote(shared)}${kind} ${quote(pfs_cluster)}`;
}

function shareReplica({ bin, user, shared, pfs_cluster, version }: Args): string {
  const make =
    version >= 15
      ? `${quote(`${bin}/polar-initdb.sh`)} "$data/" ${quote(shared)} replica ${quote(pfs_cluster)}`
      : `${quote(`${bin}/polar-replica-initdb.sh`)} ${quote(shared)} "$data/" ${quote(pfs_cluster)}`;
  return `  timeout 300 ${make}
  chown -Rh ${quote(user)}:${quote(user)} "$data"
  as_user sh -c ': >"$1"' - "$data/pg_ident.conf"`;
}

/** The service is stopped first: refused by the guard, it tries again every few seconds and counts as restarted. */
function signalScript(args: Args): string {
  return `data=${quote(args.data)}\nas_user() { (cd / && runuser -u ${quote(args.user)} -- "$@"); }\nsystemctl stop polardb 2>/dev/null\n${writeSignal(args)}`;
}

/** In version 11 the file has content, which the template of the role writes over. */
function writeSignal(args: Args): string {
  const file = `"$data/${signalFile(args)}"`;
  if (signalFile(args) !== 'recovery.conf') return `as_user touch ${file}`;
  return `as_user sh -c 'printf "%s\\n" "polar_replica = '"'on'"'" >"$1"' - ${file}`;
}
