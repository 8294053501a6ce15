import { DAYS, MONTHS } from './names.ts';

/** A time as its clock shows it, as milliseconds of a UTC date. */
export interface Clock {
  readonly clock: number;
  readonly micro: number;
  readonly offsetMinutes: number | undefined;
  readonly zone?: string;
}

/** Python's strftime in the C locale. Unknown directives stay as written. */
export function strftime(pattern: string, time: Clock): string {
  return pattern.replace(/%([-_0^#]?)([EO]?[a-zA-Z%])/g, (whole, flag: string, directive: string) => {
    const text = expand(directive.slice(-1), time);
    if (text === undefined) return whole;
    if (flag === '-') return text.replace(/^0+(?=\d)/, '').trimStart();
    if (flag === '_') return text.replace(/^0+(?=\d)/, zeros => ' '.repeat(zeros.length));
    return flag === '^' ? text.toUpperCase() : text;
  });
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

function expand(directive: string, time: Clock): string | undefined {
  const date = new Date(time.clock);
  const again = (pattern: string) => strftime(pattern, time);
  const hour = date.getUTCHours();
  switch (directive) {
    case 'Y':
      return String(date.getUTCFullYear());
    case 'y':
      return pad(date.getUTCFullYear() % 100);
    case 'C':
      return pad(Math.floor(date.getUTCFullYear() / 100));
    case 'm':
      return pad(date.getUTCMonth() + 1);
    case 'd':
      return pad(date.getUTCDate());
    case 'e':
      return String(date.getUTCDate()).padStart(2);
    case 'H':
      return pad(hour);
    case 'k':
      return String(hour).padStart(2);
    case 'I':
      return pad(hour % 12 || 12);
    case 'l':
      return String(hour % 12 || 12).padStart(2);
    case 'M':
      return pad(date.getUTCMinutes());
    case 'S':
      return pad(date.getUTCSeconds());
    case 'f':
      return pad(date.getUTCMilliseconds() * 1000 + time.micro, 6);
    case 'p':
      return hour < 12 ? 'AM' : 'PM';
    case 'P':
      return hour < 12 ? 'am' : 'pm';
    case 'A':
      return DAYS[date.getUTCDay()];
    case 'a':
      return DAYS[date.getUTCDay()]?.slice(0, 3);
    case 'B':
      return MONTHS[date.getUTCMonth()];
    case 'b':
    case 'h':
      return MONTHS[date.getUTCMonth()]?.slice(0, 3);
    case 'F':
      return again('%Y-%m-%d');
    case 'T':
    case 'X':
      return again('%H:%M:%S');
    case 'D':
    case 'x':
      return again('%m/%d/%y');
    case 'R':
      return again('%H:%M');
    case 'r':
      return again('%I:%M:%S %p');
    case 'c':
      return again('%a %b %e %H:%M:%S %Y');
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '%':
      return '%';
    default:
      return expandRest(directive, date, time);
  }
}

function expandRest(directive: string, date: Date, time: Clock): string | undefined {
  const yearDay = dayOfYear(date);
  const weekday = date.getUTCDay();
  switch (directive) {
    case 'j':
      return pad(yearDay + 1, 3);
    case 'w':
      return String(weekday);
    case 'u':
      return String(weekday || 7);
    case 'U':
      return pad(Math.floor((yearDay + 7 - weekday) / 7));
    case 'W':
      return pad(Math.floor((yearDay + 7 - ((weekday + 6) % 7)) / 7));
    case 'V':
      return pad(isoWeek(date).week);
    case 'G':
      return String(isoWeek(date).year);
    case 'g':
      return pad(isoWeek(date).year % 100);
    case 's':
      return String(Math.floor((time.clock - (time.offsetMinutes ?? 0) * 60_000) / 1000));
    case 'z':
      return time.offsetMinutes === undefined ? '' : offset(time.offsetMinutes);
    case 'Z':
      return time.zone ?? (time.offsetMinutes === 0 ? 'UTC' : '');
    default:
      return undefined;
  }
}

function offset(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000);
}

function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * 86_400_000);
  return { year: thursday.getUTCFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}
