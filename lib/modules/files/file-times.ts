import { ModuleError, quote } from '../kit/define.ts';
import { epoch } from './stat.ts';

/** What an author wants of one time of a file: leave it, set it to now, or to a moment (host's local time). */
export type WantedTime = 'preserve' | 'now' | Moment;

/** Local time of the host: `text` as `touch -t` takes it, `clock` as stat prints it. */
export interface Moment {
  readonly text: string;
  readonly clock: string;
}

export interface WantedTimes {
  readonly access: WantedTime;
  readonly modification: WantedTime;
}

/** How stat prints both times; asked for only when a moment is wanted. */
export const TIMES_FORMAT = '%x|%y';

const FIELDS: Readonly<Record<string, string>> = {
  Y: '(?<Y>\\d{4})',
  y: '(?<y>\\d\\d)',
  m: '(?<m>\\d{1,2})',
  d: '(?<d>\\d{1,2})',
  H: '(?<H>\\d{1,2})',
  M: '(?<M>\\d{1,2})',
  S: '(?<S>\\d{1,2})',
};

/** Reads a time argument by its strptime format. */
export function wantedTime(
  text: string | undefined,
  format: string,
  fallback: 'preserve' | 'now',
): WantedTime {
  if (text === undefined) return fallback;
  if (text === 'preserve' || text === 'now') return text;
  const pattern = format.replace(
    /%(.)|([.*+?^${}()|[\]\\])/g,
    (all, letter: string | undefined, special: string) =>
      letter === undefined
        ? `\\${special}`
        : letter === '%'
          ? '%'
          : (FIELDS[letter] ?? unknownLetter(all, text, format)),
  );
  const groups = new RegExp(`^${pattern}$`).exec(text)?.groups;
  if (!groups) throw badTime(text, format, `time data '${text}' does not match format '${format}'`);
  const year =
    groups.Y ?? (groups.y === undefined ? '1900' : `${Number(groups.y) < 69 ? 20 : 19}${groups.y}`);
  const [month, day] = [two(groups.m ?? '1'), two(groups.d ?? '1')];
  const [hour, minute, second] = [two(groups.H ?? '0'), two(groups.M ?? '0'), two(groups.S ?? '0')];
  return {
    text: `${year}${month}${day}${hour}${minute}.${second}`,
    clock: `${year}-${month}-${day} ${hour}:${minute}:${second}`,
  };
}

const two = (text: string) => text.padStart(2, '0');

function unknownLetter(letter: string, text: string, format: string): never {
  throw badTime(text, format, `${letter} is not known here`);
}

const badTime = (text: string, format: string, why: string) =>
  new ModuleError(`Error while obtaining timestamp for time ${text} using format ${format}: ${why}`);

/** Which times have to be set, given what stat printed (nothing for a new file, whose times are now anyway). */
export function timeChanges(wanted: WantedTimes, printed: string | undefined): WantedTimes {
  const [access = '', modification = ''] = (printed ?? '|').split('|');
  return {
    access: unlessSame(wanted.access, access),
    modification: unlessSame(wanted.modification, modification),
  };
}

function unlessSame(wanted: WantedTime, printed: string): WantedTime {
  if (typeof wanted === 'string') return wanted;
  const [day, clock = ''] = printed.split(' ');
  const same = `${day} ${clock.replace(/\.0+$/, '')}` === wanted.clock;
  return same ? 'preserve' : wanted;
}

/** Whether anything is to be set. */
export const isTimeChange = (times: WantedTimes): boolean =>
  times.access !== 'preserve' || times.modification !== 'preserve';

/** Shell commands that set the times of an entry. */
export function timeCommands({ access, modification }: WantedTimes): string {
  const touch = (flags: string, time: WantedTime) =>
    `e=$(touch -c $h ${flags}${typeof time === 'string' ? '' : ` -t ${quote(time.text)}`} "$f" 2>&1) || fail "Error while updating modification or access time: $e"\n`;
  if (access === 'now' && modification === 'now') return touch('', 'now');
  return [
    ...(access === 'preserve' ? [] : [touch('-a', access)]),
    ...(modification === 'preserve' ? [] : [touch('-m', modification)]),
  ].join('');
}

/** Times for a diff: `now` stands for itself, since it has no value yet. */
export function timeDiff(times: WantedTimes, printed: string | undefined) {
  const [access = '', modification = ''] = (printed ?? '').split('|');
  const before: Record<string, string | number> = {};
  const after: Record<string, string | number> = {};
  const note = (name: string, time: WantedTime, now: string | undefined) => {
    if (time === 'preserve') return;
    before[name] = now ? epoch(now) : 'unknown';
    after[name] = typeof time === 'string' ? time : time.clock;
  };
  note('atime', times.access, access);
  note('mtime', times.modification, modification);
  return { before, after };
}
