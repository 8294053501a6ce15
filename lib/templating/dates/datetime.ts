import type { Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { makeFloat } from '../python/numbers.ts';
import { Callable, PyObject } from '../python/objects.ts';
import { str } from '../python/print.ts';
import { strftime } from './strftime.ts';

/** Python's timedelta. */
export class TimeDelta extends PyObject {
  override readonly typeName = 'timedelta';
  readonly microseconds: number;
  constructor(microseconds: number) {
    super();
    this.microseconds = microseconds;
  }

  override attribute(name: string): Value | undefined {
    const days = Math.floor(this.microseconds / 86_400e6);
    switch (name) {
      case 'days':
        return days;
      case 'seconds':
        return Math.floor((this.microseconds - days * 86_400e6) / 1e6);
      case 'microseconds':
        return ((this.microseconds % 1e6) + 1e6) % 1e6;
      case 'total_seconds':
        return new Callable(name, () => makeFloat(this.microseconds / 1e6));
      default:
        return undefined;
    }
  }

  override truthy(): boolean {
    return this.microseconds !== 0;
  }

  override equals(other: Value): boolean {
    return other instanceof TimeDelta && other.microseconds === this.microseconds;
  }

  override order(other: Value): number | undefined {
    return other instanceof TimeDelta ? this.microseconds - other.microseconds : undefined;
  }

  override add(other: Value): Value | undefined {
    if (other instanceof DateTime) return other.shift(this.microseconds);
    return other instanceof TimeDelta ? new TimeDelta(this.microseconds + other.microseconds) : undefined;
  }

  override subtract(other: Value): Value | undefined {
    return other instanceof TimeDelta ? new TimeDelta(this.microseconds - other.microseconds) : undefined;
  }

  override toString(): string {
    const days = Math.floor(this.microseconds / 86_400e6);
    const rest = this.microseconds - days * 86_400e6;
    const seconds = Math.floor(rest / 1e6);
    const micro = rest - seconds * 1e6;
    const [minute, second] = [Math.floor(seconds / 60) % 60, seconds % 60].map(n =>
      String(n).padStart(2, '0'),
    );
    const clock = `${Math.floor(seconds / 3600)}:${minute}:${second}`;
    const fraction = micro > 0 ? `.${String(micro).padStart(6, '0')}` : '';
    return `${days === 0 ? '' : `${days} day${Math.abs(days) === 1 ? '' : 's'}, `}${clock}${fraction}`;
  }
}

/** Python's datetime: the clock's fields as milliseconds of a UTC date, and the zone's offset if known. */
export class DateTime extends PyObject {
  override readonly typeName = 'datetime';
  readonly clock: number;
  readonly micro: number;
  readonly offsetMinutes: number | undefined;

  constructor(clock: number, micro = 0, offsetMinutes?: number) {
    super();
    this.clock = clock;
    this.micro = micro;
    this.offsetMinutes = offsetMinutes;
  }

  static now(utc: boolean): DateTime {
    return DateTime.at(Date.now() / 1000, utc);
  }

  /** The moment `seconds` after the epoch, on this machine's clock or on UTC's, without a zone. */
  static at(seconds: number, utc: boolean): DateTime {
    const milliseconds = Math.floor(seconds * 1000);
    if (!(Math.abs(milliseconds) < 8.64e15)) throw fault(`${seconds} is not a valid time`);
    const micro = Math.floor((seconds * 1000 - milliseconds) * 1000);
    const shift = utc ? 0 : -new Date(milliseconds).getTimezoneOffset() * 60_000;
    return new DateTime(milliseconds + shift, micro);
  }

  private get date(): Date {
    return new Date(this.clock);
  }

  /** Seconds after the epoch. */
  get timestamp(): number {
    const { date } = this;
    if (this.offsetMinutes !== undefined) return (this.clock - this.offsetMinutes * 60_000) / 1000;
    const local = new Date(
      date.getUTCFullYear(),
      date.getUTCMonth(),
      date.getUTCDate(),
      date.getUTCHours(),
      date.getUTCMinutes(),
      date.getUTCSeconds(),
      date.getUTCMilliseconds(),
    );
    return local.getTime() / 1000;
  }

  shift(microseconds: number): DateTime {
    const total = this.micro + microseconds;
    const milliseconds = Math.floor(total / 1000);
    return new DateTime(this.clock + milliseconds, total - milliseconds * 1000, this.offsetMinutes);
  }

  format(pattern: string): string {
    return strftime(pattern, { clock: this.clock, micro: this.micro, offsetMinutes: this.offsetMinutes });
  }

  iso(separator: string): string {
    const micros = (this.clock % 1000) * 1000 + this.micro;
    const pattern = `%Y-%m-%d${separator.replaceAll('%', '%%')}%H:%M:%S${micros > 0 ? '.%f' : ''}`;
    const zone = this.offsetMinutes === undefined ? '' : this.format('%z').replace(/(\d\d)$/, ':$1');
    return this.format(pattern) + zone;
  }

  override attribute(name: string): Value | undefined {
    const { date } = this;
    switch (name) {
      case 'year':
        return date.getUTCFullYear();
      case 'month':
        return date.getUTCMonth() + 1;
      case 'day':
        return date.getUTCDate();
      case 'hour':
        return date.getUTCHours();
      case 'minute':
        return date.getUTCMinutes();
      case 'second':
        return date.getUTCSeconds();
      case 'microsecond':
        return date.getUTCMilliseconds() * 1000 + this.micro;
      default:
        return this.method(name);
    }
  }

  private method(name: string): Value | undefined {
    switch (name) {
      case 'strftime':
        return new Callable(name, args => this.format(str(args[0] ?? '')));
      case 'isoformat':
        return new Callable(name, args => this.iso(str(args[0] ?? 'T')));
      case 'timestamp':
        return new Callable(name, () => makeFloat(this.timestamp));
      case 'weekday':
        return new Callable(name, () => (this.date.getUTCDay() + 6) % 7);
      case 'isoweekday':
        return new Callable(name, () => this.date.getUTCDay() || 7);
      case 'date':
        return new Callable(name, () => this.format('%Y-%m-%d'));
      case 'time':
        return new Callable(name, () => this.format('%H:%M:%S'));
      default:
        return undefined;
    }
  }

  private get moment(): number {
    return (this.clock - (this.offsetMinutes ?? 0) * 60_000) * 1000 + this.micro;
  }

  override equals(other: Value): boolean {
    return other instanceof DateTime && other.moment === this.moment;
  }

  override order(other: Value): number | undefined {
    if (!(other instanceof DateTime)) return undefined;
    if ((this.offsetMinutes === undefined) !== (other.offsetMinutes === undefined)) {
      throw fault('a time with a zone can not be compared with one without');
    }
    return this.moment - other.moment;
  }

  override add(other: Value): Value | undefined {
    return other instanceof TimeDelta ? this.shift(other.microseconds) : undefined;
  }

  override subtract(other: Value): Value | undefined {
    if (other instanceof TimeDelta) return this.shift(-other.microseconds);
    if (!(other instanceof DateTime)) return undefined;
    if ((this.offsetMinutes === undefined) !== (other.offsetMinutes === undefined)) {
      throw fault('a time with a zone can not be subtracted from one without');
    }
    return new TimeDelta(this.moment - other.moment);
  }

  override toString(): string {
    return this.iso(' ');
  }
}
