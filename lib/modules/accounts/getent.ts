import { defined } from '../../source/defined.ts';
import { addTo } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, quote, sh } from '../kit/define.ts';

const COLON = new Set(['passwd', 'shadow', 'group', 'gshadow']);

const MESSAGES: Readonly<Record<number, string>> = {
  1: 'Missing arguments, or database unknown.',
  2: 'One or more supplied key could not be found in the database.',
  3: 'Enumeration not supported on this database.',
  127: 'Failed to find required executable "getent" in paths',
};

/** Entries by key; several with one key make a list. */
export function parseEntries(text: string, divider: string | undefined): { [key: string]: Json } {
  const found = new Map<string, string[][]>();
  for (const row of text.split('\n').filter(Boolean)) {
    const [key = '', ...fields] = divider === undefined ? row.trim().split(/\s+/) : row.split(divider);
    addTo(found, key, fields);
  }
  return Object.fromEntries(
    [...found].map(([key, rows]) => [key, rows.length === 1 ? defined(rows[0], 'there is one row') : rows]),
  );
}

export const getent = defineAction({
  name: 'getent',
  summary: 'Reads users, groups, hosts and other databases of the host into facts.',
  examples: `
- name: Find out where the database user is at home
  getent: {database: passwd, key: postgres}
`,
  args: Type.Object({
    database: A.str('Name of the database: passwd, group, hosts, services and so on.'),
    key: A.opt(A.str('Entry to look up; all entries when not given.')),
    service: A.opt(A.str('Source to ask instead of those configured.')),
    split: A.opt(
      A.str(
        'Character that divides the fields; white space when not given, a colon for passwd and the like.',
      ),
    ),
    fail_key: A.bool('Fail when there is no such entry.', { default: true }),
  }),
  returns: { ansible_facts: 'getent_DATABASE: for each key the list of its fields.' },
  readOnly: true,
  batch: true,

  *run({ database, key, service, split, fail_key }) {
    const words = [
      'getent',
      ...(service === undefined ? [] : ['-s', service]),
      database,
      ...(key === undefined ? [] : [key]),
    ];
    const reply = yield* sh(words.map(quote).join(' '));
    const name = `getent_${database}`;
    if (reply.rc === 2 && !fail_key)
      return { changed: false, ansible_facts: { [name]: { [key ?? '']: null } }, msg: MESSAGES[2] ?? '' };
    if (reply.rc !== 0) throw new ModuleError(MESSAGES[reply.rc] ?? 'Unexpected failure!', { rc: reply.rc });
    const divider = split ?? (COLON.has(database) ? ':' : undefined);
    return { changed: false, ansible_facts: { [name]: parseEntries(reply.stdout, divider) } };
  },
});
