import type { DatabaseNode, Deployment } from '../../lib/cluster/deployment.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Fault, Part, Step } from './fault.ts';
import { LOAD_DATABASE } from './load/load.ts';

const NBD_SERVER = 'polar-nbd-server';
const DATABASE = 'polardb';
const FILLER = 'polarplay-fault-filler';
const WRITES = 'polar-fault-writes';

type Of = (deployment: Deployment) => string;
const storage: Of = d => d.storage.host;

/** A commit waits for a replica: whether it can, when one of them is gone. */
function outlivesReplica({ sync, replicas }: Deployment): boolean {
  return sync === 'off' || (sync !== 'all' && replicas.length > 1);
}
const always = () => true;
const never = () => false;

const withPfs = ({ pfs }: Deployment) => (pfs ? undefined : 'this cluster has no PFS');
const withReplica = ({ replicas }: Deployment) =>
  replicas.length > 0 ? undefined : 'this cluster has no replica';

const stops = (unit: string) => ({ breaks: `signal STOP ${unit}`, heals: `signal CONT ${unit}` });
/** Without a word to anybody, and without writing what memory holds: as when the power fails. */
const crash = `nohup sh -c 'sleep 0.3; exec reboot -f -n' >/dev/null 2>&1 &`;
const crashProbe = `[ "$(readlink -f "$(command -v reboot)")" = "$(readlink -f "$(command -v systemctl)")" ] || say 'reboot is not the one of systemd'`;
const reboot = 'systemctl reboot --no-block';

/** The two kinds of nodes: each fault of a node is one of both. */
interface Kind {
  readonly part: 'primary' | 'replica';
  readonly node: (deployment: Deployment) => DatabaseNode;
  readonly writesGoOn: Fault['writesGoOn'];
  readonly skip: (deployment: Deployment) => string | undefined;
}
const PRIMARY: Kind = { part: 'primary', node: d => d.primary, writesGoOn: never, skip: () => undefined };
const REPLICA: Kind = {
  part: 'replica',
  node: d => d.replicas[0]!,
  writesGoOn: outlivesReplica,
  skip: withReplica,
};
const KINDS = [PRIMARY, REPLICA];

const pfsUnit = ({ pfs }: Deployment) => `polar-pfsd@${pfs?.disks[0]}`;
/** The disk that the database lies on; on the stand-in the first one, which nothing depends on. */
const diskUnit = (d: Deployment) =>
  `polar-nbd@${d.pfs?.disks[0] ?? d.storage.exports[0]!.device.replace('/dev/', '')}`;

const SELF = 'systemd on the host, by itself';
const AFTER = (what: string) => `${what}, when its time is over`;

const BACK = 'the nodes attach their disks again and the servers go on, without a person';

/** Each fault, in the order in which they are tried. What they need is asked before anything is broken. */
export const FAULTS: readonly Fault[] = [
  {
    id: 'storage.crash',
    title: 'the storage host loses its power for as long as it needs to boot',
    breaks: '`reboot -f -n` on the storage host: no service is stopped, nothing is written that was not',
    heals: 'the host boots',
    expects: BACK,
    holdS: 0,
    watchS: 15,
    writesGoOn: never,
    steps: d => [{ host: storage(d), breaks: crash, probe: crashProbe }],
  },
  {
    id: 'storage.reboot',
    title: 'the storage host is rebooted in order',
    breaks: '`systemctl reboot` on the storage host',
    heals: 'the host boots',
    expects: BACK,
    holdS: 0,
    watchS: 15,
    writesGoOn: never,
    steps: d => [{ host: storage(d), breaks: reboot }],
  },
  nbd('killed', 'every process of nbd-server is killed', 0, {
    breaks: `signal KILL ${NBD_SERVER}`,
    expects: BACK,
  }),
  nbd('restarted', 'nbd-server is restarted, as for a new configuration', 0, {
    breaks: `systemctl restart ${NBD_SERVER}`,
    expects: 'the connections stay: nobody notices',
    goesOn: true,
  }),
  nbd('stopped', 'nbd-server is stopped with all its connections', 15, {
    breaks: `signal KILL ${NBD_SERVER}; systemctl stop ${NBD_SERVER}`,
    heals: `systemctl start ${NBD_SERVER}`,
    expects: BACK,
  }),
  nbd('hung', 'nbd-server hangs', 15, {
    ...stops(NBD_SERVER),
    expects: 'reads and writes of the disk wait and go on, or the disks are attached again',
  }),
  nbd('slow', 'nbd-server answers for a tenth of the time only', 20, {
    breaks: `systemd-run --quiet --collect --unit=polar-fault-slow sh -c 'while :; do
  systemctl kill --kill-who=all -s STOP ${NBD_SERVER}; sleep 0.09; systemctl kill --kill-who=all -s CONT ${NBD_SERVER}; sleep 0.01; done'`,
    heals: `systemctl stop polar-fault-slow 2>/dev/null; signal CONT ${NBD_SERVER}`,
    expects: 'commits become slow, and none fails for it',
  }),
  ...KINDS.map(kind =>
    onNode(kind, 'nbd', `disk-lost-${kind.part}`, `the ${kind.part} loses its shared disk`, 0, {
      breaks: d => `signal KILL ${diskUnit(d)}`,
      says: 'the client of the disk is killed (`systemctl kill -s KILL polar-nbd@DISK`)',
      expects: 'the disk is attached again; the server goes on or starts again',
      watchS: 10,
    }),
  ),
  ...KINDS.flatMap(kind =>
    [10, 60].map(seconds =>
      cut(
        kind,
        `storage-cut-${seconds}s-${kind.part}`,
        `the network between the ${kind.part} and the storage host is cut for ${seconds} s`,
        seconds,
        {
          peer: d => ({ host: d.storage.host, address: d.storage.address }),
          expects:
            seconds === 10
              ? 'reads and writes of the disk wait and go on'
              : 'the disk is given up and attached again; the server goes on or starts again',
        },
      ),
    ),
  ),
  cut(REPLICA, 'replication-cut', 'the network between the primary and a replica is cut', 20, {
    peer: d => d.primary,
    expects: 'the replica falls behind, answers reads with what it has, and catches up',
  }),
  ...KINDS.map(kind => slow(kind)),
  ...KINDS.flatMap((kind): Fault[] => [
    onNode(kind, 'pfs', `pfsd-killed-${kind.part}`, `pfsdaemon of the ${kind.part} is killed`, 0, {
      breaks: d => `signal KILL ${pfsUnit(d)}`,
      says: '`systemctl kill -s KILL polar-pfsd@DISK`',
      expects: 'a new pfsdaemon takes over; the server goes on or starts again, and is never silent',
      skip: withPfs,
    }),
    onNode(kind, 'pfs', `pfsd-restarted-${kind.part}`, `pfsdaemon of the ${kind.part} is restarted`, 0, {
      breaks: d => `systemctl restart ${pfsUnit(d)}`,
      says: '`systemctl restart polar-pfsd@DISK`',
      expects: 'queries wait and go on; nothing is formatted',
      skip: withPfs,
    }),
    onNode(kind, 'pfs', `pfsd-hung-${kind.part}`, `pfsdaemon of the ${kind.part} hangs`, 15, {
      breaks: d => `signal STOP ${pfsUnit(d)}`,
      heals: d => `signal CONT ${pfsUnit(d)}`,
      says: 'SIGSTOP for pfsdaemon, 15 s later SIGCONT',
      expects: 'queries wait and go on',
      skip: withPfs,
    }),
  ]),
  ...KINDS.flatMap((kind): Fault[] => [
    onNode(kind, kind.part, 'killed', `the server of the ${kind.part} is killed`, 0, {
      breaks: () => `systemctl kill --kill-who=main -s KILL ${DATABASE}`,
      says: '`kill -9` of the postmaster',
      expects: 'systemd starts it again, in its role',
    }),
    onNode(kind, kind.part, 'backend-killed', `one process of the ${kind.part}'s server is killed`, 0, {
      breaks: () => `pid=$(child ${DATABASE} 'background writer') && kill -9 "$pid"`,
      says: '`kill -9` of the background writer',
      expects: 'the server recovers by itself, without a restart of the service',
    }),
    onNode(kind, kind.part, 'hung', `the server of the ${kind.part} hangs`, 15, {
      breaks: () => `signal STOP ${DATABASE}`,
      heals: () => `signal CONT ${DATABASE}`,
      says: 'SIGSTOP for all its processes, 15 s later SIGCONT',
      expects: 'it goes on; nobody else took its place',
    }),
    onNode(
      kind,
      kind.part,
      'stopped',
      `the server of the ${kind.part} is stopped for a minute, under load`,
      60,
      {
        breaks: () => `systemctl stop ${DATABASE}`,
        heals: () => `systemctl start ${DATABASE}`,
        says: '`systemctl stop polardb`, a minute later `start`',
        expects:
          kind.part === 'primary'
            ? 'it starts in its role, and its replicas follow'
            : 'it finds all the write-ahead log that it needs, and catches up',
      },
    ),
    onNode(kind, kind.part, 'reboot', `the host of the ${kind.part} is rebooted in order`, 0, {
      breaks: () => reboot,
      says: '`systemctl reboot`',
      expects: 'disk, PFS and server come up in their order, in their role',
      watchS: 10,
    }),
    onNode(kind, kind.part, 'crash', `the host of the ${kind.part} loses its power`, 0, {
      breaks: () => crash,
      probe: crashProbe,
      says: '`reboot -f -n`: no service is stopped, nothing is written that was not',
      expects: 'disk, PFS and server come up in their order, in their role',
      watchS: 10,
    }),
  ]),
  {
    id: 'replica.away',
    title: 'a replica stays away for ten minutes, while the primary fills new pages',
    breaks:
      '`systemctl stop polardb` on the replica; 8,000 rows a statement are inserted on the primary, with a second between the statements',
    heals: AFTER('it runs again'),
    expects:
      'commits go on: the primary does not run out of buffers while it keeps the pages that the replica has not seen; the replica finds all the write-ahead log that it needs, and catches up',
    holdS: 600,
    writesGoOn: outlivesReplica,
    skip: withReplica,
    steps: d => [
      {
        host: d.replicas[0]!.host,
        breaks: `systemctl stop ${DATABASE}`,
        heals: `systemctl start ${DATABASE}`,
      },
      manyWrites(d.primary),
    ],
  },
  {
    id: 'disk.pfs-full',
    title: 'the PolarDB file system is full',
    breaks: 'a file of zeros takes all free blocks of PFS (`pfs fallocate`)',
    heals: AFTER('the file is removed'),
    expects:
      'commits that need no new room go on, others are refused, or wait, with a clear error; with room again all go on',
    holdS: 20,
    writesGoOn: never,
    skip: withPfs,
    steps: d => [fillPfs(d)],
  },
  {
    id: 'disk.data-full',
    title: "the file system of the primary's data directory is full",
    breaks: 'a file takes all free room of the file system (`fallocate`)',
    heals: AFTER('the file is removed'),
    expects:
      'commits go on, for the data is elsewhere; or they are refused, or the server stops, and with room again it goes on, starts again',
    holdS: 20,
    writesGoOn: never,
    steps: d => [fillData(d.primary)],
  },
  ...KINDS.map(kind => clock(kind)),
  {
    id: 'runner.killed',
    title: 'polarplay is killed in the middle of rolling_restart.yml',
    breaks: '`kill -9` of the run, as soon as it has restarted a server',
    heals: 'the same playbook, run again to its end',
    expects: 'the second run converges, and waits for no lock of the dead one longer than a minute',
    holdS: 0,
    writesGoOn: never,
    playbook: 'rolling_restart.yml',
    steps: () => [],
  },
];

function nbd(
  name: string,
  title: string,
  holdS: number,
  {
    breaks,
    heals,
    expects,
    goesOn = false,
  }: { breaks: string; heals?: string; expects: string; goesOn?: boolean },
): Fault {
  return {
    id: `nbd.${name}`,
    title: holdS > 0 ? `${title}, for ${holdS} s` : title,
    breaks: title,
    heals: heals === undefined ? SELF : AFTER('the server runs again'),
    expects,
    holdS,
    watchS: 15,
    // The stand-in keeps its data elsewhere: it must not even notice.
    writesGoOn: d => goesOn || d.pfs === undefined,
    steps: d => [{ host: storage(d), breaks, ...(heals === undefined ? {} : { heals }) }],
  };
}

interface NodeFault {
  readonly breaks: Of;
  readonly heals?: Of;
  readonly probe?: string;
  readonly says: string;
  readonly expects: string;
  readonly skip?: Fault['skip'];
  readonly watchS?: number;
}

function onNode(
  kind: Kind,
  part: Part,
  name: string,
  title: string,
  holdS: number,
  { breaks, heals, probe, says, expects, skip, watchS }: NodeFault,
): Fault {
  return {
    id: `${part}.${name}`,
    title: holdS > 0 && !/ for /.test(title) ? `${title}, for ${holdS} s` : title,
    breaks: says,
    heals: heals === undefined ? SELF : AFTER('it runs again'),
    expects,
    holdS,
    ...(watchS === undefined ? {} : { watchS }),
    writesGoOn: d => kind.writesGoOn(d) || (part === 'nbd' && d.pfs === undefined),
    skip: d => kind.skip(d) ?? skip?.(d),
    steps: d => [
      {
        host: kind.node(d).host,
        breaks: breaks(d),
        ...(heals === undefined ? {} : { heals: heals(d) }),
        ...(probe === undefined ? {} : { probe }),
      },
    ],
  };
}

/** No packet from either to the other, in both directions; whatever else they do goes on. */
function cut(
  kind: Kind,
  name: string,
  title: string,
  holdS: number,
  { peer, expects }: { peer: (d: Deployment) => { host: string; address: string }; expects: string },
): Fault {
  const drop = (host: string, to: string): Step => shaped(host, [to], "'pfifo limit 0'");
  return {
    id: `network.${name}`,
    title: / for /.test(title) ? title : `${title} for ${holdS} s`,
    breaks: 'both hosts drop all packets to each other (`tc`, HTB with an empty queue)',
    heals: AFTER('the queues are removed'),
    expects,
    holdS,
    watchS: 10,
    writesGoOn: d => kind.writesGoOn(d) || (name.startsWith('storage') && d.pfs === undefined),
    skip: kind.skip,
    steps: d => {
      const node = kind.node(d);
      const other = peer(d);
      return [drop(node.host, other.address), drop(other.host, node.address)];
    },
  };
}

/** 100 ms more each way, or a narrow line where the kernel cannot delay packets. */
function slow(kind: Kind): Fault {
  return {
    id: `network.slow-${kind.part}`,
    title: `the network of the ${kind.part} is slow for 20 s`,
    breaks:
      'what it sends to the others takes 100 ms longer (`tc`, netem); where the kernel has no netem it has 4 Mbit/s for it',
    heals: AFTER('the queue is removed'),
    expects: 'all becomes slow, and nothing fails for it',
    holdS: 20,
    writesGoOn: kind.part === 'primary' ? always : outlivesReplica,
    skip: kind.skip,
    steps: d => {
      const node = kind.node(d);
      const others = [d.storage, d.primary, ...d.replicas].filter(o => o.host !== node.host);
      const how = `"$(if shaping 'netem delay 100ms'; then echo netem delay 100ms; else echo rate 4mbit; fi)"`;
      return [
        shaped(
          node.host,
          others.map(o => o.address),
          how,
        ),
      ];
    },
  };
}

function shaped(host: string, addresses: readonly string[], how: string): Step {
  const words = addresses.map(shellWord).join(' ');
  return {
    host,
    probe: `command -v tc >/dev/null || say 'tc (package iproute2) is missing'
shaping 'pfifo limit 0' || say 'the kernel lacks HTB or u32 of tc (modules sch_htb, cls_u32)'
for address in ${words}; do
  dev=$(way_to "$address")
  [ -n "$dev" ] || say "no route to $address"
  tc qdisc show dev "$dev" root | grep -qE 'qdisc (noqueue|mq|pfifo_fast|fq_codel|fq) ' || say "$dev has traffic control of its own, which stays untouched"
done`,
    breaks: `shape ${how} ${words}`,
    heals: `unshape ${words}`,
  };
}

/** New pages with every statement. Their rows move nothing, so that pgbench's sums still agree. */
function manyWrites({ host, sql }: DatabaseNode): Step {
  const insert =
    'INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) SELECT 1, 1, 1, 0, now() FROM generate_series(1, 8000)';
  const psql = [sql.psql, '-XAtq', '-h', sql.socketDir, '-p', `${sql.port}`, '-U', sql.user, '-c', insert];
  const command = [...psql, LOAD_DATABASE].map(shellWord).join(' ');
  return {
    host,
    breaks: `systemd-run --quiet --collect --unit=${WRITES} --uid=${shellWord(sql.osUser)} sh -c ${shellWord(`while sleep 1; do ${command}; done`)}`,
    heals: `systemctl stop ${WRITES} 2>/dev/null || ! systemctl -q is-active ${WRITES}`,
  };
}

function fillPfs({ primary, pfs }: Deployment): Step {
  const disk = pfs?.disks[0];
  const file = `/${disk}/${FILLER}`;
  const tool = `timeout 60 ${shellWord(pfs?.pfsBinary ?? 'pfs')} -C ${shellWord(pfs?.cluster ?? 'disk')}`;
  return {
    host: primary.host,
    probe: `! ${tool} stat ${file} >/dev/null 2>&1 || say '${file} is there already'`,
    // Free blocks have 4 MiB; what is taken meanwhile makes the last try fail, so the size goes down.
    breaks: `${tool} touch ${file} >/dev/null 2>&1 || exit 1
free=$(${tool} info ${disk} 2>/dev/null | sed -n '/^Blktag/,/^Direntry/s/.*nfree \\([0-9]*\\).*/\\1/p' | head -n 1)
at=0
for part in $((free - 8)) 4 2 1 1 1 1; do
  ${tool} fallocate -o $((at * 4194304)) -l $((part * 4194304)) ${file} >/dev/null 2>&1 || continue
  at=$((at + part))
done
[ $at -gt 0 ] || say 'pfs fallocate took no room'`,
    // A file that cannot be seen because PFS does not answer is not one that is gone.
    heals: `names=$(${tool} ls /${disk}/ 2>/dev/null) || say 'pfs ls does not answer'
case $names in *${FILLER}*) ${tool} rm ${file} >/dev/null 2>&1 || say '${file} cannot be removed' ;; esac`,
  };
}

function fillData({ host, data }: DatabaseNode): Step {
  const top = `top=$(df --output=target ${shellWord(data)} | tail -n 1)`;
  return {
    host,
    probe: `${top}
[ "$top" != / ] || say 'the data directory lies on the root file system, which is left alone'
case $(df --output=fstype "$top" | tail -n 1) in ext4 | xfs) ;; *) say "the file system of the data directory is neither ext4 nor xfs" ;; esac
[ ! -e "$top/${FILLER}" ] || say "$top/${FILLER} is there already"`,
    breaks: `${top}; fallocate -l "$(df --output=avail -B1 "$top" | tail -n 1 | tr -d ' ')" "$top/${FILLER}"`,
    heals: `${top}; rm -f "$top/${FILLER}"`,
  };
}

/** Real hosts only: a container has the clock of its machine, and a time namespace has no wall clock. */
function clock(kind: Kind): Fault {
  return {
    id: `clock.step-${kind.part}`,
    title: `the clock of the ${kind.part} jumps an hour ahead, and back 20 s later`,
    breaks: '`date --set` on the host, with its time service stopped',
    heals: AFTER('the clock is set back and the time service started'),
    expects: 'commits go on; their order stays',
    holdS: 20,
    writesGoOn: kind.part === 'primary' ? always : outlivesReplica,
    skip: kind.skip,
    steps: d => [
      {
        host: kind.node(d).host,
        // Setting the clock to what it shows is harmless, and tells whether it may be set.
        probe: `! systemd-detect-virt -qc || say 'a container has the clock of its machine, which is left alone'
date -s "@$(date +%s.%N)" >/dev/null || say 'the clock cannot be set'`,
        breaks: `${CLOCK}
for service in $SERVICES; do ! systemctl -q is-active "$service" || { echo "$service" >>"$KEPT.services"; systemctl stop "$service"; }; done
echo $(($(date +%s) - $(cut -d. -f1 /proc/uptime))) >"$KEPT" && date -s "@$(($(date +%s) + 3600))" >/dev/null`,
        heals: `${CLOCK}
! [ -s "$KEPT" ] || { date -s "@$(($(cat "$KEPT") + $(cut -d. -f1 /proc/uptime)))" >/dev/null && rm -f "$KEPT"; }
! [ -e "$KEPT.services" ] || { xargs -r systemctl start <"$KEPT.services" && rm -f "$KEPT.services"; }`,
      },
    ],
  };
}

const CLOCK = `KEPT=/run/polar-fault-clock
SERVICES='chrony chronyd systemd-timesyncd ntp ntpsec'`;
