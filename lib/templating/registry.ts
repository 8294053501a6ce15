import { nearest } from '../source/suggest.ts';

/** Collections whose filters, tests and lookups are built in here, so their full names equal the short ones. */
const COLLECTIONS: ReadonlySet<string> = new Set([
  'ansible.builtin',
  'ansible.legacy',
  'ansible.netcommon',
  'ansible.utils',
  'ansible.posix',
  'community.general',
]);

/** A name without the collection it is said to come from. */
export function shortName(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 && COLLECTIONS.has(name.slice(0, dot)) ? name.slice(dot + 1) : name;
}

/** Tables joined into one; two entries of one name are a mistake in this program. */
export function registry<T>(tables: readonly Readonly<Record<string, T>>[]): ReadonlyMap<string, T> {
  const all = new Map<string, T>();
  for (const table of tables) {
    for (const [name, entry] of Object.entries(table)) {
      if (all.has(name)) throw new Error(`"${name}" is registered twice`);
      all.set(name, entry);
    }
  }
  return all;
}

/** The registered name that was probably meant. */
export function nearName<T>(entries: ReadonlyMap<string, T>, name: string): string | undefined {
  return nearest(shortName(name), entries.keys());
}
