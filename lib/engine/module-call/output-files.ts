import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Writes the whole output of a command into two files of the control machine as it arrives, without keeping it in memory. */
export class OutputFiles {
  readonly #path: string;
  readonly #files = new Map<'stdout' | 'stderr', number>();

  /** Below `directory`, in a folder for the host; a stream that says nothing leaves no file. */
  constructor(directory: string, host: string, name: string) {
    const folder = join(directory, fileName(host));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#path = join(folder, fileName(name));
  }

  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const file = this.#files.get(stream) ?? openSync(`${this.#path}.${stream}`, 'a', 0o600);
    this.#files.set(stream, file);
    for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }
}

/** A name that is one part of a path, whatever it was made of. */
const fileName = (text: string): string =>
  text
    .replace(/[^\p{L}\p{N}._-]+/gu, '_')
    .replace(/^[.-]+/, '_')
    .slice(0, 80) || '_';
