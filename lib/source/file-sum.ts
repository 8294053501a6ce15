import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { bytesOf } from './bytes.ts';

export type SumKind = 'sha1' | 'md5';

const PIECE = 1 << 20;

/** The sum of a file of this machine, however large: it is read piece by piece. */
export function fileSum(path: string, kind: SumKind): string {
  const hash = createHash(kind);
  const piece = Buffer.allocUnsafe(PIECE);
  const file = openSync(bytesOf(path), 'r');
  try {
    for (let length = 1; length > 0; ) {
      length = readSync(file, piece, 0, PIECE, null);
      hash.update(piece.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** A file of this machine piece by piece; it must be as long as it was. */
export function* piecesOf(path: string, size: number): Generator<Buffer> {
  const file = openSync(bytesOf(path), 'r');
  try {
    let left = size;
    for (let length = 1; length > 0; left -= length) {
      const piece = Buffer.allocUnsafe(PIECE);
      length = readSync(file, piece, 0, PIECE, null);
      if (length > 0) yield piece.subarray(0, length);
    }
    if (left !== 0) throw new Error(`${path} changed while it was read`);
  } finally {
    closeSync(file);
  }
}

/** The first bytes of a file. */
function fileHead(path: string, length: number): Buffer {
  const head = Buffer.alloc(length);
  const file = openSync(bytesOf(path), 'r');
  try {
    return head.subarray(0, readSync(file, head, 0, length, 0));
  } finally {
    closeSync(file);
  }
}

/** Sums of files, made once for all hosts that get the file, and again when it has changed. */
export class FileSums {
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #known = new Map<string, { readonly stamp: string; readonly sum: string }>();

  of(path: string, kind: SumKind): string {
    const stamp = stampOf(path);
    const key = `${kind} ${path}`;
    const known = this.#known.get(key);
    if (known?.stamp === stamp) return known.sum;
    const sum = fileSum(path, kind);
    this.#known.set(key, { stamp, sum });
    return sum;
  }

  /** Makes both sums while other work goes on; for several who ask at once they are made once. */
  make(path: string): Promise<void> {
    const stamp = stampOf(path);
    if (this.#known.get(`sha1 ${path}`)?.stamp === stamp && this.#known.get(`md5 ${path}`)?.stamp === stamp)
      return Promise.resolve();
    const underWay = this.#underWay.get(path) ?? this.#make(path, stamp);
    this.#underWay.set(path, underWay);
    return underWay.finally(() => this.#underWay.delete(path));
  }

  async #make(path: string, stamp: string): Promise<void> {
    const sums = { sha1: createHash('sha1'), md5: createHash('md5') };
    for await (const piece of createReadStream(bytesOf(path), { highWaterMark: PIECE }))
      for (const sum of Object.values(sums)) sum.update(piece);
    for (const [kind, sum] of Object.entries(sums))
      this.#known.set(`${kind} ${path}`, { stamp, sum: sum.digest('hex') });
  }
}

function stampOf(path: string): string {
  const { mtimeMs, size, ino, dev } = statSync(bytesOf(path));
  return `${mtimeMs} ${size} ${ino} ${dev}`;
}

/** Whether ansible-vault encrypted a file; it need not be read for that. */
export const isVaultFile = (path: string): boolean => fileHead(path, 14).toString() === '$ANSIBLE_VAULT';
