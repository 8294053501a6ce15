import { randomBytes, randomInt } from 'node:crypto';
import type { Deployment, Export } from '../../lib/cluster/deployment.ts';
import { CommandError, type Hosts } from '../../lib/cluster/hosts.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Doing, Place, Sight, Sights } from '../check.ts';

const BLOCK = 4096;
/** Blocks compared on each disk: the first, the last, and others at equal distances. */
const SAMPLES = 16;
/** Each block that the suite writes begins with this. */
const MARKER = 'polarplay verify scratch\n';
/** The start of a scratch disk, where anything that is not scratch would show. */
const LOOKED_AT = 16;

const disksOf = ({ deployment, host }: Place): readonly Export[] =>
  deployment.storage.exports.filter(disk => disk.nodes.includes(host));

const noExport = ({ storage }: Deployment) =>
  storage.exports.length === 0 ? 'the inventory names no export: there is no disk to look at' : undefined;

const words = (disks: readonly Export[]) => disks.map(disk => shellWord(disk.device)).join(' ');

/** The names of disks, as a pattern. */
const patternOf = (disks: readonly Export[]) =>
  disks.map(disk => disk.device.replace(/^\/dev\//, '').replaceAll('.', '[.]')).join('|');

/** Bytes of a device or a file. */
const sizeOf = (path: string) =>
  `if [ -b ${shellWord(path)} ]; then blockdev --getsize64 ${shellWord(path)}; else stat -L -c %s ${shellWord(path)}; fi`;

const sampled = (device: string, flags: string) =>
  `d=${shellWord(device)}; n=$(( $(${sizeOf(device)}) / ${BLOCK} )); [ "$n" -gt 0 ] && for i in $(seq 0 ${SAMPLES - 1}); do dd if="$d" bs=${BLOCK} skip=$(( (n - 1) * i / ${SAMPLES - 1} )) count=1${flags} status=none; done | sha256sum`;

/** The disks as the nodes see them: there, alike, and one and the same. */
export const blockChecks: readonly Check[] = [
  {
    id: 'block.connected',
    title: 'each disk of each node leads to its own export',
    proves:
      'The device that the node uses under the name of a disk is the export that the inventory gives that name, not another export, a local file or a device of its own. The running client is asked, not its configuration.',
    expects: 'the device leads to nbd://STORAGE:PORT/EXPORT',
    todo: 'Stop what uses the disk on that node first, then restart polar-nbd@DISK (rolling_restart.yml does both in order). A database that worked on the wrong disk must not be started again before you know what it wrote there.',
    severity: 'danger',
    on: 'nodes',
    skip: noExport,
    settles: true,
    asks: place => ({
      // Everything is read from sysfs: an ioctl on a device whose file system hangs would hang as well.
      devices: `for d in ${words(disksOf(place))}; do f=$(readlink -f "$d"); [ -b "$f" ] || f=; b=/sys/block/\${f#/dev/}; case $f in /dev/loop*) echo "$d|$f|$(cat $b/loop/backing_file 2>/dev/null)|$(cat $b/loop/offset $b/loop/sizelimit $b/loop/dio 2>/dev/null | tr '\\n' ' ')" ;; /dev/nbd*) echo "$d|$f|$(tr '\\0' ' ' <"/proc/$(cat "$b/pid" 2>/dev/null)/cmdline" 2>/dev/null)|$(cat "$b/backend" 2>/dev/null)" ;; *) echo "$d|$f|" ;; esac; done`,
      // Which file system is mounted where is asked of the kernel: one that hangs would not answer itself.
      mounts: "grep -F ' - fuse' /proc/self/mountinfo; :",
      clients: `for p in $(pgrep -x nbdfuse); do tr '\\0' ' ' </proc/$p/cmdline; echo; done; :`,
    }),
    judge: judgeConnected,
  },
  {
    id: 'block.unused',
    title: 'nothing on a node uses the shared disks beside the database, now or after the next boot',
    proves:
      'No shared disk is mounted or used as swap by a node itself, no line of /etc/fstab does so at the next boot, no rule of udev gives its name to another device, and no file system of a single host stands on one: such a file system knows nothing of the other nodes, and destroys itself and the database. Nobody but root and the group disk may open the devices.',
    expects: 'no mount, no swap, no rule, mode 660 or less',
    todo: 'Unmount it on every node before anything else. Do not run fsck on it. Then find out who mounted it, and whether the disk was the database’s.',
    severity: 'danger',
    on: 'nodes',
    skip: noExport,
    needs: ['block.connected'],
    asks: place => ({
      fstab: `sed 's/#.*//' /etc/fstab 2>/dev/null | grep -wE ${shellWord(patternOf(disksOf(place)))}; :`,
      rules: `grep -swE ${shellWord(`(NAME|SYMLINK)\\+?:?=.*(${patternOf(disksOf(place))})`)} /etc/udev/rules.d/* /run/udev/rules.d/* /usr/local/lib/udev/rules.d/* | grep -v '^/etc/udev/rules[.]d/60-polar-nbd[.]rules:'; :`,
      used: `for d in ${words(disksOf(place))}; do f=$(readlink -f "$d"); n=\${f#/dev/}; echo "$d|$(awk -v f="$f" '$1 == f { print $2 }' /proc/mounts | head -n 1)|$(awk -v f="$f" '$1 == f { print $1 }' /proc/swaps)|$(ls "/sys/block/$n/holders" 2>/dev/null | tr '\n' ' ')|$(stat -c '%U %a' "$f")"; done`,
    }),
    judge: at => {
      for (const line of at.out('used').split('\n').filter(Boolean)) {
        const [device = '', mounted = '', swap = '', holders = '', rights = ''] = line.split('|');
        at.check(mounted === '', `${device} is not mounted`, `mounted on ${mounted}`);
        at.check(swap === '', `${device} is not swap`, 'swap');
        at.check(holders.trim() === '', `${device} is held by nobody`, `held by ${holders.trim()}`);
        const [owner = '', mode = '0'] = rights.split(' ');
        const open = owner !== 'root' || (Number.parseInt(mode, 8) & 0o002) !== 0;
        at.check(!open, `${device} for root and the group disk`, `${owner}, mode ${mode}`);
      }
      const fstab = at.out('fstab').trim();
      at.check(fstab === '', 'no shared disk in /etc/fstab', fstab);
      const rules = at.out('rules').split('\n').filter(Boolean);
      at.check(
        rules.length === 0 || !at.deployment.guarded,
        'no other rule of udev for the name of a disk',
        rules.join('; '),
      );
    },
  },
  {
    id: 'block.size',
    title: 'each disk has the size of what is exported, and can be written',
    proves:
      'No node sees a shorter or longer disk than the storage host exports, and none sees it read-only.',
    expects: 'the size on the storage host; writable',
    todo: 'After the disk has grown on the storage host run grow.yml: a client learns the size only when it connects. A disk that is smaller than before must not be used: what lies behind its end is gone for that node.',
    severity: 'fault',
    on: 'nodes',
    skip: noExport,
    needs: ['block.connected', 'storage.backing@storage'],
    asks: place => ({
      sizes: `for d in ${words(disksOf(place))}; do echo "$(blockdev --getsize64 "$d") $(blockdev --getro "$d")"; done`,
    }),
    storageAsks: ({ deployment }) => ({
      sizes: deployment.storage.exports.map(disk => sizeOf(disk.backing)).join('; '),
    }),
    judge: at => {
      const { storage, pfs } = at.deployment;
      const exported = at.storage.out('sizes').split('\n').map(Number);
      const seen = at.out('sizes').split('\n');
      disksOf(at).forEach((disk, i) => {
        const [size, readOnly] = (seen[i] ?? '').split(' ').map(Number);
        const wanted = exported[storage.exports.indexOf(disk)];
        at.check(size === wanted, `${disk.device} has ${wanted} bytes`, `${size} bytes`);
        // On a disk with PFS the guard takes the right to write from every replica: a check of its own.
        const guarded = pfs?.disks.some(name => disk.device === `/dev/${name}`);
        at.check(guarded || readOnly === 0, `${disk.device} can be written`, 'read-only');
      });
    },
  },
  {
    id: 'block.reads',
    title: 'each disk can be read, at its start, its end and between',
    proves: 'A read past the page cache comes back in time from the storage host, with the data.',
    expects: 'data within 4 s',
    todo: 'No answer: the process of the NBD server that serves this node hangs, or the network drops its packets; after its timeout the client connects anew. Errors: see the journal of polar-nbd@DISK on the node and of the server on the storage host.',
    severity: 'fault',
    on: 'nodes',
    skip: noExport,
    needs: ['block.connected', 'storage.service@storage', 'host.processes', 'host.processes@storage'],
    settles: true,
    diskAsks: place => samplesOf(disksOf(place), ' iflag=direct'),
    judge: at => {
      for (const disk of disksOf(at)) {
        const reply = at.reply(disk.name);
        const hung = reply.rc === 124 || reply.rc === 137;
        at.check(
          reply.rc === 0 && /^[0-9a-f]{64} /.test(reply.output),
          `${disk.device} can be read`,
          hung ? 'no answer in time' : reply.output.trim().split('\n').slice(0, 2).join('; '),
        );
      }
    },
  },
  {
    id: 'block.content',
    title: 'every node reads the same disk as the storage host',
    proves:
      'Blocks at the start, at the end and at 14 places between hold the same on every node and on the storage host itself: nobody looks at a copy, a private disk or another disk.',
    expects: 'the same blocks everywhere',
    todo: 'Stop the database on the node that differs and leave its disk as it is until you know why: it may hold writes that exist nowhere else. Restarting polar-nbd@DISK there attaches the shared disk again.',
    severity: 'danger',
    on: 'nodes',
    skip: noExport,
    needs: ['block.reads', 'block.size'],
    // A block that the database writes at this moment differs for a moment.
    settles: true,
    diskAsks: place =>
      samplesOf(
        disksOf(place).filter(disk => !disk.scratch),
        ' iflag=direct',
      ),
    storageAsks: ({ deployment }) =>
      Object.fromEntries(
        deployment.storage.exports
          .filter(disk => !disk.scratch)
          .map(disk => [disk.name, sampled(disk.backing, '')]),
      ),
    across: judgeContent,
  },
  {
    id: 'block.shared',
    title: 'a block written through one node is read through the others and on the storage host',
    proves:
      'The disk is really shared: what each node writes to the scratch export is read by every other node and from the disk of the storage host. The suite writes nothing but blank blocks of that export, and blanks them again.',
    expects: 'every node reads what each node wrote',
    todo: 'The disks are not shared: do not start the database on more than one node. Compare block.connected and storage.promises. If the scratch export holds something, give the suite an export of its own.',
    severity: 'danger',
    on: 'nodes',
    skip: ({ storage }) =>
      storage.exports.some(disk => disk.scratch)
        ? undefined
        : 'the inventory names no scratch export, and no other disk may be written; runs when scratch_export does',
    needs: ['block.reads', 'block.size', 'block.connected', 'storage.sessions@storage'],
    act: passBlocks,
    extraMs: 10_000,
  },
];

function samplesOf(disks: readonly Export[], flags: string) {
  return Object.fromEntries(disks.map(disk => [disk.name, sampled(disk.device, flags)]));
}

function judgeConnected(at: Sight): void {
  const { storage } = at.deployment;
  const clients = at.out('clients').split('\n');
  const mounted = new Set(
    at
      .out('mounts')
      .split('\n')
      .filter(line => / - fuse/.test(line))
      .map(line => line.split(' ')[4] ?? ''),
  );
  const lines = new Map(
    at
      .out('devices')
      .split('\n')
      .map(line => [line.split('|')[0]!, line]),
  );
  for (const disk of disksOf(at)) {
    const [, real = '', client = '', extra = ''] = (lines.get(disk.device) ?? '').split('|');
    const wanted = `nbd://${storage.address}:${storage.port}/${disk.name}`;
    const found = real.startsWith('/dev/loop')
      ? behindLoop(client, extra, mounted, clients)
      : real.startsWith('/dev/nbd')
        ? behindKernel(client, extra)
        : `${real} is not a device of an NBD client`;
    at.check(
      found === wanted,
      `${disk.device} leads to ${wanted}`,
      real === '' ? `${disk.device} is missing` : found,
    );
  }
}

/** Where a loop device leads: through the file of nbdfuse that is mounted now, or to something of the host itself. */
function behindLoop(
  file: string,
  range: string,
  mounted: ReadonlySet<string>,
  clients: readonly string[],
): string {
  const folder = file.replace(/\/nbd$/, '');
  const uri = clients
    .map(line => line.trim().split(' '))
    .find(argv => argv.includes(folder))
    ?.at(-1);
  if (file === '') return 'a loop device without a file';
  if (uri === undefined || !mounted.has(folder)) return `${file}, a file of the host itself`;
  if (!/^0 0 /.test(range)) return `only a part of ${uri}`;
  // Through the page cache of the node a read would not see what another node wrote.
  return range.trim() === '0 0 1'
    ? uri
    : `${uri}, through the page cache of the node (losetup --direct-io=on)`;
}

/** Where a kernel device leads, by the command line of the client that serves it. */
function behindKernel(client: string, backend: string): string {
  const argv = client.trim().split(' ').filter(Boolean);
  if (argv.length < 3) return backend === '' ? 'no running client' : `the backend ${backend}`;
  const named = argv.findIndex(word => word === '-N' || word === '-name');
  const [host, port] = argv.slice(1);
  return `nbd://${host}:${port}/${named < 0 ? '' : argv[named + 1]}`;
}

function judgeContent(all: Sights): void {
  for (const disk of all.deployment.storage.exports.filter(e => !e.scratch)) {
    const wanted = hashOf(all.storage.out(disk.name));
    for (const at of all.hosts) {
      if (!disk.nodes.includes(at.host)) continue;
      const found = hashOf(at.out(disk.name));
      all.check(
        at.host,
        found === wanted,
        `${disk.device} holds what ${disk.backing} holds on ${all.storage.host} (${wanted})`,
        `other blocks (${found})`,
      );
    }
  }
}

const hashOf = (output: string) => output.slice(0, 12);

/** Writes a nonce through each node into a blank block of the scratch export, and reads them all everywhere. */
async function passBlocks(doing: Doing): Promise<void> {
  const { deployment, hosts: nodes, reach, runId, signal } = doing;
  const scratch = deployment.storage.exports.find(disk => disk.scratch)!;
  const refusal = notScratch(deployment, scratch);
  doing.check(nodes[0]!, refusal === undefined, 'a scratch export that is nothing else', refusal ?? '');
  if (refusal !== undefined) return;
  const { device, backing } = scratch;
  const size = await reach.script(nodes[0]!, sizeOf(device));
  doing.check(nodes[0]!, size.rc === 0, `the size of ${device}`, size.stderr.trim());
  if (size.rc !== 0) return;
  const blocks = Number(size.stdout) / BLOCK;
  // Each run has places of its own, so that two runs do not disturb each other.
  const first = randomInt(LOOKED_AT, Math.max(LOOKED_AT + 1, Math.floor(blocks) - nodes.length));
  for (const from of [0, first]) {
    const count = from === 0 ? LOOKED_AT : nodes.length;
    const text = textOf(await readBlocks(reach, nodes[0]!, device, from, count, 'iflag=direct'));
    doing.check(
      nodes[0]!,
      text === '' || text.startsWith(MARKER),
      `blank blocks on ${device}`,
      'something that this suite did not write: nothing was written',
    );
    if (text !== '' && !text.startsWith(MARKER)) return;
  }
  const texts = nodes.map(node => `${MARKER}${runId} ${node} ${randomBytes(16).toString('hex')}\n`);
  doing.cleanUp(async () => {
    await reach.output(nodes[0]!, [
      ...['dd', 'if=/dev/zero', `of=${device}`, `bs=${BLOCK}`, `seek=${first}`, `count=${nodes.length}`],
      ...['oflag=direct', 'conv=notrunc,fsync', 'status=none'],
    ]);
  });
  await Promise.all(nodes.map((node, i) => writeBlock(reach, node, device, first + i, texts[i]!, signal)));
  const readers = [
    ...nodes.map(node => [node, device] as const),
    [deployment.storage.host, backing] as const,
  ];
  await Promise.all(
    readers.map(async ([host, path]) => {
      const flag = path === device ? 'iflag=direct' : 'conv=notrunc';
      const read = await readBlocks(reach, host, path, first, nodes.length, flag);
      texts.forEach((text, i) => {
        const found = textOf(read.subarray(i * BLOCK, (i + 1) * BLOCK));
        doing.check(
          host,
          found === text,
          `what ${nodes[i]} wrote into block ${first + i} of ${scratch.name}`,
          found === '' ? 'a blank block' : JSON.stringify(found),
        );
      });
    }),
  );
}

/** The inventory may name a scratch export that is another export's disk by mistake: that disk is not scratch. */
function notScratch({ storage, pfs }: Deployment, scratch: Export): string | undefined {
  const same = storage.exports
    .filter(disk => disk !== scratch)
    .find(disk => disk.backing === scratch.backing || disk.device === scratch.device);
  if (same) return `not written: ${scratch.name} is the same disk as ${same.name}`;
  if (pfs?.disks.some(name => scratch.device === `/dev/${name}`))
    return `not written: ${scratch.device} is a PFS disk`;
  return undefined;
}

/** Writes one block past the page cache: the text, then zeros. */
async function writeBlock(
  reach: Hosts,
  host: string,
  device: string,
  block: number,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(text);
  const place = [`of=${device}`, `bs=${BLOCK}`, `seek=${block}`, 'count=1'];
  const argv = ['dd', ...place, 'oflag=direct', 'conv=notrunc,fsync', 'iflag=fullblock', 'status=none'];
  const { rc, stderr } = await reach.command(host, argv, { stdin: bytes, signal });
  if (rc !== 0)
    throw Object.assign(new Error(`${device} cannot be written: ${stderr.trim() || `exit ${rc}`}`), { host });
}

/** Reads whole blocks. A read error must not look like an empty disk: dd's exit code tells. */
async function readBlocks(
  reach: Hosts,
  host: string,
  path: string,
  from: number,
  count: number,
  flag: string,
): Promise<Buffer> {
  const place = [`if=${path}`, `bs=${BLOCK}`, `skip=${from}`, `count=${count}`];
  try {
    return await reach.bytes(host, ['dd', ...place, flag, 'status=none']);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { rc, stderr } = error.reply;
    throw Object.assign(new Error(`${path} cannot be read: ${stderr.trim() || `exit ${rc}`}`), { host });
  }
}

/** What blocks hold, without their zeros. */
const textOf = (blocks: Buffer): string => blocks.toString('latin1').replaceAll('\0', '');
