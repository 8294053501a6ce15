/**
 * An empty record for keys that a host, a file or an author chose. It inherits nothing, so that no key means anything by
 * itself: in a plain `{}` the keys `constructor` and `__proto__` are there before anybody wrote them.
 */
export function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

/** Puts a value at the end of the list of its key. A copy for each one would take the square of the time. */
export function addTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const known = lists.get(key);
  if (known) known.push(value);
  else lists.set(key, [value]);
}

/** The entry of a fixed table that a foreign word names; never what every object inherits. */
export function entryOf<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}
