import { defined } from '../../source/defined.ts';
import type { Json } from '../../source/value.ts';
import {
  type AttributeChanges,
  attributeChanges,
  attributeCommands,
  parseStatus,
  STAT_FORMAT,
  statusFields,
} from '../kit/attributes.ts';
import { defineState, type ModuleContext, ModuleError, quote } from '../kit/define.ts';
import { identityOf, REACH, reachLine } from '../kit/reach.ts';
import { ask, type Records } from '../kit/reply.ts';
import { attributesFound, hostWord, type PathState, pathStateOf, pathWord, statScript } from '../kit/stat.ts';
import { failure, valuesText } from '../kit/write-file.ts';
import { args, type FileArgs } from './file-arguments.ts';
import { type Decision, decide, type FileFound, priorOf, workScript } from './file-decision.ts';
import {
  isTimeChange,
  TIMES_FORMAT,
  timeChanges,
  timeCommands,
  timeDiff,
  type WantedTimes,
  wantedTime,
} from './file-times.ts';
import { type EntryChanges, entryChanges, entryCommands, parseEntries, walkScript } from './file-tree.ts';

/** file: entries of a file system and their attributes. */
export const file = defineState<typeof args.properties, FileFound>({
  name: 'file',
  summary: 'Keeps files, directories and links, their owners and permissions, or removes them.',
  examples: `
- name: Make the folder of the WAL archive
  file:
    path: /srv/wal-archive
    state: directory
    owner: postgres
    mode: "0700"
- name: Link the current data directory
  file: {src: /srv/data-15, dest: /srv/data, state: link}
`,
  args,
  registeredDiff: 'values',
  returns: {
    path: 'The entry (absent, directory, file).',
    dest: 'The entry (touch, link, hard).',
    src: 'What the link leads to.',
    state: 'What is there now.',
    mode: 'Permissions; and owner, group, uid, gid, size.',
  },
  differences: [
    'In check mode an owner or group that does not exist yet is a change to come, not a failure.',
    'With recurse, permissions of symbolic links are left alone; their owners are not.',
    'Time formats know %Y %y %m %d %H %M %S.',
  ],
  touches: args => [args.path, ...(args.src === undefined ? [] : [args.src])],
  *probe(args, ctx) {
    return parseProbe(args, yield* ask(probeScript(args, ctx)));
  },
  diff(found, args, ctx) {
    const plan = withFields(found, () => planOf(found, args, ctx));
    const { decision, attributes, times, entries } = plan;
    const changes = [
      ...decision.changes,
      ...(attributes?.changes ?? []),
      ...entries.map(entry => entry.changes).flatMap(list => list.changes),
      ...(isTimeChange(times) ? [`${plan.subject}: times`] : []),
    ];
    const shown = timeDiff(times, found.times);
    const { path } = decision;
    const before = { path, ...decision.before, ...attributes?.before, ...shown.before };
    const after = { path, ...decision.after, ...attributes?.after, ...shown.after };
    return {
      changes,
      diff: [{ before: valuesText(before), after: valuesText(after) }],
      result: { ...decision.result, ...knownFields(found, decision), ...warnings(plan, args, ctx) },
    };
  },
  *apply(found, args, ctx) {
    const plan = planOf(found, args, ctx);
    const { decision } = plan;
    const reply = yield* ask(applyScript(plan, args));
    if (reply.rc !== 0) throw failure(reply, decision.path);
    return decision.state === 'absent' ? {} : statusFields(parseStatus(reply.text('stat') ?? ''));
  },
});

function probeScript(args: FileArgs, ctx: ModuleContext): string {
  const isLink = args.state === 'link';
  const follow = isLink && args.src !== undefined ? false : args.follow;
  const start = `w=${pathWord(args.path)}`;
  const inside =
    args.state === 'hard' && args.src !== undefined
      ? `[ -d "$w" ] && w=$w/${quote(args.src.replace(/^.*\//, ''))}`
      : '';
  const at = statScript(args.path, { follow, word: '"$w"', wanted: args });
  return [
    start,
    inside,
    at,
    needsTimes(args) ? `[ -e "$p" ] && field times "$(stat -c '${TIMES_FORMAT}' "$p")"` : '',
    !follow ? '' : `[ -h "$q" ] && field own-status "$(stat -c '${STAT_FORMAT}' "$q")"`,
    isLink ? EMPTY_TEST : '',
    walkScript(args.state, args.recurse, args.follow, args, ctx.diffMode),
    args.src === undefined ? '' : sourceScript(args, args.src, isLink),
    ':',
  ]
    .filter(Boolean)
    .join('\n');
}

/** Says `full` for a directory with entries, by the shell's own means. */
const EMPTY_TEST = `if [ -d "$q" ] && [ ! -h "$q" ]; then for f in "$q"/* "$q"/.[!.]* "$q"/..?*; do if [ -e "$f" ] || [ -h "$f" ]; then field full; break; fi; done; fi`;

function sourceScript(args: FileArgs, src: string, isLink: boolean): string {
  const base = isLink && !/^[/~$]/.test(src);
  return [
    base
      ? `if [ -d "$q" ] && [ ! -h "$q" ]; then b=$q/; else case $q in */*) b=\${q%/*}/;; *) b=;; esac; fi`
      : 'b=',
    `x=${hostWord(src)}; part source; field text "$x"`,
    statScript(src, { follow: true, word: '"$b$x"', wanted: args }),
  ].join('\n');
}

const needsTimes = (args: FileArgs) =>
  [args.access_time, args.modification_time].some(t => t !== undefined && t !== 'now' && t !== 'preserve');

function parseProbe(args: FileArgs, records: Records): FileFound {
  const at = pathStateOf(args.path, records);
  const own = records.text('own-status');
  const source = args.src === undefined ? undefined : records.part('source');
  return {
    at,
    own: own === undefined ? at.status : parseStatus(own),
    prior: priorOf(at),
    source: source && {
      text: source.text('text') ?? defined(args.src, 'a source comes from src'),
      at: pathStateOf(defined(args.src, 'a source comes from src'), source),
    },
    empty: !records.has('full'),
    times: records.text('times'),
    entries: [
      ...parseEntries(records.bytes('entries'), at.realPath),
      ...parseEntries(records.bytes('followed'), at.realPath).map(entry => ({ ...entry, isFollowed: true })),
    ],
  };
}

/** Failures tell what is there, as all results do. */
function withFields<T>(found: FileFound, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof ModuleError) || !found.own) throw error;
    throw new ModuleError(error.message, { ...statusFields(found.own), ...error.fields });
  }
}

interface FilePlan {
  readonly decision: Decision;
  /** The path whose attributes are wanted; not the link itself when it is followed. */
  readonly subject: string;
  readonly subjectFound: PathState | undefined;
  /** Differences of an entry that is there already; a new one gets its attributes when it is made. */
  readonly attributes: AttributeChanges | undefined;
  readonly dangling: boolean;
  readonly times: WantedTimes;
  readonly entries: readonly EntryChanges[];
}

function planOf(found: FileFound, args: FileArgs, ctx: ModuleContext): FilePlan {
  const decision = decide(found, args);
  const { at } = found;
  const subject = subjectOf(found, args, decision);
  const wanted = args;
  const attributes =
    decision.state === 'absent' || !subject?.status
      ? undefined
      : attributeChanges(
          attributesFound({ ...subject, status: subject.status }),
          wanted,
          subject.realPath,
          ctx.checkMode,
        );
  const fallback = decision.state === 'touch' ? 'now' : 'preserve';
  const wantedTimes: WantedTimes = {
    access: wantedTime(args.access_time, args.access_time_format, fallback),
    modification: wantedTime(args.modification_time, args.modification_time_format, fallback),
  };
  const isNew = decision.work !== 'none';
  const asked = decision.state !== 'absent' && !(isNew && decision.state === 'touch' && fallbackOnly(args));
  return {
    decision,
    subject: subject?.realPath ?? decision.path,
    subjectFound: subject,
    attributes,
    dangling: decision.state === 'link' && args.follow && subject?.status === undefined,
    times: asked ? timeChanges(wantedTimes, found.times) : { access: 'preserve', modification: 'preserve' },
    entries: args.recurse ? entryChanges(found.entries, wanted, at, ctx.checkMode) : [],
  };
}

const fallbackOnly = (args: FileArgs) =>
  args.access_time === undefined && args.modification_time === undefined;

/** What is there already and gets the attributes: the path, what a link leads to, or the source of a hard link. */
function subjectOf(found: FileFound, args: FileArgs, decision: Decision): PathState | undefined {
  if (decision.state === 'link') {
    if (args.follow) return found.source?.at ?? found.at;
    return decision.work === 'none' ? found.at : undefined;
  }
  if (decision.work === 'link-hard') return found.source?.at;
  return decision.work === 'none' ? found.at : undefined;
}

function knownFields(found: FileFound, decision: Decision): Readonly<Record<string, Json>> {
  const status = decision.path === found.at.path ? found.own : found.at.status;
  return decision.work === 'none' && status && decision.state !== 'absent' ? statusFields(status) : {};
}

function warnings(plan: FilePlan, args: FileArgs, ctx: ModuleContext): { readonly warnings?: Json } {
  const { owner, group, mode } = args;
  const wantsAttributes = owner !== undefined || group !== undefined || mode !== undefined;
  const list = [
    ...(plan.dangling && wantsAttributes
      ? [
          'Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.',
        ]
      : []),
    ...(ctx.checkMode ? unknownOwners(plan) : []),
  ];
  return list.length > 0 ? { warnings: list } : {};
}

function unknownOwners({ attributes }: FilePlan): string[] {
  const { owner, group } = attributes?.after ?? {};
  return [
    ...(typeof owner === 'string'
      ? [`failed to look up user ${owner}. Create user up to this point in real play`]
      : []),
    ...(typeof group === 'string'
      ? [`failed to look up group ${group}. Create group up to this point in real play`]
      : []),
  ];
}

/** Holds what the attributes are for: what was found there, or what was just made. */
function holdSubject({ subject, subjectFound }: FilePlan): string {
  if (!subjectFound?.status) return `reach ${quote(subject)}; f=$n h=-h L=`;
  return `${reachLine(subjectFound, subject)}\nhold ${identityOf(subjectFound)}`;
}

function applyScript(plan: FilePlan, args: FileArgs): string {
  const { decision, attributes, times, entries } = plan;
  const work = workScript(decision, args, args.follow);
  const settles = attributes !== undefined || isTimeChange(times);
  const missing = `Error, could not touch target: [Errno 2] No such file or directory: b'$p'`;
  return [
    REACH,
    `p=${quote(decision.path)} o=$PWD`,
    decision.work === 'make-file' ? `case $p in */*) [ -d "\${p%/*}/" ] || fail "${missing}";; esac` : '',
    work === '' || decision.work === 'make-directory' ? '' : `reach "$p"`,
    work,
    settles ? `cd "$o"; ${holdSubject(plan)}` : '',
    attributes ? attributeCommands(attributes) : '',
    isTimeChange(times) ? timeCommands(times) : '',
    entryCommands(entries),
    decision.state === 'absent' ? ':' : `cd "$o"; begin stat; stat -c '${STAT_FORMAT}' "$p"`,
  ]
    .filter(Boolean)
    .join('\n');
}
