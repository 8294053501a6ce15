import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';

export type SumKind = 'sha1' | 'md5';

const PIECE = 1 << 20;

/** The sum of a file of this machine, however large: it is read piece by piece. */
export function fileSum(path: string, kind: SumKind): string {
  const hash = createHash(kind);
  const piece = Buffer.allocUnsafe(PIECE);
  const file = openSync(path, 'r');
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

/** The first bytes of a file. */
function fileHead(path: string, length: number): Buffer {
  const head = Buffer.alloc(length);
  const file = openSync(path, 'r');
  try {
    return head.subarray(0, readSync(file, head, 0, length, 0));
  } finally {
    closeSync(file);
  }
}

/** Sums of files, made once for all hosts that get the file, and again when it has changed. */
export class FileSums {
  readonly #known = new Map<string, { readonly stamp: string; readonly sum: string }>();

  of(path: string, kind: SumKind): string {
    const { mtimeMs, size, ino, dev } = statSync(path);
    const stamp = `${mtimeMs} ${size} ${ino} ${dev}`;
    const key = `${kind} ${path}`;
    const known = this.#known.get(key);
    if (known?.stamp === stamp) return known.sum;
    const sum = fileSum(path, kind);
    this.#known.set(key, { stamp, sum });
    return sum;
  }
}

/** Whether ansible-vault encrypted a file; it need not be read for that. */
export const isVaultFile = (path: string): boolean => fileHead(path, 14).toString() === '$ANSIBLE_VAULT';
