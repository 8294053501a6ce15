import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** A file of a report, as an index names it. */
export interface ReportFile {
  readonly name: string;
  readonly bytes: number;
  readonly changed: number;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.jsonl': 'application/jsonl; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.xml': 'text/xml; charset=utf-8',
};

/** The reports in a folder, the latest first; no subfolders, no links. Only these names are served. */
export async function reportsIn(dir: string): Promise<readonly ReportFile[]> {
  const names = await readdir(dir).catch(() => []);
  const found = await Promise.all(
    names
      .filter(name => Object.hasOwn(TYPES, extname(name)) && !name.startsWith('.'))
      .map(async name => {
        const stat = await lstat(join(dir, name)).catch(() => undefined);
        return stat?.isFile() ? [{ name, bytes: stat.size, changed: stat.mtimeMs }] : [];
      }),
  );
  return found.flat().sort((a, b) => b.changed - a.changed);
}

/** An open report; the caller closes its file. */
export interface OpenReport {
  readonly type: string;
  readonly bytes: number;
  readonly file: FileHandle;
}

/**
 * A report by the part of an address that names it. It is compared with what stands in the folder, as an address writes it,
 * and never decoded: no word of a request becomes a path.
 */
export async function openReport(dir: string, asked: string): Promise<OpenReport | undefined> {
  const named = (await reportsIn(dir)).find(({ name }) => encodeURIComponent(name) === asked);
  if (!named) return undefined;
  // Somebody with write access may have put a link or a pipe in its place since.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(dir, named.name), flags).catch(() => undefined);
  if (!file) return undefined;
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    return undefined;
  }
  return { type: TYPES[extname(named.name)]!, bytes: stat.size, file };
}

/** What `polarplay verify` said in one run. */
export interface VerifyRun {
  readonly name: string;
  readonly changed: number;
  /** The title of its page; undefined when the file is not a page. */
  readonly title: string | undefined;
  /** Undefined when the file does not say. */
  readonly accepted: boolean | undefined;
}

const SHOWN = 100;
const HEAD_BYTES = 4096;

/** Reports of verify, the latest first. What each says stands in its first lines. */
export async function verifyRuns(dir: string): Promise<readonly VerifyRun[]> {
  const files = (await reportsIn(dir)).slice(0, SHOWN);
  return Promise.all(
    files.map(async ({ name, changed }) => {
      const head = await headOf(join(dir, name));
      const title = /<title>([^<]*)<\/title>/.exec(head)?.[1];
      const said = /"accepted": ?(true|false)/.exec(extname(name) === '.json' ? head : '')?.[1];
      const accepted =
        said !== undefined
          ? said === 'true'
          : /^(?:Not accepted|Accepted):/.test(title ?? '')
            ? title!.startsWith('Accepted')
            : undefined;
      return { name, changed, title, accepted };
    }),
  );
}

async function headOf(file: string): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  } finally {
    await handle?.close();
  }
}

const NIGHT = ['id', 'at', 'profile', 'level', 'sentence'] as const;
export type Night = Readonly<Record<(typeof NIGHT)[number], string>>;

/** The nights as `polarplay bench` lists them beside its index, the latest first. */
export async function nightsIn(dir: string): Promise<readonly Night[]> {
  const listed = (await reportsIn(dir)).some(({ name }) => name === 'nights.json');
  if (!listed) return [];
  const file = await open(join(dir, 'nights.json'), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const read: unknown = JSON.parse(await file.readFile('utf8'));
    return Array.isArray(read) ? read.filter(isNight) : [];
  } catch {
    return [];
  } finally {
    await file.close();
  }
}

const isNight = (night: unknown): night is Night =>
  typeof night === 'object' &&
  night !== null &&
  NIGHT.every(key => typeof (night as Night)[key] === 'string');
