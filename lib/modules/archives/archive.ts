import type { Static } from 'typebox';
import { textOf } from '../../source/bytes.ts';
import { fnmatch } from '../../source/fnmatch.ts';
import { jsonText } from '../../source/json.ts';
import { partAt } from '../../source/part-at.ts';
import type { Json } from '../../source/value.ts';
import { globWord } from '../commands/run-command.ts';
import { A, Type } from '../kit/arguments.ts';
import { attributeArgs, attributeChanges, statusFields } from '../kit/attributes.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { attributesFound, type PathState, statPath } from '../kit/stat.ts';
import { applyAttributes, failure, temporaryBeside, writeFile } from '../kit/write-file.ts';

const args = Type.Object({
  path: A.list('Files, directories or glob patterns to pack.'),
  dest: A.opt(A.path('The archive; needed for a directory or for several paths.')),
  format: A.choice(['gz', 'bz2', 'xz', 'tar', 'zip'], 'Kind of archive.', { default: 'gz' }),
  exclude_path: A.list('Paths or glob patterns to leave out of path.', { default: [] }),
  exclusion_patterns: A.list('Shell patterns for names in the archive to leave out.', { default: [] }),
  force_archive: A.bool('Make an archive of a single file, too; else it is only compressed.', {
    default: false,
  }),
  remove: A.bool('Remove what was packed.', { default: false }),
  ...attributeArgs,
});

type Args = Static<typeof args>;

/** community.general.archive: files in an archive. */
export const archive = defineAction({
  name: 'archive',
  aliases: ['community.general.archive'],
  summary: 'Packs files of the host into an archive there.',
  examples: `
- name: Pack the server logs of one night
  archive:
    path: /var/log/postgresql
    dest: /var/tmp/postgresql-logs.tgz
    mode: "0600"
`,
  args,
  returns: {
    dest: 'The archive.',
    dest_state: 'archive, compress, incomplete (something was missing) or absent.',
    archived: 'What was packed.',
    missing: 'Paths that were not there.',
    arcroot: 'The directory that names in the archive are relative to.',
    expanded_paths: 'Paths with glob patterns expanded; expanded_exclude_paths likewise.',
  },
  differences: [
    'An archive of several files is packed by GNU tar or by zip on the host, in the order of names.',
    'An archive with the same content is left alone; the new one is renamed into place.',
  ],
  *run(args, ctx) {
    return yield* pack(args, ctx);
  },
  *check(args, ctx) {
    return yield* pack(args, ctx);
  },
});

/** What the paths stand for on the host. */
interface Sources {
  /** Everything below the paths, the paths included, sorted. */
  readonly members: readonly string[];
  readonly paths: readonly string[];
  /** The paths before any was left out. */
  readonly expanded: readonly string[];
  readonly excluded: readonly string[];
  readonly missing: readonly string[];
  readonly firstIsDirectory: boolean;
}

function* pack(args: Args, ctx: ModuleContext): Steps<Result> {
  const sources = yield* expand(args);
  const { paths, missing, excluded } = sources;
  const all = [...paths, ...missing];
  if (all.length === 0)
    throw new ModuleError('Error, no source paths were found', { path: args.path.join(', ') });
  const many = args.path.some(path => /[*?[]/.test(path)) || all.length > 1 || sources.firstIsDirectory;
  const whole = args.force_archive || many || args.format === 'zip' || args.format === 'tar';
  if (args.dest === undefined && (args.force_archive || many))
    throw new ModuleError('Error, must specify "dest" when archiving multiple files or trees');
  const at = yield* statPath(args.dest ?? `${all[0]}.${args.format}`, { wanted: args });
  const root = rootOf(all);
  refuseRemoval(args, paths, at.path);
  const names = sources.members
    .filter(
      member => !paths.includes(member) || !sources.members.some(other => other.startsWith(`${member}/`)),
    )
    .filter(member => member !== at.path)
    .map(member => member.slice(root.length))
    .filter(name => !args.exclusion_patterns.some(pattern => fnmatch(pattern).test(name)));
  const fields = {
    dest: at.path,
    arcroot: root,
    missing: [...missing],
    expanded_paths: [...sources.expanded, ...missing],
    expanded_exclude_paths: [...excluded],
    archived: names.map(name => root + name),
  };
  const state = missing.length > 0 ? 'incomplete' : whole ? 'archive' : 'compress';
  if (paths.length === 0)
    return yield* settle(at, args, ctx, { ...fields, dest_state: at.status ? state : 'absent' });
  const made = yield* build(args, at, whole, root, names, ctx);
  const result = made ?? (yield* settle(at, args, ctx, {}));
  if (args.remove && !ctx.checkMode) yield* removeSources(paths, at.path);
  return { ...fields, dest_state: state, ...result };
}

const isPlain = (path: string): boolean => !path.split('/').includes('..');

/** Whether a path of the host can be what an argument means: as it is written, or below where its wildcards begin. */
const isAsked =
  ({ path, exclude_path }: Args) =>
  (found: string): boolean =>
    [...path, ...exclude_path].some(asked => {
      if (/[$~]/.test(asked) || asked === found || `./${asked}` === found) return true;
      const start = /^[^*?[]*\//.exec(asked)?.[0] ?? '';
      return /[*?[]/.test(asked) && found.startsWith(start) && (isPlain(found) || !isPlain(asked));
    });

function* expand(args: Args): Steps<Sources> {
  const list = (paths: readonly string[], name: string) =>
    paths.map(
      path =>
        `for f in ${globWord(path)}; do if [ -e "$f" ] || [ -h "$f" ]; then field ${name} "$f"${name === 'path' ? '; begin members; find "$f" -exec printf \'%s\\0\' {} +' : ''}; else field missing-${name} "$f"; fi; done`,
    );
  const script = [...list(args.path, 'path'), ...list(args.exclude_path, 'exclude'), ':'];
  const records = yield* ask(script.join('\n'));
  const of = (name: string) => [...new Set(records.all(name).map(textOf))].filter(isAsked(args));
  const found = records.all('members').flatMap(list => textOf(list).split('\0').slice(0, -1));
  const excluded = [...of('exclude'), ...of('missing-exclude')];
  const below = (member: string) => excluded.some(path => member === path || member.startsWith(`${path}/`));
  const paths = of('path')
    .filter(path => !excluded.includes(path))
    .sort();
  const isMember = (member: string) =>
    paths.some(path => member === path || member.startsWith(`${path.replace(/\/$/, '')}/`));
  const members = [...new Set(found)]
    .filter(member => isMember(member) && isPlain(member) && !below(member))
    .sort();
  const globs = (path: string) => args.path.some(p => /[*?[]/.test(p) && p === path);
  return {
    members,
    paths,
    expanded: of('path').sort(),
    excluded,
    missing: of('missing-path')
      .filter(path => !globs(path) && !excluded.includes(path))
      .sort(),
    firstIsDirectory:
      members.some(member => member.startsWith(`${paths[0]}/`)) || (yield* isDirectory(paths[0])),
  };
}

function* isDirectory(path: string | undefined): Steps<boolean> {
  if (path === undefined) return false;
  return (yield* sh(`[ -d ${quote(path)} ]`)).rc === 0;
}

/** The longest directory that all paths are in, with a slash. */
function rootOf(paths: readonly string[]): string {
  const directories = paths.map(directoryOf);
  let prefix = directories[0] ?? '';
  while (!directories.every(directory => directory.startsWith(prefix))) prefix = prefix.slice(0, -1);
  return directoryOf(prefix);
}

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

function refuseRemoval(args: Args, paths: readonly string[], dest: string): void {
  if (args.remove && paths.some(path => dest.startsWith(`${path}/`)))
    throw new ModuleError('Error, created archive can not be contained in source paths when remove=true', {
      path: paths.join(', '),
    });
}

const COMPRESS: Readonly<Record<string, string>> = {
  gz: 'gzip -nc',
  bz2: 'bzip2 -c',
  xz: 'xz -c',
  tar: 'cat',
};
const EXPAND: Readonly<Record<string, string>> = {
  gz: 'gzip -dc',
  bz2: 'bzip2 -dc',
  xz: 'xz -dc',
  tar: 'cat',
};

/** Packs beside the destination, compares, and puts the archive in place; undefined when it is the same already. */
function* build(
  args: Args,
  at: PathState,
  whole: boolean,
  root: string,
  names: readonly string[],
  ctx: ModuleContext,
): Steps<Result | undefined> {
  if (at.parent === 'missing' && !ctx.checkMode)
    throw new ModuleError(`Destination directory ${at.path.replace(/\/[^/]*$/, '')} does not exist`, {
      dest: at.path,
    });
  if (at.parent === 'missing') return { changed: true };
  const temporary = ctx.checkMode ? temporaryBeside('/tmp/polarplay-archive') : temporaryBeside(at.path);
  const zip = args.format === 'zip';
  const program = zip ? 'zip' : partAt((COMPRESS[args.format] ?? 'cat').split(' '), 0);
  const plain = whole
    ? `(cd -P ${quote(root || '.')} && tar -cf - --no-recursion --null -T -) >"$t.plain" || fail "cannot pack $p: GNU tar is needed on the host"`
    : `cat <${quote(root + (names[0] ?? ''))} >"$t.plain" || fail "cannot read the file"`;
  const listing = (file: string) => `unzip -v ${file} 2>/dev/null | sed -e 1,3d -e '$d'`;
  const script = [
    `p=${quote(at.path)}; t=${quote(temporary)}; trap 'rm -f "$t.plain"' 0; umask 077`,
    `command -v ${program} >/dev/null 2>&1 || fail "packing needs ${program} on the host"`,
    ...(zip
      ? [
          `(cd ${quote(root)} && zip -q -X -@ "$t.zip") || fail "cannot pack $p"; mv -f "$t.zip" "$t"`,
          `if [ -f "$p" ] && [ "$(${listing('"$p"')})" = "$(${listing('"$t"')})" ]; then rm -f "$t"; field same; fi`,
        ]
      : [
          plain,
          `if [ -f "$p" ] && ${EXPAND[args.format]} <"$p" 2>/dev/null | cmp -s - "$t.plain"; then field same`,
          ctx.checkMode
            ? 'fi'
            : `else ${COMPRESS[args.format]} <"$t.plain" >"$t" || { rm -f "$t"; fail "cannot write $p"; }; fi`,
        ]),
    ctx.checkMode ? 'rm -f "$t"' : ':',
  ];
  const odd = zip ? names.find(name => name.includes('\n')) : undefined;
  if (odd !== undefined)
    throw new ModuleError(`a zip archive cannot be given a name with a line break: ${jsonText(odd)}`);
  const stdin = names.map(name => `${name}${zip ? '\n' : '\0'}`).join('');
  const reply = yield* ask(script.join('\n'), { stdin, live: true });
  if (reply.rc !== 0) throw failure(reply, at.path);
  if (reply.has('same')) return undefined;
  if (ctx.checkMode) return { changed: true };
  const source = { kind: 'temporary', path: temporary } as const;
  return {
    changed: true,
    ...(yield* writeFile({ path: at.path, source, found: at, wanted: args })),
  };
}

function* settle(
  at: PathState,
  args: Args,
  ctx: ModuleContext,
  fields: Readonly<Record<string, Json>>,
): Steps<Result> {
  const { status } = at;
  if (!status) return { changed: false, ...fields };
  const changes = attributeChanges(attributesFound({ ...at, status }), args, at.path, ctx.checkMode);
  const changed = changes.changes.length > 0;
  const state = changed && !ctx.checkMode ? yield* applyAttributes(at, changes) : statusFields(status);
  return { changed, ...state, ...fields };
}

function* removeSources(paths: readonly string[], dest: string): Steps<void> {
  const gone = paths.filter(path => path !== dest);
  const reply = yield* ask(
    `e=$(rm -rf -- ${gone.map(quote).join(' ')} 2>&1) || fail "Unable to remove source file: $e"`,
  );
  if (reply.rc !== 0) throw failure(reply, dest);
}
