import type { Value } from '../../source/value.ts';
import { DateTime } from '../dates/datetime.ts';
import { strftime } from '../dates/strftime.ts';
import { strptime } from '../dates/strptime.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { asNumber, makeFloat, parseFloatText } from '../python/numbers.ts';
import { str } from '../python/print.ts';
import { type FilterTable, filter } from './filter.ts';

function seconds(value: Value | undefined): number {
  if (value === undefined || value === null) return Date.now() / 1000;
  const number = typeof value === 'string' ? parseFloatText(value) : asNumber(value);
  if (number === undefined) throw fault(`Invalid value for epoch value (${str(value)})`);
  return number;
}

function zoneName(moment: number): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(moment * 1000);
  return parts.find(part => part.type === 'timeZoneName')?.value ?? '';
}

function formatTime(pattern: string, moment: number, utc: boolean): string {
  const time = DateTime.at(moment, utc);
  const offsetMinutes = utc ? 0 : -new Date(moment * 1000).getTimezoneOffset();
  return strftime(pattern, {
    clock: time.clock,
    micro: 0,
    offsetMinutes,
    zone: utc ? 'GMT' : zoneName(moment),
  });
}

/** Milliseconds in each unit that a duration such as `1h 30min` may use. */
const UNITS: ReadonlyMap<string, number> = new Map(
  (
    [
      [1, 'ms', 'millisecond', 'milliseconds', 'msec', 'msecs'],
      [1000, 's', 'sec', 'secs', 'second', 'seconds'],
      [60_000, 'm', 'min', 'mins', 'minute', 'minutes'],
      [3_600_000, 'h', 'hour', 'hours'],
      [86_400_000, 'd', 'day', 'days'],
      [604_800_000, 'w', 'week', 'weeks'],
      [2_592_000_000, 'mo', 'month', 'months'],
      [31_536_000_000, 'y', 'year', 'years'],
    ] as const
  ).flatMap(([size, ...names]) => names.map(name => [name, size] as const)),
);

function duration(text: string, unit: string): number {
  const size = UNITS.get(unit);
  if (size === undefined) throw fault(`the unit "${unit}" is not known`);
  let total = 0;
  for (const part of text.trim().split(/\s+/)) {
    const match = /^(-?\d+(?:\.\d+)?)([a-zA-Z]+)$/.exec(part);
    const partSize = UNITS.get(match?.[2]?.toLowerCase() ?? '');
    if (!match || partSize === undefined)
      throw fault(`"${part}" is not a duration`, 'write such as 1h 30min');
    total += Number(match[1]) * partSize;
  }
  return total / size;
}

function durationFilter(unit: string) {
  return filter(['*settings', '**named'], value => makeFloat(duration(str(value), unit)));
}

export const dateFilters: FilterTable = {
  strftime: filter(['second?', 'utc?'], (value, [second, utc = false]) => {
    return formatTime(str(value), seconds(second), truthy(utc));
  }),
  to_datetime: filter(['format?'], (value, [format = '%Y-%m-%d %H:%M:%S']) =>
    strptime(str(value), str(format)),
  ),
  to_time_unit: filter(['unit?', '**named'], (value, [unit = 'ms']) =>
    makeFloat(duration(str(value), str(unit))),
  ),
  to_milliseconds: durationFilter('ms'),
  to_seconds: durationFilter('s'),
  to_minutes: durationFilter('m'),
  to_hours: durationFilter('h'),
  to_days: durationFilter('d'),
  to_weeks: durationFilter('w'),
  to_months: durationFilter('mo'),
  to_years: durationFilter('y'),
};
