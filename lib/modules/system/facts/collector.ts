import { textOf } from '../../../source/bytes.ts';
import { partAt } from '../../../source/part-at.ts';
import type { Json } from '../../../source/value.ts';
import type { Records } from '../../kit/reply.ts';

export type Facts = Record<string, Json>;

/**
 * One source of facts. All collectors of a run share one script: one `grep` reads every small file, one `ls` every
 * link, and `script` adds what only a program can say.
 */
export interface Collector {
  /** The name authors use in `gather_subset`. */
  readonly name: string;
  /** Other subset names that select it. */
  readonly ids?: readonly string[];
  /** Files (shell globs) to read. */
  readonly files?: readonly string[];
  /** Symbolic links (shell globs) to read. */
  readonly links?: readonly string[];
  /** Programs and paths whose existence is asked for. */
  readonly programs?: readonly string[];
  readonly paths?: readonly string[];
  /** Commands that print named sections: `section NAME` first, then the text. */
  readonly script?: (options: CollectOptions) => string;
  readonly parse: (raw: Raw, known: Facts) => Facts;
}

export interface CollectOptions {
  readonly factPath: string;
  readonly timeout: number;
}

/** What the script found. */
export interface Raw {
  readonly files: ReadonlyMap<string, readonly string[]>;
  readonly links: ReadonlyMap<string, string>;
  readonly programs: ReadonlySet<string>;
  readonly paths: ReadonlySet<string>;
  readonly sections: ReadonlyMap<string, string>;
  readonly factFiles: readonly { readonly path: string; readonly rc: string; readonly output: string }[];
}

/** The first line of a file, trimmed; undefined when the file is missing or empty. */
export function line(raw: Raw, path: string): string | undefined {
  return raw.files.get(path)?.[0]?.trim() || undefined;
}

/** All lines of a file. */
export function lines(raw: Raw, path: string): readonly string[] {
  return raw.files.get(path) ?? [];
}

/** `key=value` lines, with the quotes of shell files removed. */
export function assignments(text: readonly string[]): Map<string, string> {
  const pairs = text.flatMap(entry => {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/.exec(entry);
    return match ? [[partAt(match, 1), unquote(partAt(match, 2).trim())] as const] : [];
  });
  return new Map(pairs);
}

function unquote(text: string): string {
  const match = /^(["'])(.*)\1$/.exec(text);
  return match ? partAt(match, 2) : text;
}

/** The names below the folder `prefix` (it ends with a slash) among all paths that the host named. */
export function names(raw: Raw, prefix: string): string[] {
  let folders = FOLDERS.get(raw);
  if (!folders) {
    folders = foldersOf(raw);
    FOLDERS.set(raw, folders);
  }
  return [...(folders.get(prefix) ?? [])].filter(Boolean).sort();
}

/** The folders of each host's paths, made once: looking through all paths for each disk takes long where a host has many. */
const FOLDERS = new WeakMap<Raw, Folders>();
type Folders = Map<string, Set<string>>;
/** As deep as any collector asks; a path of a million folders, which a host may say, costs no more. */
const DEPTH = 6;

function foldersOf(raw: Raw): Folders {
  const folders: Folders = new Map();
  for (const path of [...raw.files.keys(), ...raw.links.keys(), ...raw.paths]) addPath(folders, path);
  return folders;
}

function addPath(folders: Folders, path: string): void {
  let at = path.indexOf('/');
  for (let depth = 0; at >= 0 && depth < DEPTH; depth++) {
    const next = path.indexOf('/', at + 1);
    const name = path.slice(at + 1, next < 0 ? undefined : next);
    const folder = path.slice(0, at + 1);
    const known = folders.get(folder);
    if (known) known.add(name);
    else folders.set(folder, new Set([name]));
    at = next;
  }
}

const unique = (items: readonly string[]) => [...new Set(items)];

/** The script that gathers for `collectors`: POSIX sh, a handful of programs in all. */
export function gatherScript(collectors: readonly Collector[], options: CollectOptions): string {
  const files = unique(collectors.flatMap(c => c.files ?? []));
  const links = unique(collectors.flatMap(c => c.links ?? []));
  const programs = unique(collectors.flatMap(c => c.programs ?? []));
  const paths = unique(collectors.flatMap(c => c.paths ?? []));
  return [
    'section() { begin "$1"; }',
    // The environment is a fact itself, so the locale changes only after it was printed.
    ...collectors.filter(c => c.name === 'env').map(c => c.script?.(options) ?? ''),
    'export LC_ALL=C',
    // Ordinary users have no sbin in their PATH, where many of these programs live.
    'PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin',
    `section programs; for p in ${programs.join(' ')}; do command -v "$p" >/dev/null 2>&1 && echo "$p"; done`,
    `section paths; for p in ${paths.join(' ')}; do if [ -e "$p" ] || [ -L "$p" ]; then echo "$p"; fi; done`,
    `section files; grep -aHs '' /dev/null ${files.join(' ')}`,
    ...(links.length > 0 ? [`section links; ls -ld /dev/null ${links.join(' ')} 2>/dev/null`] : []),
    ...collectors.filter(c => c.name !== 'env').map(c => c.script?.(options) ?? ''),
    'exit 0',
  ]
    .filter(Boolean)
    .join('\n');
}

/** What the script told. */
export function parseGathered(records: Records): Raw {
  const sections = new Map(records.names().map(name => [name, records.text(name) ?? '']));
  const [paths = [], codes = [], outputs = []] = ['fact-file', 'fact-rc', 'fact'].map(name =>
    records.all(name).map(textOf),
  );
  return {
    files: parseFiles(sections.get('files') ?? ''),
    links: parseLinks(sections.get('links') ?? ''),
    programs: new Set(words(sections.get('programs'))),
    paths: new Set(words(sections.get('paths'))),
    sections,
    factFiles: paths.map((path, i) => ({ path, rc: codes[i] ?? '', output: outputs[i] ?? '' })),
  };
}

function words(text = ''): string[] {
  return text.split('\n').filter(Boolean);
}

function parseFiles(text: string): Map<string, string[]> {
  const files = new Map<string, string[]>();
  for (const entry of text.split('\n')) {
    const at = entry.indexOf(':');
    if (at < 0) continue;
    const path = entry.slice(0, at);
    const known = files.get(path);
    if (known) known.push(entry.slice(at + 1));
    else files.set(path, [entry.slice(at + 1)]);
  }
  return files;
}

function parseLinks(text: string): Map<string, string> {
  const links = new Map<string, string>();
  for (const entry of text.split('\n')) {
    const from = entry.search(/\s\//) + 1;
    const arrow = entry.indexOf(' -> ', from);
    if (entry.startsWith('l') && from > 0 && arrow > 0)
      links.set(entry.slice(from, arrow), entry.slice(arrow + ' -> '.length));
  }
  return links;
}
