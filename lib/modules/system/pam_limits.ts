import type { Static } from 'typebox';
import { jsonText } from '../../source/json.ts';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError } from '../kit/define.ts';
import { linesOf, readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';

const ITEMS = [
  'core',
  'data',
  'fsize',
  'memlock',
  'nofile',
  'rss',
  'stack',
  'cpu',
  'nproc',
  'as',
  'maxlogins',
  'maxsyslogins',
  'priority',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'chroot',
] as const;

const args = Type.Object({
  domain: A.str('User, @group, or * for all.'),
  limit_type: A.choice(['soft', 'hard', '-'], 'Kind of limit; - means both.'),
  limit_item: A.choice(ITEMS, 'What is limited.'),
  value: A.str('The limit: a number, or unlimited, infinity or -1 for none.'),
  use_max: A.bool('Keep the greater one of the value and what is there.', { default: false }),
  use_min: A.bool('Keep the smaller one of the value and what is there.', { default: false }),
  backup: A.bool('Keep a copy of the file as it was.', { default: false }),
  dest: A.path('The file.', { default: '/etc/security/limits.conf' }),
  comment: A.str('Comment at the end of the line.', { default: '' }),
});

type Args = Static<typeof args>;

const UNLIMITED = new Set(['unlimited', 'infinity', '-1']);

function checkValue(item: string, value: string, where = ''): void {
  const signed = item === 'nice' || item === 'priority';
  if (signed ? /^[-+]?\d+$/.test(value) : UNLIMITED.has(value) || /^\d+$/.test(value)) return;
  const right = signed ? 'an integer' : "a number, or 'unlimited', 'infinity' or -1 for no limit";
  throw new ModuleError(
    `${where}Value of ${jsonText(value)} for item ${jsonText(item)} is invalid: it must be ${right}`,
  );
}

/** The value to write, given what is there. */
function chosen(now: string, args: Args): string {
  const [nowFree, wantedFree] = [UNLIMITED.has(now), UNLIMITED.has(args.value)];
  if (args.use_max)
    return nowFree ? now : wantedFree ? args.value : String(Math.max(Number(args.value), Number(now)));
  if (args.use_min)
    return nowFree ? args.value : wantedFree ? now : String(Math.min(Number(args.value), Number(now)));
  return args.value;
}

interface Edit {
  readonly after: string;
  /** The line that counts: the new one or the one that is there. */
  readonly line: string;
}

/** The file with the limit in it. Pure. */
export function keepLimit(text: string, args: Args): Edit {
  let comment = toBytes(args.comment);
  let line: string | undefined;
  const written = (value: string) =>
    `${toBytes(args.domain)}\t${args.limit_type}\t${args.limit_item}\t${value}${comment && `\t#${comment}`}\n`;
  const kept = linesOf(text).map(old => {
    if (old.startsWith('#') || old.trim() === '') return old;
    const hash = old.indexOf('#');
    const fields = (hash < 0 ? old : old.slice(0, hash)).trim().split(/\s+/);
    if (fields.length !== 4) return old;
    const [domain, type, item = '', now = ''] = fields;
    checkValue(item, now, `Invalid configuration found in '${args.dest}'. `);
    if (domain !== toBytes(args.domain) || type !== args.limit_type || item !== args.limit_item) return old;
    const value = args.value === now ? now : chosen(now, args);
    if (value === now) {
      line = old;
      return old;
    }
    if (comment === '' && hash >= 0) comment = old.slice(hash + 1).replace(/\n$/, '');
    line = written(value);
    return line;
  });
  if (line !== undefined) return { after: kept.join(''), line };
  // A last line without its end would run into the new one.
  const open = kept.length > 0 && !partAt(kept, -1).endsWith('\n') ? '\n' : '';
  return { after: kept.join('') + open + written(args.value), line: written(args.value) };
}

export const pamLimits = defineState({
  name: 'pam_limits',
  aliases: ['community.general.pam_limits'],
  summary: 'Keeps limits of users in limits.conf.',
  examples: `
- name: Let the server open many files
  pam_limits:
    domain: postgres
    limit_type: "-"
    limit_item: nofile
    value: "65536"
`,
  args,
  returns: { msg: 'The line that holds the limit.', backup_file: 'Name of the copy.' },
  differences: [
    'A line that changes keeps its own comment, never that of another line.',
    'A copy is made only when the file changes.',
  ],
  touches: args => [args.dest],

  *probe(args) {
    if (args.use_max && args.use_min)
      throw new ModuleError('Cannot use use_min and use_max at the same time.');
    checkValue(args.limit_item, args.value);
    return yield* readText(args.dest);
  },

  diff(found: TextFile, args) {
    if (found.file.parent === 'missing')
      throw new ModuleError(`directory of ${args.dest} does not exist`, { path: args.dest });
    const { after, line } = keepLimit(found.text ?? '', args);
    const same = after === found.text;
    return {
      changes: same ? [] : [`${found.file.path}: ${line.trim()}`],
      ...(!same && { diff: [textDiff(found.text, after, found.file.path)] }),
      result: { msg: Buffer.from(line, 'latin1').toString() },
    };
  },

  *apply(found, args) {
    const { backup_file } = yield* writeText(found, keepLimit(found.text ?? '', args).after, {
      backup: args.backup,
    });
    return backup_file === undefined ? {} : { backup_file };
  },
});
