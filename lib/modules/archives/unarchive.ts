import { randomBytes } from 'node:crypto';
import { defined } from '../../source/defined.ts';
import { isVaultFile } from '../../source/file-sum.ts';
import { withoutSlashes } from '../../source/strip-end.ts';
import type { Json } from '../../source/value.ts';
import { type Entry, entriesIn, entryChanges, entryCommands, statEach } from '../files/file-tree.ts';
import { parseStatus, STAT_FORMAT, statusFields } from '../kit/attributes.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { REACH } from '../kit/reach.ts';
import { ask, type Records } from '../kit/reply.ts';
import { type PathState, pathStateOf, pathWord, statScript } from '../kit/stat.ts';
import { failure, RANDOM, sweep } from '../kit/write-file.ts';
import { http, requestOf } from '../net/http.ts';
import { args, type UnarchiveArgs } from './unarchive-arguments.ts';
import { tarDifferences, tarScripts, zipScripts } from './unarchive-tools.ts';

/** unarchive: what is in an archive, in a directory. */
export const unarchive = defineAction({
  name: 'unarchive',
  summary: 'Unpacks a tar or zip archive on the host.',
  examples: `
- name: Unpack the sources of an extension
  unarchive:
    src: pgvector-0.7.4.tar.gz
    dest: /usr/src
    creates: /usr/src/pgvector-0.7.4
`,
  traits: { reads: { kind: 'files', argument: 'src', unless: ['remote_src', 'copy'] } },
  args,
  rules: {
    mutuallyExclusive: [
      ['include', 'exclude'],
      ['copy', 'remote_src'],
    ],
  },
  returns: {
    dest: 'The directory.',
    src: 'The archive.',
    handler: 'TarArchive or ZipArchive.',
    files: 'Names in the archive, with list_files.',
    extract_results: 'Command, rc, out and err of the unpacking.',
  },
  differences: [
    'Check mode works for tar archives, too.',
    'A zip archive is unpacked to a temporary directory to compare it.',
    'handler tells tar from zip, not one compression from the other.',
  ],
  *run(args, ctx) {
    return yield* unpack(args, ctx);
  },
  *check(args, ctx) {
    return yield* unpack(args, ctx);
  },
});

function* unpack(args: UnarchiveArgs, ctx: ModuleContext): Steps<Result> {
  const remote = args.copy === undefined ? args.remote_src : !args.copy;
  const local = remote ? undefined : ctx.find('files', args.src);
  const at = yield* refuseOrSkip(args);
  if ('skipped' in at) return at;
  const temporary = `/tmp/polarplay-${randomBytes(6).toString('hex')}`;
  try {
    if (local !== undefined) yield* sendArchive(args, local, temporary, ctx);
    else if (args.src.includes('://')) yield* downloadArchive(args, temporary);
    const isTemporary = local !== undefined || args.src.includes('://');
    const result = yield* compareAndUnpack(args, at, isTemporary ? temporary : undefined, ctx);
    if (isTemporary) yield* sh(`rm -f ${temporary}`);
    return { src: local ?? args.src, ...result };
  } catch (error) {
    if (error instanceof ModuleError) yield* sh(`rm -f ${temporary}`);
    throw error;
  }
}

/** The destination must be there; `creates` may make all work unnecessary. */
function* refuseOrSkip(args: UnarchiveArgs): Steps<PathState | (Result & { readonly skipped: true })> {
  const creates = args.creates === undefined ? '' : `[ -e ${pathWord(args.creates)} ] && field created`;
  const script = [creates, statScript(args.dest, { follow: true, wanted: args })];
  const records = yield* ask(script.filter(Boolean).join('\n'));
  if (records.has('created'))
    return { changed: false, skipped: true, msg: `skipped, since ${args.creates} exists` };
  const at = pathStateOf(args.dest, records);
  if (at.status?.type !== 'directory') throw new ModuleError(`dest '${args.dest}' must be an existing dir`);
  return at;
}

function* sendArchive(args: UnarchiveArgs, local: string, to: string, ctx: ModuleContext): Steps<void> {
  const encrypted = args.decrypt && isVaultFile(local);
  yield { kind: 'send', from: encrypted ? ctx.read(local) : local, to };
}

function* downloadArchive(args: UnarchiveArgs, output: string): Steps<void> {
  const reply = yield* http(
    requestOf(
      {
        url: args.src,
        headers: {},
        http_agent: 'ansible-httpget',
        force_basic_auth: false,
        validate_certs: args.validate_certs,
        use_proxy: true,
        use_netrc: true,
        use_gssapi: false,
        decompress: true,
      },
      { method: 'GET', followRedirects: true, timeout: 10, output },
    ),
  );
  if (reply.status !== 200) throw new ModuleError(`Failure downloading ${args.src}, ${reply.msg}`);
}

function* compareAndUnpack(
  args: UnarchiveArgs,
  at: PathState,
  temporary: string | undefined,
  ctx: ModuleContext,
): Steps<Result> {
  const source = temporary ?? args.src;
  const scripts = { tar: tarScripts(args), zip: zipScripts(args) };
  const records = yield* ask(probeScript(args, at, temporary, scripts));
  if (records.rc !== 0) throw probeFailure(records, source, args, at);
  const text = (name: string) => records.text(name) ?? '';
  const kind = records.has('zip') ? 'zip' : 'tar';
  const files = text('names')
    .split('\n')
    .filter(Boolean)
    .map(name => name.replace(/^\//, ''));
  const fresh =
    kind === 'tar'
      ? tarDifferences(text('differences'), args)
      : text('differences').split('\n').filter(Boolean);
  const base = {
    dest: at.path,
    handler: kind === 'tar' ? 'TarArchive' : 'ZipArchive',
    ...(args.list_files && { files }),
  };
  if (fresh.length > 0 && ctx.checkMode) return { changed: true, ...base };
  const archive = archiveWord(args, temporary);
  const results = fresh.length > 0 ? yield* extract(args, at, archive, scripts[kind]) : undefined;
  const entries = results ? yield* statusOf(at, files, args) : entriesIn(records.bytes('entries'));
  const changes = entryChanges(entries, args, at, ctx.checkMode);
  const state = yield* settle(at, changes, ctx.checkMode);
  return {
    changed: results !== undefined || changes.length > 0,
    ...base,
    ...(results && { extract_results: results }),
    ...state,
  };
}

const archiveWord = (args: UnarchiveArgs, temporary: string | undefined) =>
  temporary === undefined ? pathWord(args.src) : quote(temporary);

const wantsAttributes = ({ owner, group, mode }: UnarchiveArgs) =>
  owner !== undefined || group !== undefined || mode !== undefined;

/** Lists what is in the archive, what differs from the destination, and the status of what is there. */
function probeScript(
  args: UnarchiveArgs,
  at: PathState,
  temporary: string | undefined,
  scripts: Readonly<
    Record<'tar' | 'zip', { readonly names: string; readonly differences: string; readonly needs: string }>
  >,
): string {
  const listEntries = `printf '%s\\n' "$n" | sed 's|^/*||; s|/*$||' | tr '\\n' '\\0' | (cd -P "$d" && xargs -0 sh -c ${quote(STATUS_OF)} sh)`;
  const part = (kind: 'tar' | 'zip') =>
    [
      scripts[kind].needs,
      `n=$(${scripts[kind].names}) || fail "Failed to find handler for \\"$a\\": it is not a ${kind} archive that can be read here"`,
      `[ -n "$n" ] || fail "Failed to find handler for \\"$a\\": it is empty"`,
      `field ${kind}; field names "$n"; begin differences`,
      scripts[kind].differences,
      wantsAttributes(args) ? `begin entries; ${listEntries}` : '',
    ]
      .filter(Boolean)
      .join('\n');
  return [
    temporary === undefined ? ':' : `(cd /tmp && ${sweep(`polarplay-${RANDOM}`)})`,
    `d=${quote(at.realPath)}; a=${archiveWord(args, temporary)}`,
    `[ -e "$a" ] || fail "Source '$a' does not exist"; [ -r "$a" ] || fail "Source '$a' not readable"`,
    `[ -s "$a" ] || fail "Invalid archive '$a', the file is 0 bytes"`,
    `if [ "$(head -c 2 "$a")" = PK ]; then`,
    part('zip'),
    'else',
    part('tar'),
    'fi',
    ':',
  ].join('\n');
}

/** Status of names in the archive; what leads out of the directory is none. */
const STATUS_OF = `${statEach()} -- "$@" 2>/dev/null; :`;

function probeFailure(records: Records, source: string, args: UnarchiveArgs, at: PathState): ModuleError {
  const missing = /\b(\w+): Cannot exec|can't execute '(\w+)'|\b(\w+): not found/.exec(records.stderr);
  const program = missing?.[1] ?? missing?.[2] ?? missing?.[3];
  if (program)
    return new ModuleError(`unpacking ${args.src} needs ${program} on the host`, { dest: at.path });
  const { message, fields } = failure(records, at.path);
  return new ModuleError(message.replaceAll(source, args.src), fields);
}

function* extract(
  args: UnarchiveArgs,
  at: PathState,
  archive: string,
  { extract: command }: { readonly extract: string },
): Steps<{ readonly [key: string]: Json }> {
  const script = `d=${quote(at.realPath)}; a=${archive}\n${command}`;
  const reply = yield* sh(script, { live: true });
  const results = { rc: reply.rc, out: reply.stdout, err: reply.stderr };
  if (reply.rc !== 0)
    throw new ModuleError(`failed to unpack ${args.src} to ${at.path}`, {
      dest: at.path,
      extract_results: results,
    });
  return results;
}

function* statusOf(at: PathState, files: readonly string[], args: UnarchiveArgs): Steps<readonly Entry[]> {
  if (!wantsAttributes(args)) return [];
  const records = yield* ask(
    `begin entries; cd -P ${quote(at.realPath)} && xargs -0 sh -c ${quote(STATUS_OF)} sh`,
    { stdin: files.map(name => `${withoutSlashes(name)}\0`).join('') },
  );
  return entriesIn(records.bytes('entries'));
}

/** Brings owners and permissions of the members to what is wanted, and tells those of the directory. */
function* settle(
  at: PathState,
  changes: ReturnType<typeof entryChanges>,
  checkMode: boolean,
): Steps<Readonly<Record<string, Json>>> {
  if (changes.length === 0 || checkMode)
    return statusFields(defined(at.status, 'nothing is to change only in a directory that exists'));
  const script = `${REACH}\ncd -P ${quote(at.realPath)} || exit 98; o=$PWD\n${entryCommands(changes)}\ncd "$o"; begin stat; stat -c '${STAT_FORMAT}' .`;
  const reply = yield* ask(script);
  if (reply.rc !== 0) throw failure(reply, at.path);
  return statusFields(parseStatus(reply.text('stat') ?? ''));
}
