import { type Deployment, nodesOf } from '../../lib/cluster/deployment.ts';
import { parseRecord } from '../../lib/cluster/role-record.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place, Sight } from '../check.ts';
import { type NbdConfig, parseNbdConfig } from '../nbd-config.ts';
import {
  ANSWER_S,
  CAN_MULTI_CONN,
  handshakeCommand,
  parseHandshakes,
  READ_ONLY,
  SEND_FLUSH,
  SEND_FUA,
} from '../nbd-handshake.ts';
import { listensEverywhere, parseListeners } from '../sockets.ts';
import { parseUnits, showUnits } from '../units.ts';

const RUNS = ['storage.service@storage'];

const config = ({ deployment: { storage } }: Place) => ({ config: `cat ${shellWord(storage.configFile)}` });

/** Every export that the nodes may ask for, and the record's. */
const exportNames = ({ storage, guarded }: Deployment) => [
  ...storage.exports.map(disk => disk.name),
  ...(guarded ? [storage.recordExport] : []),
];

const handshake = ({ deployment }: Place) => {
  const { address, port } = deployment.storage;
  return { handshake: handshakeCommand(address, port, exportNames(deployment)) };
};

const backings = ({ storage }: Deployment) => storage.exports.map(disk => shellWord(disk.backing)).join(' ');

/** The storage host: its NBD server runs, serves the right disks safely, and lets in the nodes and nobody else. */
export const storageChecks: readonly Check[] = [
  {
    id: 'storage.service',
    title: 'the NBD server is active',
    proves: 'systemd runs the server that exports the disks.',
    expects: 'active',
    todo: 'See `journalctl -u SERVICE` on the storage host; `systemctl start SERVICE` starts it. Clients that are connected keep their disks while it is stopped; new connections are not possible.',
    severity: 'fault',
    on: 'storage',
    settles: true,
    asks: ({ deployment: { storage } }) => ({
      unit: storage.service === undefined ? 'pgrep -ox nbd-server; :' : showUnits([storage.service]),
    }),
    judge: at => {
      // In a cluster that somebody else set up a server may run without a unit.
      if (at.deployment.storage.service === undefined)
        return at.check(at.out('unit') !== '', 'a process nbd-server', 'none runs');
      const [unit] = parseUnits(at.out('unit'));
      const final = unit?.ActiveState === 'failed' || unit?.ActiveState === 'inactive';
      at.check(
        unit?.ActiveState === 'active',
        `${at.deployment.storage.service} is active`,
        unit?.LoadState === 'loaded' ? (unit.ActiveState ?? '') : `the unit is ${unit?.LoadState}`,
        { final },
      );
      at.note({ name: 'restarts', value: Number(unit?.NRestarts ?? 0) });
    },
  },
  {
    id: 'storage.backing',
    title: 'the exported disks are there, whole, writable and nobody else’s',
    proves:
      'Each exported device or file exists, is exported once, can be written, is not mounted on the storage host, bears no file system of one host, partition or volume, and a sparse file has room to grow to its size.',
    expects: 'one writable disk of its own for each export',
    todo: 'Do not create a missing file or device anew while nodes are connected: their server process may still hold the old one. Free room on the storage host where a sparse file cannot grow.',
    severity: 'danger',
    on: 'storage',
    asks: ({ deployment }) => ({
      // On a disk that holds a file system of one host, or belongs to a volume group, somebody else is at work.
      signs: `for b in ${deployment.storage.exports
        .filter(disk => !disk.scratch)
        .map(disk => shellWord(disk.backing))
        .join(
          ' ',
        )}; do for t in $(blkid -p -o value -s TYPE -s PTTYPE "$(readlink -f "$b")" 2>/dev/null); do echo "$b: $t"; done; done; :`,
      stat: `for b in ${backings(deployment)}; do f=$(readlink -f "$b"); echo "$(stat -c '%F|%a|%s|%b|%B|%Hr:%Lr|%d:%i' "$f" 2>/dev/null || echo missing)|$f|$([ -b "$f" ] && blockdev --getro "$f")|$(findmnt -rn -S "$f" -o TARGET | head -n 1)|$(df -B1 --output=avail "$f" | tail -n 1 | tr -d ' ')|$(findmnt -rn -T "$f" -o OPTIONS | tail -n 1)"; done`,
    }),
    judge: judgeBackings,
  },
  {
    id: 'storage.listening',
    title: 'the NBD server listens where it should, and nowhere else',
    proves:
      'The server listens on the port and address of the inventory, not on every network that the host is on, unless the inventory says so.',
    expects: 'the address and port of the inventory',
    todo: 'Set nbd_server_listen and cluster_nbd_port in the inventory to what you want and run site.yml; the server is restarted without taking a disk from anybody.',
    severity: 'danger',
    on: 'storage',
    needs: RUNS,
    asks: { sockets: 'cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; :' },
    judge: at => {
      const { storage } = at.deployment;
      const listeners = parseListeners(at.out('sockets')).filter(l => l.port === storage.port);
      const found = listeners.map(l => l.address).join(', ');
      at.check(listeners.length > 0, `something listens on port ${storage.port}`, 'nothing');
      at.check(
        storage.anyAddressAllowed || !listeners.some(listensEverywhere),
        `port ${storage.port} is open on ${storage.address} only`,
        `it listens on ${found}`,
      );
    },
  },
  {
    id: 'storage.clients',
    title: 'the list of clients holds the nodes, what the inventory adds, and nobody else',
    proves: 'Who may open a disk is exactly who should: a further address could destroy the database.',
    expects: "the nodes' addresses and nbd_server_extra_clients",
    todo: 'Run site.yml, which writes the list anew; it takes effect at the next connection. If an address belongs there, add it to nbd_server_extra_clients.',
    severity: 'danger',
    on: 'storage',
    skip: ({ storage }) =>
      storage.authFile === undefined
        ? 'the inventory turns the list of allowed clients off: anyone who reaches the port may connect'
        : undefined,
    asks: ({ deployment: { storage } }) => ({ list: `cat ${shellWord(storage.authFile ?? '')}` }),
    judge: at => {
      const wanted = allowedClients(at.deployment);
      const listed = at
        .out('list')
        .split('\n')
        .map(line => line.trim().replace(/\/(32|128)$/, ''))
        .filter(line => line !== '' && !line.startsWith('#'));
      const missing = wanted.filter(address => !listed.includes(address));
      const further = listed.filter(address => !wanted.includes(address));
      at.check(missing.length === 0, `all of ${wanted.join(', ')}`, `missing: ${missing.join(', ')}`);
      at.check(further.length === 0, `nobody but ${wanted.join(', ')}`, `also ${further.join(', ')}`);
    },
  },
  {
    id: 'storage.members',
    title: 'every node gets in to each of its exports, by connecting',
    proves:
      'From each node the running server answers in time and opens each export that the node attaches, and the role record.',
    expects: 'each export opens',
    todo: 'A node that is refused: look at the list of clients (storage.clients) and at `polarplay status` (a fenced node is refused on purpose; rejoin.yml lets it in). An unknown export: the configuration is not in force (storage.in-force). No answer: the server hangs or the network drops the packets.',
    severity: 'fault',
    on: 'nodes',
    needs: [...RUNS, 'host.processes@storage', 'storage.backing@storage'],
    settles: true,
    asks: handshake,
    judge: at => {
      const { exports } = parseHandshakes(at.out('handshake'));
      for (const name of exportNames(at.deployment)) {
        const disk = at.deployment.storage.exports.find(e => e.name === name);
        if (disk && !disk.nodes.includes(at.host)) continue;
        const answer = exports.get(name) ?? { kind: 'silent' };
        at.check(
          answer.kind === 'opened',
          `${name} opens`,
          answer.kind === 'refused'
            ? `${name}: refused: ${answer.message}`
            : `${name}: no answer within ${ANSWER_S} s`,
        );
      }
    },
  },
  {
    id: 'storage.strangers',
    title: 'an address that is not a member is refused, by connecting',
    proves:
      'The running server refuses each export to an address that is not listed: the storage host tries its own.',
    expects: 'each export is refused',
    todo: 'The running server has no list of clients or one that is too wide: compare its configuration with storage.exports, and run site.yml. Until then every host that reaches the port can overwrite the database.',
    severity: 'danger',
    on: 'storage',
    needs: RUNS,
    skip: deployment => {
      const { storage } = deployment;
      if (storage.authFile === undefined) return 'the inventory turns the list of allowed clients off';
      return allowedClients(deployment).includes(storage.address)
        ? 'the storage host is a member itself, and nobody else is asked to try'
        : undefined;
    },
    asks: handshake,
    judge: at => {
      const { exports, listed } = parseHandshakes(at.out('handshake'));
      const open = [...exports].filter(([, answer]) => answer.kind === 'opened').map(([name]) => name);
      at.check(
        open.length === 0,
        `${at.deployment.storage.address} is refused`,
        `opened: ${open.join(', ')}`,
      );
      at.check(
        at.deployment.storage.listAllowed || listed.length === 0,
        'the names of the exports are not told',
        `listed: ${listed.join(', ')}`,
      );
    },
  },
  {
    id: 'storage.promises',
    title: 'the running server flushes, takes writes, and keeps no private copies',
    proves:
      'What counts is not the configuration file but what the running server promises in its handshake: FLUSH and FUA, writable, one content for all connections (no copy-on-write), and the size of the disk behind it.',
    expects: 'the flags and sizes of the inventory',
    todo: 'Compare /etc/polar/nbd-server.conf with the inventory (storage.exports), run site.yml, then rolling_restart.yml: clients that are connected keep the promises of their own connection.',
    severity: 'danger',
    on: 'nodes',
    needs: ['storage.members'],
    asks: handshake,
    storageAsks: place => ({
      sizes: `for b in ${backings(place.deployment)}; do if [ -b "$b" ]; then blockdev --getsize64 "$b"; else stat -L -c %s "$b"; fi; done`,
    }),
    judge: at => {
      const { storage } = at.deployment;
      const { exports } = parseHandshakes(at.out('handshake'));
      const sizes = at.storage.out('sizes').split('\n').map(Number);
      storage.exports.forEach((disk, i) => {
        const answer = exports.get(disk.name);
        if (answer?.kind !== 'opened') return;
        const has = (flag: number) => (answer.flags & flag) !== 0;
        at.check(
          !storage.flush || has(SEND_FLUSH),
          `${disk.name} flushes`,
          'the server does not offer FLUSH',
        );
        at.check(
          !storage.fua || has(SEND_FUA),
          `${disk.name} forces writes`,
          'the server does not offer FUA',
        );
        at.check(storage.readonly || !has(READ_ONLY), `${disk.name} is writable`, 'read-only');
        at.check(
          has(CAN_MULTI_CONN),
          `${disk.name} is one content for all`,
          'every connection gets a private copy that is lost at its end (copyonwrite)',
        );
        at.check(answer.size === sizes[i], `${disk.name} has ${sizes[i]} bytes`, `${answer.size} bytes`);
      });
    },
  },
  {
    id: 'storage.exports',
    title: 'the configuration exports the disks of the inventory, safely, and no others',
    proves:
      'After its next start the server serves exactly the exports of the inventory: the right disks, with a list of clients, no private copies, every write acknowledged only when it is safe.',
    expects: 'the exports and settings of the inventory',
    todo: 'Run site.yml, which writes the configuration from the inventory and restarts the server without taking a disk from anybody. An export that belongs there goes into nbd_server_exports.',
    severity: 'danger',
    on: 'storage',
    asks: config,
    judge: at => judgeConfig(at, parseNbdConfig(at.out('config'))),
  },
  {
    id: 'storage.in-force',
    title: 'the running server has read its configuration',
    proves:
      'The server was started with the configuration file of the inventory, and nobody touched the file since: what runs is what the file says. A file that was changed and put back counts as touched.',
    expects: 'the server started after the last change, with this file',
    todo: 'Run site.yml, which puts a changed configuration into force; connected clients keep their disks.',
    severity: 'warning',
    on: 'storage',
    needs: RUNS,
    asks: ({ deployment: { storage } }) => ({
      // The time of the last change of its inode: unlike that of its content nobody can put it back.
      times: `stat -c %Z ${shellWord(storage.configFile)}; ${
        storage.service === undefined
          ? 'echo $(( $(date +%s) - $(ps -o etimes= -p "$(pgrep -ox nbd-server)") + 1 ))'
          : `date -d "$(systemctl show -p ExecMainStartTimestamp -- ${shellWord(storage.service)} | cut -d = -f 2)" +%s`
      }`,
      file:
        storage.service === undefined
          ? ':'
          : `tr '\\0' '\\n' <"/proc/$(systemctl show -p MainPID --value -- ${shellWord(storage.service)})/cmdline" | grep -A1 -xe -C | tail -n 1; :`,
    }),
    judge: at => {
      const { configFile } = at.deployment.storage;
      const file = at.out('file');
      at.check(['', configFile].includes(file), `it was started with ${configFile}`, `with ${file}`);
      const [changed = 0, started = 0] = at.out('times').split('\n').map(Number);
      at.check(
        changed <= started,
        'the configuration is older than the server',
        `changed ${changed - started} s after the server started`,
      );
    },
  },
  {
    id: 'storage.sessions',
    title: 'only members are connected, and each works on the exported disk itself',
    proves:
      'Nobody who was let in earlier is still connected, and no session works on a private copy or on a file that was removed.',
    expects: 'sessions of members, on the exported disks',
    todo: 'A session of a stranger: find out what it is before you end it (`ss -tnp` on the storage host shows the process). A session on a removed file or a copy: do not stop the server, what was written there exists nowhere else; see docs/operations.md.',
    severity: 'danger',
    on: 'storage',
    // Where the server gives private copies out, the suite's own connections have some.
    // A node that is let in though the record shuts it out has that as its finding.
    needs: [...RUNS, 'storage.clients', 'storage.backing', 'storage.promises@primary'],
    asks: ({ deployment }) => ({
      peers: `ss -Htnp state established "sport = :${deployment.storage.port}"`,
      files: `pids=$(pgrep -x nbd-server) && find $(echo "$pids" | sed 's,.*,/proc/&/fd,') -lname '/*' ! -lname '/dev/null' -printf '%h %l\\n' 2>/dev/null; :`,
      backings: `readlink -f ${backings(deployment)} ${shellWord(deployment.recordFile)}; :`,
    }),
    judge: judgeSessions,
  },
  {
    id: 'storage.servers',
    title: 'no other server exports disks',
    proves: 'Nothing but the deployed server offers block devices from this host, by NBD or iSCSI.',
    expects: 'no listener of another server',
    todo: 'Find out who started it. A second server on the same disks has a list of clients of its own.',
    severity: 'danger',
    on: 'storage',
    asks: {
      listeners: 'ss -Hltnp',
    },
    judge: at => {
      const others = at
        .out('listeners')
        .split('\n')
        .filter(line => /"(nbd-server|nbdkit|qemu-nbd|tgtd|qemu-storage-da)"/.test(line))
        .map(line => line.split(/\s+/)[3] ?? line)
        .filter(address => !address.endsWith(`:${at.deployment.storage.port}`));
      at.check(others.length === 0, 'no other listener', `another server listens on ${others.join(', ')}`);
    },
  },
  {
    id: 'storage.record',
    title: 'the role record is whole, knows every node, and shuts none out',
    proves:
      'The record decides which node may write. It is there, undamaged, of this cluster, names a primary of the inventory and every node with its identity, and no node is fenced.',
    expects: 'a record of this cluster with all its nodes',
    todo: 'See docs/operations.md, the role record: never make one anew while a database runs before you know who wrote last. A fenced node comes back by rejoin.yml.',
    severity: 'danger',
    on: 'storage',
    skip: ({ guarded }) =>
      guarded
        ? undefined
        : 'somebody else set this cluster up (verify_guard: false): nothing records who may write, and nobody guards the starts',
    asks: ({ deployment }) => ({ record: `cat ${shellWord(deployment.recordFile)}` }),
    judge: judgeRecord,
  },
];

/** Who may connect: a fenced node may not. */
function allowedClients(deployment: Deployment): readonly string[] {
  const nodes = nodesOf(deployment).filter(node => !deployment.record?.fenced.includes(node.host));
  return [...new Set([...nodes.map(node => node.address), ...deployment.storage.extraClients])].map(address =>
    address.replace(/\/(32|128)$/, ''),
  );
}

/** What an export may be set to; others run programs, cut pieces off the disk or lose what was written. */
const KNOWN_KEYS = [
  'exportname',
  'authfile',
  'readonly',
  'multifile',
  'copyonwrite',
  'temporary',
  'flush',
  'fua',
  'sync',
];

/** Others limit the clients, include further files, or ask for TLS. */
const KNOWN_GENERAL = ['listenaddr', 'port', 'allowlist', 'user', 'group'];

function judgeConfig(at: Sight, sections: NbdConfig): void {
  const { storage, guarded, recordFile } = at.deployment;
  const wanted = new Map(storage.exports.map(disk => [disk.name, disk.backing]));
  if (guarded) wanted.set(storage.recordExport, recordFile);
  const further = [...sections.keys()].filter(name => name !== 'generic' && !wanted.has(name));
  at.check(
    further.length === 0,
    `no exports but ${[...wanted.keys()].join(', ')}`,
    `also ${further.join(', ')}`,
  );
  const generic = sections.get('generic');
  const port = generic?.get('port') ?? '10809';
  at.check(port === String(storage.port), `port ${storage.port}`, `port ${port}`);
  const names = generic?.get('allowlist') ?? 'false';
  at.check(
    names === String(storage.listAllowed),
    `allowlist is ${storage.listAllowed}`,
    `allowlist is ${names}`,
  );
  const general = [...(generic?.keys() ?? [])].filter(key => !KNOWN_GENERAL.includes(key));
  at.check(
    general.length === 0 || !guarded,
    'no general settings but those of the role',
    `also ${general.map(key => `${key} = ${generic?.get(key)}`).join(', ')}`,
  );
  const listen = generic?.get('listenaddr') ?? 'every address';
  at.check(
    storage.anyAddressAllowed || listen === storage.address,
    `listens on ${storage.address}`,
    `listens on ${listen}`,
  );
  for (const [name, backing] of wanted) {
    const section = sections.get(name);
    at.check(section !== undefined, `an export ${name}`, 'none of that name');
    if (!section) continue;
    const is = (key: string) => section.get(key) ?? 'false';
    const record = name === storage.recordExport;
    const exported = section.get('exportname');
    at.check(exported === backing, `${name} is ${backing}`, `${name} is ${exported}`);
    at.check(
      section.get('authfile') === storage.authFile,
      `${name} asks ${storage.authFile ?? 'no list'} who may connect`,
      section.get('authfile') ?? 'no authfile: everybody may connect',
    );
    const odd = [...section.keys()].filter(key => !KNOWN_KEYS.includes(key));
    at.check(odd.length === 0, `${name}: no settings but those of the role`, `also ${odd.join(', ')}`);
    for (const unsafe of ['copyonwrite', 'temporary', 'multifile'])
      at.check(is(unsafe) === 'false', `${name}: ${unsafe} is off`, `${unsafe} is ${is(unsafe)}`);
    at.check(
      is('readonly') === String(record || storage.readonly),
      `${name}: readonly ${record || storage.readonly}`,
      is('readonly'),
    );
    if (record) continue;
    for (const key of ['flush', 'fua', 'sync'] as const)
      at.check(is(key) === String(storage[key]), `${name}: ${key} is ${storage[key]}`, is(key));
  }
}

function judgeSessions(at: Sight): void {
  const allowed = allowedClients(at.deployment);
  const own = at.deployment.storage.address;
  // Blocks among the extra clients let in whom the list of clients says: no list of addresses can tell.
  const blocks = allowed.some(address => address.includes('/'));
  const peers = at
    .out('peers')
    .split('\n')
    .map(line => /(?<!\S)(\S+):\d+\s+users:.*pid=(\d+)/.exec(line))
    .flatMap(match => (match ? [{ address: plainAddress(match[1]!), pid: match[2]! }] : []));
  const strangers = [...new Set(peers.map(peer => peer.address))].filter(
    address => !blocks && !allowed.includes(address) && address !== own,
  );
  at.check(
    strangers.length === 0 || at.deployment.storage.authFile === undefined,
    `sessions of ${allowed.join(', ')} only`,
    `connected: ${strangers.join(', ')}`,
  );
  const backings = at.out('backings').split('\n');
  const odd = at
    .out('files')
    .split('\n')
    .map(line => line.slice(line.indexOf(' ') + 1))
    .filter(
      file =>
        file !== '' &&
        !backings.includes(file) &&
        !/\.(so[.0-9]*|pid|conf|allow)$|^\/dev\/(pts|urandom)/.test(file),
    );
  at.check(
    odd.length === 0,
    `sessions work on ${backings.join(', ')}`,
    `a session works on ${[...new Set(odd)].join(', ')}`,
  );
  at.note({ name: 'sessions', value: peers.length });
}

const plainAddress = (text: string) => text.replace(/^\[?(?:::ffff:)?([^\]]*)\]?$/, '$1');

/** File systems that several hosts may mount at once. */
const CLUSTERED = /: (gfs2|ocfs2)$/;

function judgeBackings(at: Sight): void {
  const { exports } = at.deployment.storage;
  const signs = at
    .out('signs')
    .split('\n')
    .filter(line => line !== '' && !CLUSTERED.test(line));
  at.check(signs.length === 0, 'no file system of one host and no volume on a disk', signs.join(', '));
  const seen = new Map<string, string>();
  at.out('stat')
    .split('\n')
    .forEach((line, i) => {
      const disk = exports[i];
      if (!disk) return;
      at.check(!line.startsWith('missing'), `${disk.backing} is there`, 'it is missing');
      if (line.startsWith('missing')) return;
      const [
        kind = '',
        mode = '',
        size = '0',
        blocks = '0',
        unit = '512',
        device = '',
        inode = '',
        file = '',
        ro = '',
        mounted = '',
        free = '0',
        options = '',
      ] = line.split('|');
      const block = kind.startsWith('block');
      const key = block ? device : inode;
      at.check(!seen.has(key), `${disk.name} has a disk of its own`, `the same disk as ${seen.get(key)}`);
      seen.set(key, disk.name);
      at.check(block || kind.startsWith('regular'), `${file} is a device or a file`, kind);
      at.check(mounted === '', `${file} is not mounted here`, `mounted on ${mounted}`);
      at.check(
        block ? ro !== '1' : options.split(',').includes('rw'),
        `${file} can be written`,
        'read-only on the storage host',
      );
      // The group of a device is disk, whose members may write to every disk.
      at.check(
        (Number.parseInt(mode, 8) & (block ? 0o002 : 0o022)) === 0,
        `nobody else may write to ${file}`,
        `mode ${mode}`,
      );
      const lacking = block ? 0 : Number(size) - Number(blocks) * Number(unit);
      at.check(
        lacking <= Number(free),
        `room for all of ${file}`,
        `it is sparse and still needs ${mib(lacking)} MiB of which ${mib(Number(free))} MiB are free`,
      );
    });
}

const mib = (bytes: number) => Math.round(bytes / 2 ** 20);

function judgeRecord(at: Sight): void {
  const { deployment } = at;
  const text = at.out('record');
  let record: ReturnType<typeof parseRecord>;
  try {
    record = parseRecord(text);
  } catch (error) {
    at.check(false, 'a whole record', (error as Error).message);
    return;
  }
  at.check(record !== undefined, 'a record', 'an empty file');
  if (!record) return;
  const { cluster } = deployment;
  at.check(record.cluster === cluster, `the cluster ${cluster}`, `the cluster ${record.cluster}`);
  const nodes = nodesOf(deployment);
  const known = new Map(record.nodes.filter(n => n.state === 'member').map(n => [n.name, n.hostid]));
  at.check(
    nodes.some(node => node.host === record.primary),
    'a primary among the nodes of the inventory',
    `the primary is ${record.primary || 'nobody'}`,
  );
  for (const node of nodes) {
    const hostid = known.get(node.host);
    at.check(
      hostid === node.hostid,
      `${node.host} is a member with the identity ${node.hostid}`,
      hostid === undefined ? 'it is not a member' : `its identity is ${hostid}`,
    );
  }
  const strange = [...known.keys()].filter(name => !nodes.some(node => node.host === name));
  at.check(strange.length === 0, 'no other members', `also ${strange.join(', ')}`);
  at.check(record.fenced.length === 0, 'no node is shut out', `shut out: ${record.fenced.join(', ')}`);
  at.check(Number.isInteger(record.epoch) && record.epoch > 0, 'an epoch', String(record.epoch));
  at.note({ name: 'epoch', value: record.epoch });
}
