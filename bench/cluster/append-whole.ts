import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeFileSync } from 'node:fs';

/**
 * Appends text to a file, wholly or not at all, and it is on the disk when this returns. A full disk takes the first part
 * of a text: that goes again. A torn last line of an earlier crash is closed first, so that it cannot swallow this text.
 */
export function appendWhole(file: string, text: string): void {
  const descriptor = openSync(file, 'a+', 0o644);
  try {
    const { size } = fstatSync(descriptor);
    try {
      writeFileSync(descriptor, endsTorn(descriptor, size) ? `\n${text}` : text);
      fsyncSync(descriptor);
    } catch (error) {
      ftruncateSync(descriptor, size);
      throw error;
    }
  } finally {
    closeSync(descriptor);
  }
}

function endsTorn(descriptor: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
}
