import { randomBytes } from 'node:crypto';

/** JSON as it leaves the program or comes from a host; an integer beyond 2^53 is a bigint, 1.0 a Float. */
export type Json = null | boolean | number | bigint | string | Float | Json[] | { [key: string]: Json };

/** Begins a text that stands for a number that JavaScript has no number for; nobody outside can know it. */
const MARK = `number-${randomBytes(12).toString('hex')}:`;
const MARKED = new RegExp(`"${MARK}([^"]+)"`, 'g');
/** What a text has that holds such a number. */
const SPECIAL = /\d{16}|(?:^|[[,:\s])-?\d+(?:\.0+(?!\d)|(?:\.\d+)?[eE])/;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** A float whose value is integral, inf or nan: prints as `1.0`, compares equal to 1. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
  valueOf(): number {
    return this.value;
  }
  /** JSON has neither inf nor nan. */
  toJSON(): string | null {
    const { value } = this;
    if (!Number.isFinite(value)) return null;
    return MARK + (Math.abs(value) < 1e16 ? value.toFixed(1) : value.toExponential());
  }
}

/** JSON.parse, with integers of any size exact: those beyond 2^53 are bigints. 1.0 stays a float. Throws SyntaxError. */
export function parseJson(text: string): Json {
  if (!SPECIAL.test(text)) return JSON.parse(text) as Json;
  const marked = text.replace(TOKEN, token => (exact(token) === undefined ? token : `"${MARK}${token}"`));
  return JSON.parse(marked, (_key, value) =>
    typeof value === 'string' && value.startsWith(MARK) ? exact(value.slice(MARK.length)) : value,
  ) as Json;
}

/** What a number is that JSON.parse would not give as it is written. */
function exact(token: string): bigint | Float | undefined {
  const number = token.startsWith('"') ? Number.NaN : Number(token);
  if (!Number.isInteger(number)) return undefined;
  if (/[.eE]/.test(token)) return new Float(number);
  return Number.isSafeInteger(number) || /^-?0./.test(token) ? undefined : BigInt(token);
}

/** JSON.stringify, which throws for bigints: they become integers of all their digits. 1.0 is written so. */
export function jsonText(value: unknown, indent?: number): string {
  const text = withMarks(value, indent);
  return text?.includes(MARK) ? text.replace(MARKED, '$1') : text;
}

function withMarks(value: unknown, indent: number | undefined): string {
  try {
    // Without a function for each value it takes a fraction of the time, and large integers are rare.
    return JSON.stringify(value, undefined, indent);
  } catch {
    return JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? MARK + item : item), indent);
  }
}

/** Data of a type of its own as JSON; an interface has no index signature, so the compiler can't see that it is. */
export const asJson = (data: object): Json => data as Json;

export const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Float);

/** The fields of a JSON object; none of anything else. */
export const fieldsOf = (value: Json | undefined): { readonly [key: string]: Json } =>
  isObject(value) ? value : {};

/** The items of a JSON list; none of anything else. */
export const itemsOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
