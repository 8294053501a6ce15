import type { Json } from '../../source/value.ts';
import type { Attributes } from './attributes.ts';
import { type FileDiff, ModuleError, type Reply, type Steps, sh } from './define.ts';
import { makeParents } from './edit-file.ts';
import { type Found, lookScript, parseLook } from './stat.ts';
import { contentDiff, writeFile } from './write-file.ts';

/** A configuration file that a module keeps in order, one character per byte, and what else the same request found. */
export interface TextFile {
  readonly file: Found;
  /** Undefined when there is no file. */
  readonly text: string | undefined;
  /** Output of the extra commands. */
  readonly extra: string;
}

/** Reads a file, and runs commands beside it, in one request. */
export function* readText(path: string, commands = ':'): Steps<TextFile> {
  const reply = yield* sh(
    `(${commands}\n)\nprintf '\\036'\n${lookScript(path, { follow: true, content: 'bytes' })}`,
  );
  return parseText(path, reply);
}

/** Reads the answer of a script that printed something, a separator and a look at a file. */
export function parseText(path: string, reply: Reply): TextFile {
  const at = reply.stdoutBytes.lastIndexOf(Buffer.from('\u001epath '));
  const file = parseLook(path, { ...reply, stdoutBytes: reply.stdoutBytes.subarray(at + 1) });
  if (file.status?.type === 'directory')
    throw new ModuleError(`${file.path} is a directory`, { path: file.path });
  if (file.status && !file.readable)
    throw new ModuleError(`cannot read ${file.path}: permission denied`, { path: file.path });
  const text = file.status && (file.bytes ?? Buffer.alloc(0)).toString('latin1');
  return { file, text, extra: reply.stdoutBytes.subarray(0, Math.max(at, 0)).toString() };
}

/** An author's text as it stands in the file: UTF-8, one character per byte. */
export { toBytes } from './edit-file.ts';

const bytesOf = (text: string) => Buffer.from(text, 'latin1');

/** The before/after pair of a file. */
export function textDiff(found: TextFile, after: string, header = found.file.path): FileDiff {
  const before = found.text === undefined ? undefined : bytesOf(found.text);
  return contentDiff(before, bytesOf(after), header, header);
}

export interface WriteOptions {
  readonly wanted?: Attributes;
  readonly backup?: boolean;
  readonly makeParents?: boolean;
  /** Shell commands to run first. */
  readonly before?: string;
}

/** Puts new text in place of the file's, atomically; gives `backup_file` and the file's attributes. */
export function* writeText(
  found: TextFile,
  after: string,
  options: WriteOptions = {},
): Steps<Readonly<Record<string, Json>>> {
  const before = [
    options.before ?? '',
    options.makeParents && found.file.parent === 'missing' ? makeParents() : '',
  ];
  return yield* writeFile({
    path: found.file.realPath,
    source: { kind: 'bytes', bytes: bytesOf(after) },
    found: found.file,
    wanted: options.wanted ?? {},
    backup: options.backup ?? false,
    before: before.filter(Boolean).join('\n'),
  });
}

/** Lines with their ends; text without a final line break gives a last line without one. */
export const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
