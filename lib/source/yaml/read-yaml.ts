import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { bytesOf } from '../bytes.ts';
import { type Position, SourceError } from '../errors.ts';
import { FileSums } from '../file-sum.ts';
import type { Dict, Value } from '../value.ts';
import { isVault, Vault } from '../vault.ts';
import { type OnDuplicate, parseYaml } from './yaml.ts';

const VARS_EXTENSIONS = ['.yml', '.yaml', '.json'];

/** Reads files of the control machine; a vault file comes decrypted, a parsed file is kept until it changes. */
export class FileReader {
  readonly vault: Vault;
  readonly sums = new FileSums();
  private readonly onRead: ((file: string, content: Buffer) => void) | undefined;
  private readonly onDuplicate: OnDuplicate | undefined;
  private readonly vaults = new Set<string>();
  private readonly texts = new Map<string, string>();
  private readonly parsed = new Map<string, { stamp: string; value: Value }>();

  /** `onRead` is told of each file that is read, as it is on the disk. */
  constructor(
    vault: Vault = new Vault(),
    onRead?: (file: string, content: Buffer) => void,
    onDuplicate?: OnDuplicate,
  ) {
    this.vault = vault;
    this.onRead = onRead;
    this.onDuplicate = onDuplicate;
  }

  read(file: string, at?: Position): Buffer {
    const content = readOrFail(file, at);
    this.onRead?.(file, content);
    if (!isVault(content)) return content;
    this.vaults.add(file);
    return this.vault.decrypt(content.toString('utf8'), { file: displayPath(file), line: 1, col: 1 });
  }

  /** Whether the whole file was encrypted when it was read. */
  isVault(file: string): boolean {
    return this.vaults.has(file);
  }

  /** From now on the text is what the file holds, whatever is on the disk: for what somebody wrote elsewhere. */
  put(file: string, text: string): void {
    this.texts.set(file, text);
  }

  /** The document of a YAML or JSON file. Throws SourceErrors. */
  yaml(file: string, at?: Position): Value {
    const text = this.texts.get(file);
    if (text !== undefined) return parseYaml(text, displayPath(file), this.onDuplicate);
    const stamp = stampOf(file);
    const known = this.parsed.get(file);
    if (known && stamp !== undefined && known.stamp === stamp) return known.value;
    const value = parseYaml(utf8Of(this.read(file, at), file), displayPath(file), this.onDuplicate);
    if (stamp !== undefined) this.parsed.set(file, { stamp, value });
    return value;
  }

  /** A file of variables: a mapping, or nothing. */
  vars(file: string, at?: Position): Dict {
    const value = this.yaml(file, at);
    if (value === null) return new Map();
    if (value instanceof Map) return value;
    const place = { file: displayPath(file), line: 1, col: 1 };
    throw new SourceError(
      'WRONG_TYPE',
      'a file of variables must hold a mapping',
      place,
      'write "name: value" lines',
    );
  }
}

/** A path as people want to read it: relative when the file is below the current directory. */
export function displayPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative === '' || relative.startsWith('..') ? file : relative;
}

/** The text of a file's content. Another encoding would be read as signs that nobody wrote. */
export function utf8Of(content: Buffer, file: string): string {
  const text = content.toString('utf8');
  if (isUtf8(content)) return text;
  const mended = Buffer.from(text, 'utf8');
  const bad = content.findIndex((byte, at) => byte !== mended[at]);
  const line = content.subarray(0, bad).toString('latin1').split('\n').length;
  throw new SourceError(
    'NOT_UTF8',
    'the file is not text in UTF-8',
    { file: displayPath(file), line, col: 1 },
    'save it as UTF-8; editors of Windows may choose GBK or UTF-16',
  );
}

function stampOf(file: string): string | undefined {
  try {
    const { mtimeMs, size } = statSync(file);
    return `${mtimeMs} ${size}`;
  } catch {
    return undefined;
  }
}

function readOrFail(file: string, at?: Position): Buffer {
  try {
    return readFileSync(bytesOf(file));
  } catch (error) {
    const reasons: Record<string, string> = {
      EISDIR: 'is a directory',
      EACCES: 'may not be read',
      ENOENT: 'does not exist',
    };
    const reason = reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message;
    throw new SourceError('FILE_NOT_FOUND', `"${displayPath(file)}" ${reason}`, at);
  }
}

export function isDirectory(file: string): boolean {
  return look(file)?.isDirectory() ?? false;
}

export function isFile(file: string): boolean {
  return look(file)?.isFile() ?? false;
}

/** Names that no file can have: with a NUL, too long, below a file, in a circle of links. Authors' words come here. */
const IMPOSSIBLE: ReadonlySet<string | undefined> = new Set([
  'ERR_INVALID_ARG_VALUE',
  'ENAMETOOLONG',
  'ENOTDIR',
  'ELOOP',
]);

function look(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (IMPOSSIBLE.has(code)) return undefined;
    throw new SourceError('FILE_NOT_FOUND', `"${displayPath(file)}": ${message}`, undefined);
  }
}

/**
 * Files of variables behind a name without extension: the file itself, with .yml, .yaml or .json, or every file of
 * a directory of that name, sorted, directories inside it included.
 */
export function findVarsFiles(
  base: string,
  extensions: readonly string[] = ['', ...VARS_EXTENSIONS],
): string[] {
  for (const extension of extensions) {
    const file = base + extension;
    if (isDirectory(file)) return filesBelow(file);
    if (isFile(file)) return [file];
  }
  return [];
}

function filesBelow(directory: string): string[] {
  const names = readdirSync(directory).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return names.flatMap(name => {
    const file = path.join(directory, name);
    const extension = path.extname(name);
    if (name.startsWith('.') || name.endsWith('~')) return [];
    if (isDirectory(file)) return extension === '' ? filesBelow(file) : [];
    return extension === '' || VARS_EXTENSIONS.includes(extension) ? [file] : [];
  });
}
