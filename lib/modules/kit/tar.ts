import { bytesOf } from '../../source/bytes.ts';

/** Content that is read when it is its turn: an archive may be larger than memory. */
export interface LaterContent {
  readonly length: number;
  readonly pieces: () => Iterable<Buffer>;
}

/** One member of an archive. */
export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  /** A directory has neither content nor target. */
  readonly content?: Buffer | LaterContent;
  readonly linkTarget?: string;
}

const BLOCK = 512;

/** An archive that GNU and busybox tar unpack: ustar, with GNU's entries for long names. */
export const tarOf = (entries: readonly TarEntry[]): Buffer => Buffer.concat([...tarPieces(entries)]);

/** The same, piece by piece. */
export function* tarPieces(entries: readonly TarEntry[]): Generator<Buffer> {
  for (const entry of entries) {
    yield* longNames(entry);
    yield* member(entry);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function longNames({ path, linkTarget }: TarEntry): Buffer[] {
  const long = (type: string, text: string) => {
    const content = bytesOf(`${text}\0`);
    return content.length > 100
      ? [header('././@LongLink', 0o644, content.length, type, ''), content, padding(content.length)]
      : [];
  };
  return [...long('K', linkTarget ?? ''), ...long('L', path)];
}

function* member({ path, mode, content, linkTarget }: TarEntry): Generator<Buffer> {
  if (linkTarget !== undefined) yield header(path, 0o777, 0, '2', linkTarget);
  else if (!content) yield header(path, mode, 0, '5', '');
  else {
    yield header(path, mode, content.length, '0', '');
    if (Buffer.isBuffer(content)) yield content;
    else yield* content.pieces();
    yield padding(content.length);
  }
}

/** How long it will be. */
export function tarLength(entries: readonly TarEntry[]): number {
  const lengths = entries.map(entry => {
    const content = entry.linkTarget === undefined ? (entry.content?.length ?? 0) : 0;
    const names = longNames(entry).reduce((sum, piece) => sum + piece.length, 0);
    return names + BLOCK + Math.ceil(content / BLOCK) * BLOCK;
  });
  return lengths.reduce((sum, length) => sum + length, 2 * BLOCK);
}

const padding = (length: number): Buffer => Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK);

function header(path: string, mode: number, size: number, type: string, linkTarget: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const text = (at: number, length: number, value: string) => bytesOf(value).copy(block, at, 0, length);
  const octal = (at: number, length: number, value: number) =>
    text(at, length, `${value.toString(8).padStart(length - 1, '0')}\0`);
  text(0, 100, path);
  octal(100, 8, mode);
  octal(108, 8, 0);
  octal(116, 8, 0);
  sizeField(block, size);
  octal(136, 12, 0);
  text(148, 8, '        ');
  text(156, 1, type);
  text(157, 100, linkTarget);
  text(257, 8, 'ustar  \0');
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** Octal up to 8 GiB, GNU's binary form above. */
function sizeField(block: Buffer, size: number): void {
  if (size < 0o77777777777) {
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    return;
  }
  block.writeUInt8(0x80, 124);
  block.writeBigUInt64BE(BigInt(size), 128);
}
