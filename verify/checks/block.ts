import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type Deployment, type Export, hostsOf, nodesOf } from '../../lib/cluster/deployment.ts';
import { CommandError, type Hosts } from '../../lib/cluster/hosts.ts';
import { type Check, type CheckContext, expectSame, type Layer } from '../check.ts';

const BLOCK = 4096;
/** Each of the suite's blocks in the scratch export begins with this; a block per writer, from the second one on. */
const MARKER = 'polarplay verify scratch\n';
const LOOKED_AT = 16;
const WRITERS_AT_ONCE = LOOKED_AT - 1;

/** The disks as the nodes see them: there, alike, and one and the same. */
export const blockLayer = (hosts: Hosts): Layer<Deployment> => ({
  name: 'block',
  title: 'Block devices',
  checks: deployment => {
    const nodes = hostsOf(nodesOf(deployment));
    const { exports } = deployment.storage;
    if (exports.length === 0) throw new Error('the inventory names no export: there is no disk to look at');
    return [
      ...exports.flatMap(disk => [
        sizeCheck(hosts, deployment, disk, nodes),
        // The scratch export changes under other runs of this suite; its own check compares what it wrote itself.
        ...(disk.scratch ? [] : [contentCheck(hosts, disk, nodes)]),
      ]),
      scratchCheck(hosts, deployment, nodes),
    ];
  },
});

function sizeCheck(hosts: Hosts, deployment: Deployment, disk: Export, nodes: readonly string[]): Check {
  return {
    id: `block.size.${disk.name}`,
    title: `${disk.name} is attached as ${disk.device} with the size of the export`,
    hosts: nodes,
    settles: true,
    run: async context => {
      const exported = await exportedSize(hosts, deployment.storage.host, disk.backing);
      const attached = async (node: string) => {
        const size = Number(await hosts.output(node, ['blockdev', '--getsize64', disk.device]));
        expect(size, `bytes of ${disk.device}`).to.equal(exported);
      };
      // After a reboot of the storage host the nodes need a moment to connect again.
      await context.each(node => context.settled(() => attached(node), node));
      context.note({ name: 'size', value: exported / 2 ** 20, unit: 'MiB' });
    },
  };
}

/** Bytes of what the storage host exports, a device or a file. */
async function exportedSize(hosts: Hosts, host: string, backing: string): Promise<number> {
  const script =
    'if [ -b "$backing" ]; then blockdev --getsize64 "$backing"; else stat -L -c %s "$backing"; fi';
  const reply = await hosts.script(host, script, { env: { backing } });
  if (reply.rc !== 0) throw new Error(`${host}: the size of ${backing} is not known: ${reply.stderr.trim()}`);
  return Number(reply.stdout);
}

function contentCheck(hosts: Hosts, disk: Export, nodes: readonly string[]): Check {
  return {
    id: `block.content.${disk.name}`,
    title: `${disk.name} begins with the same 4 KiB on all nodes`,
    hosts: nodes,
    run: async context => {
      const hashes = await context.each(async node => {
        const block = await readBlocks(hosts, node, disk.device, 0, 1);
        return createHash('sha256').update(block).digest('hex');
      });
      expectSame(hashes, `the hash of the first 4 KiB of ${disk.device}`);
      context.note({ name: 'sha256', value: [...hashes.values()][0]!.slice(0, 12) });
    },
  };
}

function scratchCheck(hosts: Hosts, deployment: Deployment, nodes: readonly string[]): Check {
  const head = {
    id: 'block.shared',
    title: 'a block written through one node is read through the others',
    hosts: nodes,
  };
  const scratch = deployment.storage.exports.find(disk => disk.scratch);
  if (!scratch) {
    return {
      ...head,
      skip: 'the inventory names no scratch export, and no other disk may be written; runs when it does',
    };
  }
  if (nodes.length < 2) return { ...head, skip: 'there is only one node; runs when there are replicas' };
  return {
    ...head,
    run: async context => {
      refuseSharedBacking(deployment, scratch);
      await context.each(node => refuseForeignContent(hosts, node, scratch.device));
      for (let from = 0; from < nodes.length; from += WRITERS_AT_ONCE) {
        await passBlocks(hosts, context, scratch.device, nodes.slice(from, from + WRITERS_AT_ONCE));
      }
    },
  };
}

/** Writes a nonce through each of the writers, each in a block of its own, and expects them all on every node. */
async function passBlocks(
  hosts: Hosts,
  context: CheckContext,
  device: string,
  writers: readonly string[],
): Promise<void> {
  const written = new Map(
    writers.map(writer => [writer, `${MARKER}${writer} ${randomBytes(16).toString('hex')}\n`]),
  );
  const blockOf = (writer: string) => 1 + writers.indexOf(writer);
  await context.each(
    writer => writeBlock(hosts, writer, device, blockOf(writer), written.get(writer)!),
    writers,
  );
  await context.each(async node => {
    const blocks = await readBlocks(hosts, node, device, 0, LOOKED_AT);
    for (const [writer, text] of written) {
      const at = blockOf(writer);
      const read = textOf(blocks.subarray(at * BLOCK, (at + 1) * BLOCK));
      expect(read, `block ${at} of ${device}, written through ${writer}`).to.equal(text);
    }
  });
}

/** Writes one block past the page cache: the text, then zeros. */
async function writeBlock(
  hosts: Hosts,
  host: string,
  device: string,
  block: number,
  text: string,
): Promise<void> {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(text);
  const place = [`of=${device}`, `bs=${BLOCK}`, `seek=${block}`, 'count=1'];
  const argv = ['dd', ...place, 'oflag=direct', 'conv=notrunc,fsync', 'iflag=fullblock', 'status=none'];
  const { rc, stderr } = await hosts.command(host, argv, { stdin: bytes });
  if (rc !== 0) throw new Error(`${device} cannot be written: ${stderr.trim() || `exit ${rc}`}`);
}

/** The inventory may name a scratch export that is another export's disk by mistake: that disk is not scratch. */
function refuseSharedBacking({ storage, pfs }: Deployment, scratch: Export): void {
  const others = storage.exports.filter(disk => disk !== scratch);
  const same = others.find(disk => disk.backing === scratch.backing || disk.device === scratch.device);
  if (same)
    throw new Error(`not written: the scratch export ${scratch.name} is the same disk as ${same.name}`);
  if (pfs?.disks.some(name => scratch.device === `/dev/${name}`)) {
    throw new Error(`not written: ${scratch.device} is a PFS disk`);
  }
}

/** Only a disk that is blank at its start, or holds this suite's own blocks, is taken for scratch. */
async function refuseForeignContent(hosts: Hosts, node: string, device: string): Promise<void> {
  const text = textOf(await readBlocks(hosts, node, device, 0, LOOKED_AT));
  if (text === '' || text.startsWith(MARKER)) return;
  throw new Error(
    `not written: ${device} holds something that this suite did not write; a scratch disk is blank`,
  );
}

/** Reads whole blocks past the page cache. A read error must not look like an empty disk: dd's exit code tells. */
async function readBlocks(
  hosts: Hosts,
  host: string,
  device: string,
  from: number,
  count: number,
): Promise<Buffer> {
  const place = [`if=${device}`, `bs=${BLOCK}`, `skip=${from}`, `count=${count}`];
  try {
    return await hosts.bytes(host, ['dd', ...place, 'iflag=direct', 'status=none']);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { rc, stderr } = error.reply;
    throw new Error(`${device} cannot be read: ${stderr.trim() || `exit ${rc}`}`);
  }
}

/** What blocks hold, without their zeros. */
const textOf = (blocks: Buffer): string => blocks.toString('latin1').replaceAll('\0', '');
