import { partAt } from '../../source/part-at.ts';
import { quote } from '../kit/define.ts';
import type { Records } from '../kit/reply.ts';

export type RpmKind = 'package' | 'group' | 'path' | 'file' | 'pattern' | 'comparison';

/** What a name in a package list means. */
export function kindOf(name: string): RpmKind {
  if (name.startsWith('@')) return 'group';
  if (name.includes('://') || name.endsWith('.rpm')) return 'file';
  if (name.startsWith('/')) return 'path';
  if (/\s(>=|<=|>|<|=)\s/.test(name)) return 'comparison';
  return /[*?[]/.test(name) ? 'pattern' : 'package';
}

/**
 * Writes a record `yes` with its number for each name that is installed. A plain name may also be something a package provides. Groups and URLs
 * are left to dnf, which says when there is nothing to do.
 */
export function queryScript(names: readonly string[], root: string): string {
  const rpm = root === '/' ? 'rpm' : `rpm --root ${quote(root)}`;
  const test = (name: string): string | undefined => {
    const word = quote(name);
    switch (kindOf(name)) {
      case 'package':
        return `{ ${rpm} -q ${word} || ${rpm} -q --whatprovides ${word}; } >/dev/null 2>&1`;
      case 'path':
      case 'comparison':
        return `${rpm} -q --whatprovides ${word} >/dev/null 2>&1`;
      case 'pattern':
        return `[ -n "$(${rpm} -qa ${word})" ]`;
      case 'file':
        return name.includes('://')
          ? undefined
          : `p=$(rpm -qp --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}' ${word} 2>/dev/null) && ${rpm} -q "$p" >/dev/null 2>&1`;
      case 'group':
        return undefined;
    }
  };
  const lines = names.flatMap((name, i) => {
    const command = test(name);
    return command === undefined ? [] : [`${command} && field yes ${i}`];
  });
  return ['command -v rpm >/dev/null 2>&1 || exit 96', ...lines, ':'].join('\n');
}

/** The names that `queryScript` found. */
export const present = (names: readonly string[], found: Records): ReadonlySet<string> =>
  new Set(found.all('yes').flatMap(number => names[Number(number.toString())] ?? []));

interface Transaction {
  readonly nothing: boolean;
  /** Whether dnf showed what it was going to do. */
  readonly summary: boolean;
  readonly results: readonly string[];
}

const HEADINGS =
  /^(Installed|Upgraded|Updated|Removed|Downgraded|Reinstalled|Erased|Dependency Installed|Dependency Updated):\s*$/;

/** What dnf, dnf5 or yum did. */
export function parseTransaction(output: string): Transaction {
  const rows = output.split('\n');
  const results: string[] = [];
  let heading: string | undefined;
  for (const row of rows) {
    const found = HEADINGS.exec(row.trimEnd());
    if (found) heading = partAt(found, 1);
    else if (!/^\s+\S/.test(row)) heading = undefined;
    else if (heading) for (const name of row.trim().split(/\s{2,}/)) results.push(`${heading}: ${name}`);
  }
  return {
    nothing:
      rows.some(row =>
        /^(Nothing to do\.?|No packages marked for (update|removal|distribution synchronization))\s*$/.test(
          row,
        ),
      ) && results.length === 0,
    summary: rows.some(row => /^(Transaction Summary|Operation aborted|Is this ok)/.test(row)),
    results,
  };
}
