import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type Check, type CheckContext, expectSame, type Layer } from '../check.ts';
import { type Deployment, type Export, hostsOf, nodesOf } from '../deployment.ts';
import type { Hosts } from '../hosts.ts';

const BLOCK = 4096;
/** Each of the suite's blocks in the scratch export begins with this; a block per writer, from the second one on. */
const MARKER = 'polarplay verify scratch\n';
const LOOKED_AT = 16;

/** The disks as the nodes see them: there, alike, and one and the same. */
export const blockLayer = (hosts: Hosts, patienceMs: number): Layer<Deployment> => ({
  name: 'block',
  title: 'Block devices',
  checks: deployment => {
    const nodes = hostsOf(nodesOf(deployment));
    const { exports } = deployment.storage;
    if (exports.length === 0) throw new Error('the inventory names no export: there is no disk to look at');
    return [
      ...exports.flatMap(disk => [
        sizeCheck(hosts, deployment, disk, nodes, patienceMs),
        // The scratch export changes under other runs of this suite; its own check compares what it wrote itself.
        ...(disk.scratch ? [] : [contentCheck(hosts, disk, nodes)]),
      ]),
      scratchCheck(hosts, deployment, nodes),
    ];
  },
});

function sizeCheck(
  hosts: Hosts,
  deployment: Deployment,
  disk: Export,
  nodes: readonly string[],
  patienceMs: number,
): Check {
  return {
    id: `block.size.${disk.name}`,
    title: `${disk.name} is attached as ${disk.device} with the size of the export`,
    hosts: nodes,
    timeoutMs: patienceMs + 5_000,
    run: async context => {
      const exported = await exportedSize(hosts, deployment.storage.host, disk.backing);
      const attached = async (node: string) => {
        const size = Number(await hosts.output(node, ['blockdev', '--getsize64', disk.device]));
        expect(size, `bytes of ${disk.device}`).to.equal(exported);
      };
      // After a reboot of the storage host the nodes need a moment to connect again.
      await context.each(node =>
        context.eventually(() => attached(node), { withinMs: patienceMs, everyMs: 500 }, node),
      );
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
      const hashes = await context.each(
        async node => (await readBlocks(hosts, node, disk.device, 0, 1)).sha256,
      );
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
    timeoutMs: 30_000,
    run: async context => {
      refuseSharedBacking(deployment, scratch);
      await context.each(node => refuseForeignContent(hosts, node, scratch.device));
      for (const [index, writer] of nodes.entries()) {
        await passOneBlock(hosts, context, scratch.device, writer, 1 + (index % (LOOKED_AT - 1)));
      }
    },
  };
}

/** Writes a nonce through one node and expects it on every other, all past the page caches. */
async function passOneBlock(
  hosts: Hosts,
  context: CheckContext,
  device: string,
  writer: string,
  block: number,
): Promise<void> {
  const text = `${MARKER}${writer} ${randomBytes(16).toString('hex')}\n`;
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(text);
  const write = await hosts.command(
    writer,
    [
      'dd',
      `of=${device}`,
      `bs=${BLOCK}`,
      `seek=${block}`,
      'count=1',
      'oflag=direct',
      'conv=notrunc,fsync',
      'iflag=fullblock',
      'status=none',
    ],
    { stdin: bytes, signal: context.signal },
  );
  if (write.rc !== 0) throw new Error(`${writer} could not write ${device}: ${write.stderr.trim()}`);
  const readers = context.hosts.filter(node => node !== writer);
  await context.each(async node => {
    const { text: read } = await readBlocks(hosts, node, device, block, 1);
    expect(read, `block ${block} of ${device}, written through ${writer}`).to.equal(text);
  }, readers);
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
  const { text } = await readBlocks(hosts, node, device, 0, LOOKED_AT);
  if (text === '' || text.startsWith(MARKER)) return;
  throw new Error(
    `not written: ${device} holds something that this suite did not write; a scratch disk is blank`,
  );
}

/** Reads whole blocks past the page cache: their hash, and their text with zero bytes left out. */
async function readBlocks(
  hosts: Hosts,
  host: string,
  device: string,
  from: number,
  count: number,
): Promise<{ sha256: string; text: string }> {
  // The shell has no pipefail: a read error must not look like an empty disk, so dd's own exit code is kept.
  const script = [
    't=$(mktemp) || exit 1; trap \'rm -f "$t"\' EXIT',
    `dd if="$device" of="$t" bs=${BLOCK} skip=${from} count=${count} iflag=direct status=none || exit 1`,
    'sha256sum <"$t"; tr -d "\\000" <"$t"',
  ].join('\n');
  const reply = await hosts.script(host, script, { env: { device } });
  if (reply.rc !== 0)
    throw new Error(`${device} cannot be read: ${reply.stderr.trim() || `exit ${reply.rc}`}`);
  const end = reply.stdout.indexOf('\n');
  return { sha256: reply.stdout.slice(0, 64), text: reply.stdout.slice(end + 1) };
}
