import { A, Type } from '../../modules/kit/arguments.ts';
import { defineAction, type Steps } from '../../modules/kit/define.ts';
import { mustAsk, type Records } from '../../modules/kit/reply.ts';
import { textOf } from '../../source/bytes.ts';
import { messageOf } from '../../source/errors.ts';
import { asJson, fieldsOf, itemsOf } from '../../source/json.ts';
import { stripEnd } from '../../source/strip-end.ts';
import type { Json } from '../../source/value.ts';
import { parseRecord, type RecordFields, recordFields } from './polardb_record.ts';

/** What one host says of itself, by what was deployed on it: no variable of the inventory is needed. */
export interface HostStatus {
  readonly storage: StorageStatus | null;
  readonly node: NodeStatus | null;
}

export interface StorageStatus {
  readonly service: string;
  readonly exports: readonly { readonly name: string; readonly backing: string; readonly size: number }[];
  /** Addresses with a connection, and those that may have one. */
  readonly clients: readonly string[];
  readonly allowed: readonly string[];
  readonly record: RecordFields | null;
  readonly recordFile: string;
  /** Why there is no record to go by; empty when there is one. */
  readonly recordProblem: string;
  /** Who holds the lock of the cluster; empty when nobody does. */
  readonly lockedBy: string;
}

export interface NodeStatus {
  readonly database: string;
  readonly hostid: number;
  /** Folder of the installed bundle, and the disk of the database, for PolarDB; empty for the stand-in. */
  readonly bundle: string;
  readonly databaseDisk: string;
  readonly data: string;
  readonly disks: readonly DiskStatus[];
  readonly service: string;
  /** How often systemd had to start the database again by itself. */
  readonly restarts: number;
  /** How long its main process has run; 0 where none does. */
  readonly upSeconds: number;
  /** What the server answered; null when it did not. */
  readonly server: ServerStatus | null;
  readonly serverProblem: string;
}

export interface DiskStatus {
  readonly name: string;
  readonly export: string;
  readonly service: string;
  readonly size: number;
  /** State of its pfsdaemon; empty where none belongs to it. */
  readonly pfsd: string;
  /** How full its PFS is, of the database's disk; null where nobody can tell. */
  readonly pfs: PfsStatus | null;
}

/** PFS has 2048 inodes and 2560 blocks of 4 MiB in each chunk of 10 GiB: a disk may be full of files and have space. */
export interface PfsStatus {
  readonly files: Fill;
  readonly blocks: Fill;
}

export interface Fill {
  readonly all: number;
  readonly free: number;
}

export interface ServerStatus {
  readonly recovering: boolean;
  readonly version: string;
  readonly hostid: string | null;
  /** Slot it streams from, as far as the server can tell. */
  readonly slot: string | null;
  readonly sync: string;
  readonly pendingRestart: readonly string[];
  /** Lines of the files on disk that no server would start with. */
  readonly refused: readonly string[];
  readonly receiver: string | null;
  readonly replication: readonly {
    readonly name: string;
    readonly state: string;
    readonly sync: string;
    readonly lag: number | null;
  }[];
  readonly slots: readonly {
    readonly name: string;
    readonly active: boolean;
    readonly kept: number | null;
  }[];
}

export const polardbStatus = defineAction({
  name: 'polardb_status',
  summary:
    'Tells how the host’s part of a cluster is: exports, disks, services, database; in one round trip.',
  examples: `
- name: Read what the node is at
  polardb_status: {timeout: 10}
  register: state
`,
  args: Type.Object({
    timeout: A.int('Seconds that the database may take to answer.', { default: 8 }),
  }),
  returns: {
    storage: 'On the storage host: service, exports, clients, record.',
    node: 'On a node: disks, services, server.',
  },
  readOnly: true,

  *run({ timeout }) {
    const status = yield* readStatus(timeout);
    return { changed: false, ...fieldsOf(asJson(status)) };
  },
});

function* readStatus(timeout: number): Steps<HostStatus> {
  return parseStatus(yield* mustAsk('cannot look', statusScript(timeout), { timeout: timeout + 30 }));
}

/** Everything in one row: what the server knows of itself and of its replicas. */
const QUERY = `
with here as (select case when pg_is_in_recovery() then null else pg_current_wal_lsn() end as lsn)
select json_build_object(
  'recovering', pg_is_in_recovery(),
  'version', version(),
  'hostid', current_setting('polar_hostid', true),
  'slot', nullif(current_setting('primary_slot_name', true), ''),
  'sync', current_setting('synchronous_standby_names'),
  'pendingRestart', (select coalesce(json_agg(name order by name), '[]') from pg_settings where pending_restart),
  'refused', (select coalesce(json_agg(what), '[]') from (
     select coalesce(name, sourcefile || ' line ' || sourceline) || ': ' || error as what from pg_file_settings f
       where error is not null and sourcefile is not null and not coalesce((select s.pending_restart from pg_settings s where lower(s.name) = lower(f.name)), false)
     union all select 'pg_hba.conf line ' || line_number || ': ' || error from pg_hba_file_rules where error is not null) r),
  'receiver', (select status from pg_stat_wal_receiver),
  'replication', (select coalesce(json_agg(json_build_object('name', application_name, 'state', state, 'sync', sync_state,
     'lag', pg_wal_lsn_diff(lsn, replay_lsn)) order by application_name), '[]')
     from pg_stat_replication, here where application_name not like 'pg_basebackup%' and application_name not like 'polar_basebackup%'),
  'slots', (select coalesce(json_agg(json_build_object('name', slot_name, 'active', active,
     'kept', pg_wal_lsn_diff(lsn, restart_lsn)) order by slot_name), '[]')
     from pg_replication_slots, here where slot_type = 'physical' and not temporary))`;

/** Reads only, and never waits for long. */
function statusScript(timeout: number): string {
  return `
cd /
unit() { systemctl show -p ActiveState --value "$1"; }
size_of() { if [ -b "$1" ]; then blockdev --getsize64 "$1" 2>/dev/null || echo 0; elif [ -f "$1" ]; then stat -c %s "$1"; else echo 0; fi; }
conf=/etc/polar/nbd-server.conf
if [ -e $conf ]; then
  field storage "$(unit polar-nbd-server)"
  awk '/^\\[/ { name = substr($0, 2, index($0, "]") - 2) } $1 == "exportname" { print name "|" $3 }' $conf |
  while IFS='|' read -r name backing; do
    if [ "$name" = polar-record ]; then
      field recordfile "$backing"
      [ ! -e "$backing" ] || { begin record; cat "$backing"; }
    else field export "$name|$(size_of "$backing")|$backing"; fi
  done
  port=$(awk '$1 == "port" { print $3; exit }' $conf)
  ss -Htn state established "sport = :$port" 2>/dev/null | awk '{ sub(/:[0-9]*$/, "", $4); gsub(/[][]/, "", $4); print $4 }' | sort -u |
  while read -r address; do field client "$address"; done
  begin allowed; cat "$(awk '$1 == "authfile" { print $3; exit }' $conf)" 2>/dev/null
  if [ -e /run/polar/cluster.lock ] && ! flock -n /run/polar/cluster.lock true; then field locked "$(cat /run/polar/cluster.lock.owner 2>/dev/null)"; fi
fi
[ -e /etc/polar/guard.env ] || exit 0
. /etc/polar/guard.env
pfs_cluster=$(sed -n "s/^polar_storage_cluster_name *= *'\\(.*\\)'.*/\\1/p" "$DATA/postgresql.conf" 2>/dev/null)
field node "$DATABASE|$HOSTID|$(basename "$(readlink /opt/polardb/current 2>/dev/null)")|$DISK|$DATA"
for file in /etc/polar/nbd/*.env; do
  [ -e "$file" ] || continue
  disk=$(basename "$file" .env)
  pfsd=
  if systemctl -q is-enabled "polar-pfsd@$disk" 2>/dev/null; then pfsd=$(unit "polar-pfsd@$disk"); fi
  field disk "$disk|$(sed -n 's/^NBD_EXPORT=//p' "$file")|$(unit "polar-nbd@$disk")|$(size_of "$(readlink -f "/dev/$disk")")|$pfsd"
  [ "$disk" = "$DISK" ] && [ "$pfsd" = active ] || continue
  timeout ${timeout} /usr/local/bin/pfs -C "\${pfs_cluster:-disk}" info "$disk" 2>&1 | awk -v "disk=$disk" '/ Info:$/ { kind = $1 }
    / [(]0[)]allocnode/ { sub(/.*nall /, ""); sub(/nfree /, ""); print disk "|" kind "|" $1 + 0 "|" $2 + 0 }' |
  while read -r fill; do field fill "$fill"; done
done
field active "$(unit polardb)"
field restarts "$(systemctl show -p NRestarts --value polardb)"
pid=$(systemctl show -p MainPID --value polardb)
[ "$pid" -gt 0 ] || exit 0
field up "$(ps -o etimes= -p "$pid" | tr -d ' ')"
bin=$(dirname "$(readlink "/proc/$pid/exe" | sed 's/ (deleted)$//')")
port=$(sed -n 4p "$DATA/postmaster.pid" 2>/dev/null)
socket=$(sed -n 5p "$DATA/postmaster.pid" 2>/dev/null)
case $socket in .*) socket=$DATA ;; esac
answer=$(runuser -u "$OWNER" -- env PGCONNECT_TIMEOUT=${timeout} PGAPPNAME=polarplay-status timeout -k 2 ${timeout} "$bin/psql" -h "\${socket:-/tmp}" -p "\${port:-5432}" -U "$OWNER" -d postgres -XAtq -v ON_ERROR_STOP=1 -f - 2>&1 <<'SQL'
${QUERY}
SQL
)
rc=$?
[ $rc -ne 124 ] || answer="no answer within ${timeout} s"
if [ $rc -eq 0 ]; then field server "$answer"; else field silent "$(printf '%s' "$answer" | tail -n 1)"; fi
exit 0
`;
}

/** What the script found, as one host's status. */
export function parseStatus(records: Records): HostStatus {
  const all = (name: string) => records.all(name).map(value => stripEnd(textOf(value), '\n'));
  const one = (name: string) => all(name)[0];
  const [storage, node] = [one('storage'), one('node')];
  return {
    storage: storage === undefined ? null : storageOf(storage, all),
    node: node === undefined ? null : nodeOf(node.split('|'), all),
  };
}

type Values = (name: string) => readonly string[];

function storageOf(service: string, all: Values): StorageStatus {
  const { record, problem } = readRecord(all('record').join('\n'));
  return {
    service,
    exports: all('export').map(line => {
      const [name = '', size = '', ...backing] = line.split('|');
      return { name, size: Number(size), backing: backing.join('|') };
    }),
    clients: all('client'),
    allowed: all('allowed').flatMap(text => text.split('\n').filter(line => line !== '')),
    record,
    recordFile: all('recordfile')[0] ?? '',
    recordProblem: problem,
    lockedBy: all('locked')[0] ?? '',
  };
}

function readRecord(text: string): { readonly record: RecordFields | null; readonly problem: string } {
  if (text === '') return { record: null, problem: 'there is no role record' };
  try {
    return { record: recordFields(parseRecord(text)), problem: '' };
  } catch (error) {
    return { record: null, problem: messageOf(error) };
  }
}

function nodeOf(
  [database = '', hostid, bundle = '', databaseDisk = '', data = '']: readonly string[],
  all: Values,
): NodeStatus {
  const [answer] = all('server');
  const server = answer === undefined ? null : serverOf(answer);
  return {
    database,
    hostid: Number(hostid),
    bundle: bundle === '.' ? '' : bundle,
    databaseDisk,
    data,
    disks: all('disk').map(line => {
      const [name = '', exported = '', service = '', size, pfsd = ''] = line.split('|');
      return { name, export: exported, service, size: Number(size), pfsd, pfs: pfsOf(name, all('fill')) };
    }),
    service: all('active')[0] ?? 'unknown',
    restarts: Number(all('restarts')[0] ?? 0),
    upSeconds: Number(all('up')[0] ?? 0),
    server,
    serverProblem: answer !== undefined && !server ? 'its answer makes no sense' : (all('silent')[0] ?? ''),
  };
}

/** The row that the server answered; null when it is none. Whoever plays the server may write anything there. */
function serverOf(answer: string): ServerStatus | null {
  let row: Json;
  try {
    row = JSON.parse(answer);
  } catch {
    return null;
  }
  const { [0]: server } = rows([row]).map(
    (one): ServerStatus => ({
      recovering: one['recovering'] === true,
      version: text(one['version']) ?? '',
      hostid: text(one['hostid']),
      slot: text(one['slot']),
      sync: text(one['sync']) ?? '',
      pendingRestart: itemsOf(one['pendingRestart']).map(String),
      refused: itemsOf(one['refused']).map(String),
      receiver: text(one['receiver']),
      replication: rows(itemsOf(one['replication'])).map(replica => ({
        name: text(replica['name']) ?? '',
        state: text(replica['state']) ?? '',
        sync: text(replica['sync']) ?? '',
        lag: number(replica['lag']),
      })),
      slots: rows(itemsOf(one['slots'])).map(slot => ({
        name: text(slot['name']) ?? '',
        active: slot['active'] === true,
        kept: number(slot['kept']),
      })),
    }),
  );
  return server && typeof fieldsOf(row).recovering === 'boolean' ? server : null;
}

const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
const number = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null);
const rows = (values: readonly Json[]): Readonly<Record<string, Json>>[] =>
  values.filter(
    (value): value is Record<string, Json> =>
      typeof value === 'object' && value !== null && !Array.isArray(value),
  );

function pfsOf(disk: string, lines: readonly string[]): PfsStatus | null {
  const fill = (kind: string): Fill | null => {
    const line = lines.find(l => l.startsWith(`${disk}|${kind}|`));
    const [all = 0, free = 0] = line?.split('|').slice(2).map(Number) ?? [];
    return all > 0 ? { all, free } : null;
  };
  // Each file takes one of both; there are as many of the one as of the other.
  const [inodes, entries] = [fill('Inode'), fill('Direntry')];
  const files = inodes && entries && entries.free < inodes.free ? entries : inodes;
  const blocks = fill('Blktag');
  return files && blocks && { files, blocks };
}
