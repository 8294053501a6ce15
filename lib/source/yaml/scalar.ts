import { Float, type Value } from '../value.ts';

const BOOL = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;
const INT =
  /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const TIME =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?$/;

/** What YAML 1.1 takes an unquoted word for, by the rules PyYAML follows: `0644` is 420, `yes` is true, `1e3` is text. */
export function resolvePlain(text: string): Value {
  if (NULL.test(text)) return null;
  return toBool(text) ?? toInt(text) ?? toFloat(text) ?? toTimestamp(text) ?? text;
}

/** The boolean a YAML 1.1 word stands for, or undefined for another word. */
export function toBool(text: string): boolean | undefined {
  if (!BOOL.test(text)) return undefined;
  return /^(?:yes|true|on)$/i.test(text);
}

/** The integer a YAML 1.1 word stands for: decimal, octal (0644), hexadecimal, binary or base 60 (1:30). */
export function toInt(text: string): number | bigint | undefined {
  if (!INT.test(text)) return undefined;
  const negative = text.startsWith('-');
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '');
  const size = unsigned(digits);
  if (size === undefined) return undefined;
  const value = negative ? -size : size;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function unsigned(digits: string): bigint | undefined {
  if (/^0[bx]$/.test(digits)) return undefined;
  if (/^0[bx]/.test(digits)) return BigInt(digits);
  if (digits.includes(':')) return digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  return BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
}

/** The float a YAML 1.1 word stands for. It needs a dot, and a sign in its exponent. */
export function toFloat(text: string): number | Float | undefined {
  if (!FLOAT.test(text)) return undefined;
  const plain = text.replaceAll('_', '').toLowerCase();
  const sign = plain.startsWith('-') ? -1 : 1;
  const digits = plain.replace(/^[-+]/, '');
  if (digits === '.inf') return new Float(sign * Number.POSITIVE_INFINITY);
  if (digits === '.nan') return new Float(Number.NaN);
  const size = digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return floatValue(sign * size);
}

/** A float as the value model wants it: integral ones wrapped, since 1.0 is not 1. */
export function floatValue(size: number): number | Float {
  return Number.isInteger(size) || !Number.isFinite(size) ? new Float(size) : size;
}

/** A point in time stays text, in the one form Python prints: `2001-12-14 21:59:43.100000+00:00`. */
function toTimestamp(text: string): string | undefined {
  const match = TIME.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone, sign, zoneHour, zoneMinute] = match;
  const two = (part: string | undefined) => (part ?? '').padStart(2, '0');
  const micros = fraction ? `.${fraction.slice(0, 6).padEnd(6, '0')}` : '';
  const offset =
    zone === undefined ? '' : zone === 'Z' ? '+00:00' : `${sign}${two(zoneHour)}:${two(zoneMinute ?? '0')}`;
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${minute}:${second}${micros === '.000000' ? '' : micros}${offset}`;
}
