import { partAt } from '../../source/part-at.ts';
import { quote } from '../kit/define.ts';

/** An entry of passwd. */
export interface UserEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
  readonly shell: string;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** What shadow says; undefined for who may not read it. Days count from 1970, -1 means never. */
export interface ShadowEntry {
  readonly hash: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly warning: number;
  readonly expires: number;
}

/**
 * A shell function `entry DATABASE NAME…` that prints the entries of names, from every source the host has (LDAP
 * included); without getent, or when only local accounts count, from the files.
 */
export function entryFunction(localOnly: boolean): string {
  const fromFile = `db=$1; shift; for n in "$@"; do while IFS= read -r l || [ -n "$l" ]; do case $l in "$n":*) printf '%s\\n' "$l"; break;; esac; done <"/etc/$db"; done 2>/dev/null`;
  if (localOnly) return `entry() { ${fromFile}; }`;
  return `if command -v getent >/dev/null 2>&1; then entry() { getent "$@"; }; else entry() { ${fromFile}; }; fi`;
}

export function parseUser(row: string): UserEntry | undefined {
  const fields = row.split(':');
  if (fields.length < 7) return undefined;
  const [name = '', , uid, gid, comment = '', home = '', shell = ''] = fields;
  return { name, uid: Number(uid), gid: Number(gid), comment, home, shell: shell.trim() };
}

export function parseGroups(text: string): GroupEntry[] {
  return text.split('\n').flatMap(row => {
    const [name, , gid, members = ''] = row.split(':');
    return name && gid ? [{ name, gid: Number(gid), members: members.split(',').filter(Boolean) }] : [];
  });
}

export function parseShadow(row: string): ShadowEntry | undefined {
  const fields = row.trim().split(':');
  if (fields.length < 8) return undefined;
  const days = (index: number) => (fields[index] === '' ? -1 : Number(fields[index]));
  return { hash: partAt(fields, 1), minimum: days(3), maximum: days(4), warning: days(5), expires: days(7) };
}

/** A group by name or number. */
export function findGroup(groups: readonly GroupEntry[], wanted: string): GroupEntry | undefined {
  return (
    groups.find(g => /^\d+$/.test(wanted) && g.gid === Number(wanted)) ?? groups.find(g => g.name === wanted)
  );
}

/** Joins words into a command line. */
export const command = (...words: readonly (string | number)[]): string =>
  words.map(w => quote(String(w))).join(' ');

/** A line of a script that ends it with the command's own error when the command fails. */
export const orFail = (line: string): string => `${line} || exit $?`;
