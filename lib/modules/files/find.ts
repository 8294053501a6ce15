import type { Static } from 'typebox';
import { textOf } from '../../source/bytes.ts';
import { defined } from '../../source/defined.ts';
import { fnmatch } from '../../source/fnmatch.ts';
import { partAt } from '../../source/part-at.ts';
import { emptyRecord } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { type FileStatus, parseStatus, STAT_FORMAT } from '../kit/attributes.ts';
import { defineAction, ModuleError, quote, type Steps } from '../kit/define.ts';
import { pythonPattern } from '../kit/edit-file.ts';
import { ask, type Records } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';
import { ENTRY_END, isBelow } from './file-tree.ts';
import { epoch, statusFields } from './stat.ts';

const args = Type.Object({
  paths: A.list('Directories to search.', { aliases: ['name', 'path'] }),
  patterns: A.list('Shell patterns (or regular expressions) for names; all names without.', {
    default: [],
    aliases: ['pattern'],
  }),
  excludes: A.opt(A.list('Patterns for names to leave out.', { aliases: ['exclude'] })),
  use_regex: A.bool('Patterns are Python regular expressions.', { default: false }),
  file_type: A.choice(['any', 'directory', 'file', 'link'], 'Kind of entries.', { default: 'file' }),
  recurse: A.bool('Search directories below, too.', { default: false }),
  depth: A.opt(A.int('How many levels to search, with recurse.')),
  hidden: A.bool('Names that begin with a dot count.', { default: false }),
  follow: A.bool('Search what links to directories lead to.', { default: false }),
  age: A.opt(A.str('At least so old, such as 2d (s, m, h, d, w); at most with a minus sign.')),
  age_stamp: A.choice(['atime', 'ctime', 'mtime'], 'The time that counts as age.', { default: 'mtime' }),
  size: A.opt(A.str('At least so large, such as 10m (b, k, m, g, t); at most with a minus sign.')),
  contains: A.opt(A.str('Python regular expression that a line of the file must begin with.')),
  read_whole_file: A.bool('contains may match anywhere in the whole file.', { default: false }),
  get_checksum: A.bool('Compute the SHA-1 of what is found.', { default: false }),
});

type Args = Static<typeof args>;

interface Item {
  readonly path: string;
  readonly name: string;
  /** How many levels below the searched directory. */
  readonly depth: number;
  readonly status: FileStatus;
  readonly times: Readonly<Record<'atime' | 'mtime' | 'ctime', number>>;
}

/** find: entries of directories, by name, age, size and content. */
export const find = defineAction({
  name: 'find',
  summary: 'Finds files, directories or links on the host.',
  examples: `
- name: Find server logs older than two weeks
  find: {paths: /var/log/postgresql, patterns: "*.log", age: 14d}
  register: old_logs
`,
  args,
  returns: {
    files: 'A list of what was found, with the fields of stat.',
    matched: 'How many were found.',
    examined: 'How many were looked at.',
    skipped_paths: 'Paths that could not be searched, and why.',
    msg: 'Whether all paths were examined.',
  },
  differences: [
    'The list is sorted by path.',
    'contains reads the files that could match to the control machine; one that is not UTF-8 text never matches.',
  ],
  readOnly: true,
  *run(args) {
    const found = yield* search(args);
    const matching = found.items.filter(filterOf(args, found.now));
    const chosen = args.contains === undefined ? matching : yield* containing(matching, args);
    const sums = args.get_checksum ? yield* checksums(chosen) : new Map<string, string>();
    const skipped = Object.keys(found.skipped).length > 0;
    return {
      changed: false,
      files: chosen.map(item => fieldsOf(item, sums.get(item.path))),
      matched: chosen.length,
      examined: found.examined,
      skipped_paths: found.skipped,
      msg: skipped ? 'Not all paths examined, check warnings for details' : 'All paths examined',
      ...(skipped && {
        warnings: Object.entries(found.skipped).map(
          ([path, why]) => `Skipped '${path}' path due to this access issue: ${why}`,
        ),
      }),
    };
  },
});

interface Search {
  readonly items: readonly Item[];
  readonly examined: number;
  readonly skipped: Readonly<Record<string, string>>;
  readonly now: number;
}

function* search(args: Args): Steps<Search> {
  const levels = args.recurse ? (args.depth ? `-maxdepth ${args.depth + 1}` : '') : '-maxdepth 1';
  const walk = `find ${args.follow ? '-L ' : ''}. -mindepth 1 ${levels} -exec stat -c '${STAT_FORMAT}|%x|%y|%z|%n${ENTRY_END}' {} + 2>/dev/null`;
  const script = [
    args.age === undefined ? '' : 'begin now; date +%s',
    ...args.paths.map(
      (path, i) =>
        `part p${i}; p=${pathWord(path)}; field root "$p"; if [ -d "$p" ]; then begin entries; (cd -P "$p" && ${walk}); fi`,
    ),
    ':',
  ];
  const records = yield* ask(script.filter(Boolean).join('\n'));
  const items: Item[] = [];
  const skipped = emptyRecord<string>();
  let examined = 0;
  for (const [i, path] of args.paths.entries()) {
    const part = records.part(`p${i}`);
    const root = rootOf(path, part);
    if (!part.has('entries')) skipped[root] = `'${root}' is not a directory`;
    const below = itemsIn(part.bytes('entries'), root);
    examined += below.length;
    items.push(...below.filter(item => !args.depth || item.depth <= args.depth));
  }
  items.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { items, examined, skipped, now: Number(records.text('now')) };
}

/** As the author wrote it, or as the host's shell expands it. */
const rootOf = (path: string, part: Records): string =>
  /[$~]/.test(path) ? (part.text('root') ?? path) : path;

function itemsIn(bytes: Buffer | undefined, root: string): Item[] {
  const base = root.replace(/\/+/g, '/').replace(/\/$/, '');
  const entries = textOf(bytes ?? Buffer.alloc(0)).split(`${ENTRY_END}\n`);
  return entries.flatMap(entry => {
    const [, line, path] = /^([0-9a-f]{4}(?:\|[^|]*){14})\|\.\/(.*)$/s.exec(entry) ?? [];
    if (line === undefined || path === undefined || !isBelow(path)) return [];
    const fields = line.split('|');
    return [
      {
        path: `${base}/${path}`,
        name: path.replace(/^.*\//s, ''),
        depth: path.split('/').length,
        status: parseStatus(fields.slice(0, 12).join('|')),
        times: {
          atime: epoch(partAt(fields, 12)),
          mtime: epoch(partAt(fields, 13)),
          ctime: epoch(partAt(fields, 14)),
        },
      },
    ];
  });
}

function filterOf(args: Args, now: number): (item: Item) => boolean {
  const wanted = namePatterns(args.patterns, args.use_regex);
  const excluded = namePatterns(args.excludes ?? [], args.use_regex);
  const age = amount(args.age, 'age', { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 });
  const size = amount(args.size, 'size', { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 });
  const atLeast = (limit: number | undefined, value: number) =>
    limit === undefined || (limit >= 0 ? value >= limit : value <= -limit);
  return ({ name, status, times }) =>
    (args.hidden || !name.startsWith('.')) &&
    (args.file_type === 'any' || status.type === args.file_type) &&
    (wanted.length === 0 || wanted.some(matches => matches(name))) &&
    !excluded.some(matches => matches(name)) &&
    atLeast(age, now - times[args.age_stamp]) &&
    (status.type !== 'file' || atLeast(size, status.size));
}

function namePatterns(patterns: readonly string[], useRegex: boolean): ((name: string) => boolean)[] {
  return patterns.map(pattern => {
    if (!useRegex) {
      const glob = fnmatch(pattern);
      return name => glob.test(name);
    }
    const regex = pythonPattern(pattern, 'patterns');
    return name => regex.match(name) !== undefined;
  });
}

function amount(
  text: string | undefined,
  what: string,
  units: Readonly<Record<string, number>>,
): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(-?\d+)([a-z])?$/.exec(text.toLowerCase());
  const unit = match?.[2] === undefined ? 1 : units[match[2]];
  if (!match || unit === undefined) throw new ModuleError(`failed to process ${what}`, { [what]: text });
  return Number(match[1]) * unit;
}

/** Reads the files that may match, a literal part of the pattern decides on the host, and tries the pattern here. */
function* containing(items: readonly Item[], args: Args): Steps<Item[]> {
  if (args.file_type === 'any') return [...items]; // Ansible looks into nothing then
  const files = items.filter(item => item.status.type === 'file');
  if (files.length === 0) return [];
  const pattern = pythonPattern(defined(args.contains, 'the caller asked for it'), 'contains');
  const literal = literalPart(defined(args.contains, 'the caller asked for it'));
  const test = literal === '' ? '' : `grep -qF -e ${quote(literal)} -- "$f" || continue; `;
  const list = files.map(item => quote(item.path)).join(' ');
  const script = `i=0; for f in ${list}; do i=$((i + 1)); ${test}begin $i; cat <"$f" 2>/dev/null; done; :`;
  const records = yield* ask(script);
  const matches = (_: Item, index: number) => {
    const bytes = records.bytes(String(index + 1));
    const text = bytes?.toString();
    if (bytes === undefined || text === undefined || !Buffer.from(text).equals(bytes)) return false;
    if (args.read_whole_file) return pattern.search(text) !== undefined;
    return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).some(line => pattern.match(line) !== undefined);
  };
  return files.filter(matches);
}

/** The longest text that every match must hold; empty when the pattern is not simple enough to tell. */
export function literalPart(pattern: string): string {
  if (/[|()[\]{}\\]/.test(pattern)) return '';
  const parts = pattern.replace(/.[*?]|[.^$+]/gs, '\n').split('\n');
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}

/** A sum a line, in order: names go in on stdin, one that cannot be read gives an empty line. */
function* checksums(items: readonly Item[]): Steps<ReadonlyMap<string, string>> {
  const files = items.filter(item => item.status.type === 'file');
  if (files.length === 0) return new Map();
  const each = `for f; do h=$(sha1sum <"$f"); echo "\${h%% *}"; done 2>/dev/null`;
  const records = yield* ask(`begin sums; xargs -0 sh -c '${each}' sh`, {
    stdin: files.map(item => `${item.path}\0`).join(''),
  });
  const sums = (records.text('sums') ?? '').split('\n');
  return new Map(
    files.flatMap(({ path }, i): [string, string][] =>
      /^[0-9a-f]{40}$/.test(sums[i] ?? '') ? [[path, partAt(sums, i)]] : [],
    ),
  );
}

function fieldsOf({ path, status, times }: Item, checksum: string | undefined): Json {
  return {
    path,
    pw_name: '',
    gr_name: '',
    ...statusFields(status),
    ...times,
    ...(checksum !== undefined && { checksum }),
  };
}
