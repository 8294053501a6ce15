import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { withTemporaryDirectory } from './run-module.ts';

// Disks for tests: block devices over sparse files, and what may be on them.

export const GIB = 2 ** 30;
export const MIB = 2 ** 20;

/** Why block devices cannot be made here; undefined when they can. */
export function noLoopDevices(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for loop devices';
  if (!existsSync('/dev/loop-control')) return 'this machine has no loop devices';
  return undefined;
}

/** Runs a program of this machine and gives what it prints. */
export const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8' }).trim();

/** Everything that a write anywhere in a sparse file would change: parts of the content, and what is allocated. */
export function stateOf(file: string): string {
  const { size, blocks } = statSync(file);
  const fd = openSync(file, 'r');
  const hash = createHash('sha256');
  const part = Buffer.alloc(MIB);
  const samples = Array.from({ length: 30 }, (_, i) => Math.floor((size / 30) * i));
  for (const at of [0, Math.max(0, size - MIB), 10 * GIB, ...samples])
    hash.update(part.subarray(0, readSync(fd, part, 0, MIB, at)));
  closeSync(fd);
  return `${size} ${blocks} ${hash.digest('hex')}`;
}

/** A disk of its own under a name that PFS would take, gone afterwards. */
export async function withDisk(
  prepare: (file: string) => void,
  test: (disk: string, file: string) => Promise<void>,
  size = 15 * GIB,
) {
  await withTemporaryDirectory(async dir => {
    const file = join(dir, 'disk');
    writeFileSync(file, '');
    truncateSync(file, size);
    prepare(file);
    const loop = run('losetup', '--find', '--show', file);
    const disk = `nvmetest${process.pid}`;
    run('ln', '-s', loop, `/dev/${disk}`);
    try {
      await test(disk, file);
    } finally {
      run('rm', '-f', `/dev/${disk}`);
      run('losetup', '--detach', loop);
    }
  });
}

/** Puts bytes into a disk's file. */
export const write = (file: string, at: number, bytes: Buffer) => {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
};

/** A label as pvcreate writes it, with its checksum. */
export function lvmLabel(): Buffer {
  const sector = Buffer.alloc(512);
  sector.write('LABELONE', 0, 'latin1');
  sector.writeBigUInt64LE(1n, 8);
  sector.writeUInt32LE(32, 20);
  sector.write('LVM2 001', 24, 'latin1');
  sector.write('abcdefghijklmnopqrstuvwxyz012345', 32, 'latin1');
  let crc = 0xf597a6cf;
  for (const byte of sector.subarray(20)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  sector.writeUInt32LE(crc >>> 0, 16);
  return sector;
}

/** A boot sector with one partition. */
export function partitionTable(): Buffer {
  const sector = Buffer.alloc(512);
  sector[446 + 4] = 0x83;
  sector.writeUInt32LE(2048, 446 + 8);
  sector.writeUInt32LE(204800, 446 + 12);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** The copy of a GPT header that lies in the last sector. */
export function gptHeader(size: number): Buffer {
  const sector = Buffer.alloc(512);
  sector.write('EFI PART', 0, 'latin1');
  sector.writeUInt32LE(0x10000, 8);
  sector.writeUInt32LE(92, 12);
  sector.writeBigUInt64LE(BigInt(size / 512 - 1), 24);
  return sector;
}

/** A superblock where mdadm has it, with as much of it as tells what it is. */
export function raidMember(file: string, size: number, version: '0.90' | '1.0'): void {
  const sector = Buffer.alloc(4096);
  sector.writeUInt32LE(0xa92b4efc, 0);
  if (version === '0.90') {
    sector.writeUInt32LE(90, 8);
    write(file, Math.floor(size / 65536) * 65536 - 65536, sector);
  } else {
    const at = (Math.floor(size / 512) - 16) & ~7;
    sector.writeUInt32LE(1, 4);
    sector.writeBigUInt64LE(BigInt(at), 144);
    write(file, at * 512, sector);
  }
}

/** The sectors by which a PFS is known, with a journal of `journal` bytes where a GiB is due, made at that second. */
export function pretendPfs(file: string, journal: bigint, made = 0): void {
  const chunk = Buffer.alloc(4096);
  chunk.writeBigUInt64LE(0x504653434an, 0);
  chunk.writeBigUInt64LE(BigInt(4 * MIB), 16);
  chunk.writeUInt32LE(1, 40);
  chunk.writeBigUInt64LE(0x91000n, 96);
  write(file, 0, chunk);
  const inodes = Buffer.alloc(4096);
  inodes.writeBigUInt64LE(2n, 256);
  inodes.writeBigUInt64LE(journal, 256 + 72);
  inodes.writeBigUInt64LE(BigInt(made) * 1_000_000n, 104);
  write(file, 0x91000, inodes);
  const leader = Buffer.alloc(4096);
  leader.writeBigUInt64LE(0x00010002babababan, 0);
  leader.writeBigUInt64LE(2n ** 30n, 240);
  write(file, 4 * MIB, leader);
}
