import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';
import { type CronWish, cronLines, editCrontab, jobNames, renderLines, variableNames } from './crontab.ts';

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

const pathOf = (a: Args) => (a.cron_file?.startsWith('/') ? a.cron_file : `/etc/cron.d/${a.cron_file}`);

function checkArguments(a: Args): void {
  const fields = [a.minute, a.hour, a.day, a.month, a.weekday];
  if (a.cron_file === '/etc/crontab')
    throw new ModuleError('Will not manage /etc/crontab via cron_file, see documentation.');
  if (a.special_time !== undefined && fields.some(f => f !== '*'))
    throw new ModuleError('You must specify time and date fields or special time.');
  if (a.state === 'absent') return;
  if (a.cron_file !== undefined && a.user === undefined)
    throw new ModuleError('To use cron_file=... parameter you must specify user=... as well');
  if (a.job === undefined)
    throw new ModuleError("You must specify 'job' to install a new cron job or variable");
  if ((a.insertafter ?? a.insertbefore) !== undefined && !a.env)
    throw new ModuleError('Insertafter and insertbefore parameters are valid only with env=yes');
}

function wishOf(a: Args): CronWish {
  const time =
    a.special_time === undefined
      ? [a.minute, a.hour, a.day, a.month, a.weekday].join(' ')
      : `@${a.special_time}`;
  const bytes = (text: string | undefined) => (text === undefined ? undefined : toBytes(text));
  return {
    name: toBytes(a.name),
    state: a.state,
    job: bytes(a.job),
    disabled: a.disabled,
    env: a.env,
    schedule: toBytes(a.cron_file === undefined ? time : `${time} ${a.user}`),
    insertafter: bytes(a.insertafter),
    insertbefore: bytes(a.insertbefore),
  };
}

/** Lines after the change, and whether they differ. */
function edited(found: Found, a: Args): { readonly rows: readonly string[]; readonly changed: boolean } {
  const before = cronLines(found.text ?? '');
  const rows = editCrontab(before, wishOf(a));
  // cron ignores a last line without its end.
  const open = found.text !== undefined && found.text !== '' && !/[\r\n]$/.test(found.text);
  return { rows, changed: open || renderLines(rows) !== renderLines(before) };
}

/** A file of /etc/cron.d that has nothing left in it goes. */
const isEmptied = (a: Args, rows: readonly string[]) =>
  a.cron_file !== undefined && a.state === 'absent' && !a.env && rows.every(row => row.trim() === '');

const crontab = (a: Args) => {
  const user =
    a.user === undefined ? '' : ` $([ "$(id -un)" = ${quote(a.user)} ] || echo -u ${quote(a.user)})`;
  return `crontab${user}`;
};

function* readCrontab(a: Args): Steps<Found> {
  const script = `command -v crontab >/dev/null 2>&1 || exit 96
t=$(mktemp) && trap 'rm -f "$t"' 0; e=$(${crontab(a)} -l 2>&1 >"$t"); rc=$?
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
  args,
  rules: { mutuallyExclusive: [['insertafter', 'insertbefore']] },
  returns: {
    jobs: 'Names of the jobs that are managed.',
    envs: 'Names of the variables.',
    cron_file: 'The file.',
    backup_file: 'Name of the copy.',
  },
  touches: a => [a.cron_file === undefined ? `crontab:${a.user ?? ''}` : pathOf(a)],

  *probe(a): Steps<Found> {
    checkArguments(a);
    if (a.cron_file === undefined) return yield* readCrontab(a);
    const file = yield* readText(pathOf(a));
    return { text: file.text, file };
  },

  diff(found, a) {
    const { rows, changed } = edited(found, a);
    const base = a.cron_file?.replace(/.*\//, '') ?? 'x';
    const warnings = [
      ...(/^[A-Za-z0-9_-]+$/.test(base)
        ? []
        : [
            `Filename portion of cron_file ("${base}") should consist solely of upper- and lower-case letters, digits, underscores, and hyphens`,
          ]),
      ...(/[\r\n]/.test((a.job ?? '').replace(/^[\r\n]+|[\r\n]+$/g, ''))
        ? ['Job should not contain line breaks']
        : []),
    ];
    const crontabName = `crontab${a.user === undefined ? '' : ` for user "${a.user}"`}`;
    const header = found.file?.file.path ?? crontabName;
    const text = (names: readonly string[]) => names.map(name => Buffer.from(name, 'latin1').toString());
    return {
      changes: changed ? [`${header}: ${a.name}`] : [],
      ...(changed && { diff: [textDiff(found.text, renderLines(rows), header)] }),
      result: {
        jobs: text(jobNames(rows)),
        envs: text(variableNames(rows)),
        ...(a.cron_file !== undefined && { cron_file: a.cron_file }),
        ...(warnings.length > 0 && { warnings }),
      },
    };
  },

  *apply(found, a) {
    const { rows } = edited(found, a);
    const file = found.file?.file;
    if (found.file && file) {
      if (isEmptied(a, rows)) {
        const copy = a.backup
          ? `b=$(mktemp /tmp/crontabXXXXXX) && cp -p ${quote(file.realPath)} "$b" && echo "$b"; `
          : '';
        const reply = yield* sh(`${copy}rm -f ${quote(file.realPath)}`);
        if (reply.rc !== 0) throw new ModuleError(`cannot remove ${file.path}: ${reply.stderr.trim()}`);
        return a.backup ? { backup_file: reply.stdout.trim() } : {};
      }
      const { backup_file } = yield* writeText(found.file, renderLines(rows), {
        backup: a.backup,
        ...(file.status === undefined && { wanted: { mode: '0644' } }),
      });
      return backup_file === undefined ? {} : { backup_file };
    }
    const backup = a.backup
      ? `b=$(mktemp /tmp/crontabXXXXXX) && ${crontab(a)} -l >"$b" 2>/dev/null; echo "$b"\n`
      : '';
    const reply = yield* sh(`${backup}${crontab(a)} -`, { stdin: Buffer.from(renderLines(rows), 'latin1') });
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `crontab failed with exit code ${reply.rc}`);
    return a.backup ? { backup_file: reply.stdout.trim() } : {};
  },
});
