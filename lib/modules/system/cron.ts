import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';
import { type CronRequest, cronLines, editCrontab, jobNames, renderLines, variableNames } from './crontab.ts';

const args = Type.Object({
  name: A.str('Description of the job, by which it is found again; or the name of a variable.'),
  job: A.opt(A.str('Command to run, or value of the variable.', { aliases: ['value'] })),
  state: A.choice(['present', 'absent'], 'Whether it should be there.', { default: 'present' }),
  user: A.opt(A.str('Whose crontab; with cron_file the user the job runs as.')),
  cron_file: A.opt(A.path('File in /etc/cron.d, or any path, instead of a crontab.')),
  minute: A.str('Minute.', { default: '*' }),
  hour: A.str('Hour.', { default: '*' }),
  day: A.str('Day of the month.', { default: '*', aliases: ['dom'] }),
  month: A.str('Month.', { default: '*' }),
  weekday: A.str('Day of the week.', { default: '*', aliases: ['dow'] }),
  special_time: A.opt(
    A.choice(
      ['reboot', 'yearly', 'annually', 'monthly', 'weekly', 'daily', 'hourly'],
      'Name of a time instead of fields.',
    ),
  ),
  disabled: A.bool('Keep the job as a comment.', { default: false }),
  env: A.bool('Manage a variable instead of a job.', { default: false }),
  insertafter: A.opt(A.str('Variable after which to put this one.')),
  insertbefore: A.opt(A.str('Variable before which to put this one.')),
  backup: A.bool('Keep a copy of what was there.', { default: false }),
});

type Args = Static<typeof args>;

/** A user's crontab, or a file with lines of the same form. */
interface Found {
  readonly text: string | undefined;
  readonly file: TextFile | undefined;
}

const pathOf = (args: Args) =>
  args.cron_file?.startsWith('/') ? args.cron_file : `/etc/cron.d/${args.cron_file}`;

function checkArguments(args: Args): void {
  const fields = [args.minute, args.hour, args.day, args.month, args.weekday];
  if (args.cron_file === '/etc/crontab')
    throw new ModuleError('Will not manage /etc/crontab via cron_file, see documentation.');
  if (args.special_time !== undefined && fields.some(f => f !== '*'))
    throw new ModuleError('You must specify time and date fields or special time.');
  if (args.state === 'absent') return;
  if (args.cron_file !== undefined && args.user === undefined)
    throw new ModuleError('To use cron_file=... parameter you must specify user=... as well');
  if (args.job === undefined)
    throw new ModuleError("You must specify 'job' to install a new cron job or variable");
  if ((args.insertafter ?? args.insertbefore) !== undefined && !args.env)
    throw new ModuleError('Insertafter and insertbefore parameters are valid only with env=yes');
}

function requestOf(args: Args): CronRequest {
  const time =
    args.special_time === undefined
      ? [args.minute, args.hour, args.day, args.month, args.weekday].join(' ')
      : `@${args.special_time}`;
  const bytes = (text: string | undefined) => (text === undefined ? undefined : toBytes(text));
  return {
    name: toBytes(args.name),
    state: args.state,
    job: bytes(args.job),
    disabled: args.disabled,
    env: args.env,
    schedule: toBytes(args.cron_file === undefined ? time : `${time} ${args.user}`),
    insertafter: bytes(args.insertafter),
    insertbefore: bytes(args.insertbefore),
  };
}

/** Lines after the change, and whether they differ. */
function edited(found: Found, args: Args): { readonly rows: readonly string[]; readonly changed: boolean } {
  const before = cronLines(found.text ?? '');
  const rows = editCrontab(before, requestOf(args));
  // cron ignores a last line without its end.
  const open = found.text !== undefined && found.text !== '' && !/[\r\n]$/.test(found.text);
  return { rows, changed: open || renderLines(rows) !== renderLines(before) };
}

/** A file of /etc/cron.d that has nothing left in it goes. */
const isEmptied = (args: Args, rows: readonly string[]) =>
  args.cron_file !== undefined &&
  args.state === 'absent' &&
  !args.env &&
  rows.every(row => row.trim() === '');

const crontab = (args: Args) => {
  const user =
    args.user === undefined ? '' : ` $([ "$(id -un)" = ${quote(args.user)} ] || echo -u ${quote(args.user)})`;
  return `crontab${user}`;
};

function* readCrontab(args: Args): Steps<Found> {
  const script = `command -v crontab >/dev/null 2>&1 || exit 96
t=$(mktemp) && trap 'rm -f "$t"' 0; e=$(${crontab(args)} -l 2>&1 >"$t"); rc=$?
case $rc in 0|1) ;; *) echo "$e" >&2; exit 95;; esac
case $e in *'must be privileged'*|*'not allowed'*|*unknown*|*"isn't"*) echo "$e" >&2; exit 95;; esac
begin content; cat "$t"`;
  const records = yield* ask(script);
  if (records.rc === 96)
    throw new ModuleError('Failed to find required executable "crontab" in paths: install cron');
  if (records.rc !== 0) throw new ModuleError(`Unable to read crontab: ${records.stderr.trim()}`);
  return { text: records.bytes('content')?.toString('latin1') ?? '', file: undefined };
}

export const cron = defineState({
  name: 'cron',
  summary: 'Keeps jobs and variables in crontabs.',
  examples: `
- name: Take a base backup every night
  cron:
    name: base backup
    user: postgres
    hour: "2"
    minute: "30"
    job: /usr/local/bin/base-backup
`,
  args,
  rules: { mutuallyExclusive: [['insertafter', 'insertbefore']] },
  returns: {
    jobs: 'Names of the jobs that are managed.',
    envs: 'Names of the variables.',
    cron_file: 'The file.',
    backup_file: 'Name of the copy.',
  },
  touches: args => [args.cron_file === undefined ? `crontab:${args.user ?? ''}` : pathOf(args)],

  *probe(args): Steps<Found> {
    checkArguments(args);
    if (args.cron_file === undefined) return yield* readCrontab(args);
    const file = yield* readText(pathOf(args));
    return { text: file.text, file };
  },

  diff(found, args) {
    const { rows, changed } = edited(found, args);
    const base = args.cron_file?.replace(/.*\//, '') ?? 'x';
    const warnings = [
      ...(/^[A-Za-z0-9_-]+$/.test(base)
        ? []
        : [
            `Filename portion of cron_file ("${base}") should consist solely of upper- and lower-case letters, digits, underscores, and hyphens`,
          ]),
      ...(/[\r\n]/.test((args.job ?? '').replace(/^[\r\n]+|[\r\n]+$/g, ''))
        ? ['Job should not contain line breaks']
        : []),
    ];
    const crontabName = `crontab${args.user === undefined ? '' : ` for user "${args.user}"`}`;
    const header = found.file?.file.path ?? crontabName;
    const text = (names: readonly string[]) => names.map(name => Buffer.from(name, 'latin1').toString());
    return {
      changes: changed ? [`${header}: ${args.name}`] : [],
      ...(changed && { diff: [textDiff(found.text, renderLines(rows), header)] }),
      result: {
        jobs: text(jobNames(rows)),
        envs: text(variableNames(rows)),
        ...(args.cron_file !== undefined && { cron_file: args.cron_file }),
        ...(warnings.length > 0 && { warnings }),
      },
    };
  },

  *apply(found, args) {
    const { rows } = edited(found, args);
    const file = found.file?.file;
    if (found.file && file) {
      if (isEmptied(args, rows)) {
        const copy = args.backup
          ? `b=$(mktemp /tmp/crontabXXXXXX) && cp -p ${quote(file.realPath)} "$b" && echo "$b"; `
          : '';
        const reply = yield* sh(`${copy}rm -f ${quote(file.realPath)}`);
        if (reply.rc !== 0) throw new ModuleError(`cannot remove ${file.path}: ${reply.stderr.trim()}`);
        return args.backup ? { backup_file: reply.stdout.trim() } : {};
      }
      const { backup_file } = yield* writeText(found.file, renderLines(rows), {
        backup: args.backup,
        ...(file.status === undefined && { wanted: { mode: '0644' } }),
      });
      return backup_file === undefined ? {} : { backup_file };
    }
    const backup = args.backup
      ? `b=$(mktemp /tmp/crontabXXXXXX) && ${crontab(args)} -l >"$b" 2>/dev/null; echo "$b"\n`
      : '';
    const reply = yield* sh(`${backup}${crontab(args)} -`, {
      stdin: Buffer.from(renderLines(rows), 'latin1'),
    });
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `crontab failed with exit code ${reply.rc}`);
    return args.backup ? { backup_file: reply.stdout.trim() } : {};
  },
});
