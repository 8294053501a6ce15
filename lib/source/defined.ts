/** The value, where something else has made sure that there is one; `why` says what, and is the message if it is wrong. */
export function defined<T>(value: T | undefined | null, why: string): T {
  if (value === undefined || value === null) throw new Error(`no value, although ${why}`);
  return value;
}
