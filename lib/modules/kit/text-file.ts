import type { Json } from '../../source/value.ts';
import type { Attributes } from './attributes.ts';
import { type FileDiff, ModuleError, type Steps } from './define.ts';
import { ask, type Records } from './reply.ts';
import { type PathState, pathStateOf, statScript } from './stat.ts';
import { contentDiff, writeFile } from './write-file.ts';

/** A configuration file that a module keeps in order, one character per byte, and what else the same request found. */
export interface TextFile {
  readonly file: PathState;
  /** Undefined when there is no file. */
  readonly text: string | undefined;
  /** What the extra commands told. */
  readonly records: Records;
}

/** Reads a file, and runs commands beside it that write records, in one request. */
export function* readText(path: string, commands?: string): Steps<TextFile> {
  const beside = commands === undefined ? '' : `(${commands}\n)\n`;
  return textFileOf(path, yield* ask(beside + statScript(path, { follow: true, content: 'bytes' })));
}

/** The file that a look found, with what was printed as `extra`. */
export function textFileOf(path: string, records: Records): TextFile {
  const file = pathStateOf(path, records);
  if (file.status?.type === 'directory')
    throw new ModuleError(`${file.path} is a directory`, { path: file.path });
  if (file.status && !file.readable)
    throw new ModuleError(`cannot read ${file.path}: permission denied`, { path: file.path });
  const text = file.status && (file.bytes ?? Buffer.alloc(0)).toString('latin1');
  return { file, text, records };
}

/** An author's text as it stands in the file: UTF-8, one character per byte. */
export { toBytes } from './edit-file.ts';

const bytesOf = (text: string) => Buffer.from(text, 'latin1');

/** The before/after pair of a file. */
export function textDiff(before: string | undefined, after: string, header: string): FileDiff {
  return contentDiff(before === undefined ? undefined : bytesOf(before), bytesOf(after), header, header);
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
  return yield* writeFile({
    path: found.file.realPath,
    source: { kind: 'bytes', bytes: bytesOf(after) },
    found: found.file,
    wanted: options.wanted ?? {},
    backup: options.backup ?? false,
    before: options.before ?? '',
    makeParents: options.makeParents === true && found.file.parent === 'missing',
    replaces: { bytes: found.text === undefined ? undefined : bytesOf(found.text) },
  });
}

/** Lines with their ends; text without a final line break gives a last line without one. */
export const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
