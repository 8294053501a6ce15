import { isObject } from '../../../source/json.ts';
import { partAt } from '../../../source/part-at.ts';
import type { Json } from '../../../source/value.ts';
import { ModuleError } from '../../kit/define.ts';

/** Object (`*.*`, `` `db`.* ``, `` FUNCTION `db`.`f` ``) → privileges in capitals; GRANT stands for the grant option. */
export type Privileges = ReadonlyMap<string, readonly string[]>;

/** Divides at commas outside brackets: a text of the server is read once. */
const pieces = (text: string) =>
  [...text.matchAll(/(?:\([^()]*\)|[^,])+/g)].map(([part]) => part.trim()).filter(Boolean);

/** One spelling for a privilege: ALL, and columns in order. */
function normal(privilege: string, exact = false): string {
  const columns = /^(\w(?:[\w ]*\w)?)\s*\((.*)\)$/.exec(privilege);
  if (columns) {
    const names = partAt(columns, 2)
      .split(',')
      .map(name => name.trim().replaceAll('`', ''));
    return `${partAt(columns, 1).toUpperCase()} (${(exact ? names : names.map(n => n.toUpperCase())).sort().join(', ')})`;
  }
  const name = privilege.toUpperCase();
  return name === 'ALL PRIVILEGES' ? 'ALL' : name;
}

const quoteSide = (side: string) => {
  const bare = side.trim().replace(/^`|`$/g, '');
  return bare === '*' ? '*' : `\`${bare.replaceAll('`', '')}\``;
};

function objectName(text: string): string {
  const routine = /^(FUNCTION|PROCEDURE) /.exec(text);
  const name = routine ? text.slice(routine[0].length) : text;
  const dot = name.lastIndexOf('.');
  const sides = dot < 0 ? [name] : [name.slice(0, dot), name.slice(dot + 1)];
  return (routine?.[0] ?? '') + sides.map(quoteSide).join('.');
}

/** What an author wrote: `db.*:SELECT/other.*:ALL`, or a mapping of object to privileges. */
export function unpackPrivileges(priv: Json, ensureUsage: boolean, exact = false): Privileges {
  const items: [string, string][] =
    typeof priv === 'string'
      ? priv
          .trim()
          .split('/')
          .map(item => {
            const at = item.trim().lastIndexOf(':');
            if (at < 0) throw new ModuleError(`priv: "${item}" is not OBJECT:PRIVILEGES`);
            return [item.trim().slice(0, at), item.trim().slice(at + 1)];
          })
      : isObject(priv)
        ? Object.entries(priv).map(([object, names]) => [object, String(names)])
        : [];
  if (items.length === 0) throw new ModuleError('priv parameter must be str or dict');
  const found = new Map(
    items.map(([object, names]) => [objectName(object), pieces(names).map(name => normal(name, exact))]),
  );
  for (const name of [...found.values()].flat())
    if (!/^[A-Z_]+( [A-Z_]+)*( \([\w$, ]+\))?$/i.test(name))
      throw new ModuleError(`Invalid privileges specified: ${name}`);
  if (ensureUsage && !found.has('*.*')) found.set('*.*', ['USAGE']);
  return found;
}

/** What SHOW GRANTS says. */
export function readGrants(lines: readonly string[], exact = false): Privileges {
  const found = new Map<string, string[]>();
  // The pattern takes the square of the time on what is no grant: no server writes lines of that length.
  for (const line of lines.map(text => text.slice(0, 20_000))) {
    const grant = /^GRANT (.+) ON (.+) TO (['"`]).*?\3@(['"`]).*?\4(.*)$/.exec(line);
    if (!grant) continue;
    const option = partAt(grant, 5).includes('WITH GRANT OPTION') ? ['GRANT'] : [];
    found.set(partAt(grant, 2), [
      ...(found.get(partAt(grant, 2)) ?? []),
      ...pieces(partAt(grant, 1)).map(name => normal(name, exact)),
      ...option,
    ]);
  }
  return found;
}

function grant(who: string, object: string, names: readonly string[]): string {
  const privileges = names.filter(name => name !== 'GRANT');
  const option = names.includes('GRANT') ? ' WITH GRANT OPTION' : '';
  return `GRANT ${privileges.length > 0 ? privileges.join(', ') : 'USAGE'} ON ${object} TO ${who}${option}`;
}

function revoke(who: string, object: string, names: readonly string[]): string[] {
  const privileges = names.filter(name => name !== 'GRANT' && name !== 'USAGE');
  return [
    ...(names.includes('GRANT') ? [`REVOKE GRANT OPTION ON ${object} FROM ${who}`] : []),
    ...(privileges.length > 0 ? [`REVOKE ${privileges.join(', ')} ON ${object} FROM ${who}`] : []),
  ];
}

/** Statements that bring privileges to what is wanted. Pure. */
export function privilegeWork(
  who: string,
  now: Privileges,
  wanted: Privileges,
  mode: 'append' | 'subtract' | 'replace',
  keepOthers = false,
): string[] {
  const foreign =
    mode === 'replace' && !keepOthers
      ? [...now].filter(([object, names]) => !wanted.has(object) && !names.includes('PROXY'))
      : [];
  return [
    ...foreign.flatMap(([object, names]) => revoke(who, object, names)),
    ...[...wanted].flatMap(([object, names]) => {
      const old = now.get(object);
      if (mode === 'subtract') {
        const gone = names.filter(name => old?.includes(name) && name !== 'USAGE');
        return gone.length > 0 ? revoke(who, object, gone) : [];
      }
      // USAGE means nothing at all: every user has it.
      const missing = names.filter(name => name !== 'USAGE' && !old?.includes(name));
      const all = names.includes('ALL');
      const extra = (old ?? []).filter(
        name => mode === 'replace' && name !== 'USAGE' && !names.includes(name) && (!all || name === 'GRANT'),
      );
      return [
        ...(extra.length > 0 ? revoke(who, object, extra) : []),
        ...(missing.length > 0 ? [grant(who, object, missing)] : []),
      ];
    }),
  ];
}
