/** One member of an archive. */
export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  /** A directory has neither content nor target. */
  readonly content?: Buffer;
  readonly linkTarget?: string;
}

const BLOCK = 512;

/** An archive that GNU and busybox tar unpack: ustar, with GNU's entries for long names. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(entry => [...longNames(entry), ...member(entry)]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function longNames({ path, linkTarget }: TarEntry): Buffer[] {
  const long = (type: string, text: string) => {
    const content = Buffer.from(`${text}\0`);
    return content.length > 100
      ? [header('././@LongLink', 0o644, content.length, type, ''), padded(content)]
      : [];
  };
  return [...long('K', linkTarget ?? ''), ...long('L', path)];
}

function member({ path, mode, content, linkTarget }: TarEntry): Buffer[] {
  if (linkTarget !== undefined) return [header(path, 0o777, 0, '2', linkTarget)];
  if (!content) return [header(path, mode, 0, '5', '')];
  return [header(path, mode, content.length, '0', ''), padded(content)];
}

function padded(content: Buffer): Buffer {
  const rest = content.length % BLOCK;
  return rest === 0 ? content : Buffer.concat([content, Buffer.alloc(BLOCK - rest)]);
}

function header(path: string, mode: number, size: number, type: string, linkTarget: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const text = (at: number, length: number, value: string) => Buffer.from(value).copy(block, at, 0, length);
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
