import { fault } from '../fault.ts';
import { reprFloat } from './print.ts';

/** Digits of an integer in a base, without its sign. */
export function integerDigits(value: bigint, type: string): string {
  const size = value < 0n ? -value : value;
  switch (type) {
    case 'x':
      return size.toString(16);
    case 'X':
      return size.toString(16).toUpperCase();
    case 'o':
      return size.toString(8);
    case 'b':
      return size.toString(2);
    default:
      return size.toString();
  }
}

/** Digits of a float in the notation e, f, g or %, without its sign. */
export function floatDigits(
  value: number,
  type: string,
  precision: number | undefined,
  alternate = false,
): string {
  const size = Math.abs(value);
  const isUpper = type === type.toUpperCase() && type !== '%' && type !== '';
  const text = Number.isFinite(size)
    ? finiteDigits(size, type.toLowerCase(), precision, alternate)
    : Number.isNaN(size)
      ? 'nan'
      : 'inf';
  const suffix = type === '%' && !Number.isFinite(size) ? '%' : '';
  return (isUpper ? text.toUpperCase() : text) + suffix;
}

function finiteDigits(size: number, type: string, precision: number | undefined, alternate: boolean): string {
  switch (type) {
    case 'f':
      return fixed(size, precision ?? 6);
    case 'e':
      return pythonExponent(size.toExponential(Math.min(precision ?? 6, 100)));
    case '%':
      return `${fixed(size * 100, precision ?? 6)}%`;
    case 'g':
    case 'n':
      return general(size, precision ?? 6, alternate);
    case '':
      return precision === undefined ? reprFloat(size) : generalFloat(size, precision);
    default:
      throw fault(`unknown format "${type}" for a number`);
  }
}

/** Exact decimal rounding (half to even on the true binary value), beyond the range of toFixed too. */
export function fixed(size: number, precision: number): string {
  if (precision > 100) throw fault('at most 100 decimals are supported');
  if (size < 1e21) return roundTie(size, precision) ?? size.toFixed(precision);
  const integer = BigInt(size).toString();
  return precision > 0 ? `${integer}.${'0'.repeat(precision)}` : integer;
}

/** A value exactly half way goes to the even neighbour, where JavaScript goes up. */
function roundTie(size: number, precision: number): string | undefined {
  const exact = size.toFixed(Math.min(100, precision + 30));
  const cut = exact.length - Math.min(100, precision + 30) + precision;
  if (!/^5?0*$/.test(exact.slice(cut).replace('.', '')) || !exact.slice(cut).includes('5')) return undefined;
  const kept = exact.slice(0, cut).replace(/\.$/, '');
  return Number(kept.at(-1)) % 2 === 0 ? kept : undefined;
}

function pythonExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function general(size: number, wanted: number, alternate: boolean): string {
  const precision = Math.min(Math.max(wanted, 1), 100);
  const exponent = size === 0 ? 0 : Number(size.toExponential(precision - 1).split('e')[1]);
  if (exponent < -4 || exponent >= precision) {
    const [mantissa = '', power = ''] = pythonExponent(size.toExponential(precision - 1)).split('e');
    return `${alternate ? mantissa : trimZeros(mantissa)}e${power}`;
  }
  const text = fixed(size, precision - 1 - exponent);
  return alternate ? text : trimZeros(text);
}

function generalFloat(size: number, precision: number): string {
  const text = general(size, precision, false);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Puts a separator between groups of digits of the integer part. */
export function groupDigits(digits: string, separator: string, size = 3): string {
  const match = /^([\da-fA-F]+)(.*)$/s.exec(digits);
  if (!match) return digits;
  const grouped = (match[1] as string).replace(new RegExp(`\\B(?=([\\da-fA-F]{${size}})+$)`, 'g'), separator);
  return grouped + match[2];
}
