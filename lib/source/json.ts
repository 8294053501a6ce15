import { randomBytes } from 'node:crypto';

/** JSON as it leaves the program or comes from a host; an integer beyond 2^53 is a bigint. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

/** Begins a text that stands for a large integer; nobody outside can know it. */
const MARK = `integer-${randomBytes(12).toString('hex')}:`;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** JSON.parse, with integers of any size exact: those beyond 2^53 are bigints. Throws SyntaxError. */
export function parseJson(text: string): Json {
  if (!/\d{16}/.test(text)) return JSON.parse(text) as Json;
  const marked = text.replace(TOKEN, token => (isLarge(token) ? `"${MARK}${token}"` : token));
  return JSON.parse(marked, (_key, value) =>
    typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  ) as Json;
}

const isLarge = (token: string): boolean =>
  /^-?[1-9]\d+$/.test(token) && !Number.isSafeInteger(Number(token));

/** JSON.stringify, which throws for bigints: they become integers of all their digits. */
export function jsonText(value: unknown, indent?: number): string {
  try {
    // Without a function for each value it takes a fraction of the time, and large integers are rare.
    return JSON.stringify(value, undefined, indent);
  } catch {
    return withLargeIntegers(value, indent);
  }
}

function withLargeIntegers(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? MARK + item : item), indent);
  return text?.replace(MARKED, '$1');
}

/** Data of a type of its own as JSON; an interface has no index signature, so the compiler can't see that it is. */
export const asJson = (data: object): Json => data as Json;

/** The fields of a JSON object; none of anything else. */
export const fieldsOf = (value: Json | undefined): { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};

/** The items of a JSON list; none of anything else. */
export const itemsOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
