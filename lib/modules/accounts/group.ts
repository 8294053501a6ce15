import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { command, entryFunction, type GroupEntry, orFail, parseGroups } from './databases.ts';

interface Found {
  readonly entry: GroupEntry | undefined;
  readonly manageable: boolean;
}

export const group = defineState({
  name: 'group',
  summary: 'Adds, changes and removes groups.',
  examples: `
- name: Make the group that may read backups
  group: {name: backup-readers, gid: 2500}
`,
  args: Type.Object({
    name: A.str('Name of the group.'),
    state: A.choice(['absent', 'present'], 'Whether the group should exist.', { default: 'present' }),
    gid: A.opt(A.int('Number of the group.')),
    system: A.bool('Pick a number from the range of system groups for a new one.', { default: false }),
    non_unique: A.bool('Allow a number that another group has.', { default: false }),
    local: A.bool('Look only at /etc/group, not at directory services.', { default: false }),
    force: A.bool('Remove the group even when it is the primary group of a user.', { default: false }),
  }),
  rules: { requiredIf: [['non_unique', true, ['gid']]] },
  returns: {
    gid: 'Number of the group.',
    system: 'The argument of that name.',
    name: 'Name.',
    state: 'State wanted.',
  },
  differences: ['local limits where groups are looked up; groupadd is used in both cases, never lgroupadd.'],
  touches: ({ name }) => [`group:${name}`, '/etc/group'],

  *probe({ name, local }): Steps<Found> {
    const script = `${entryFunction(local)}\nbegin entry; entry group ${quote(name)}\ncommand -v groupadd >/dev/null 2>&1 && field manageable\n:`;
    const reply = yield* ask(script);
    const entry = parseGroups(reply.text('entry') ?? '').find(g => g.name === name);
    return { entry, manageable: reply.has('manageable') };
  },

  diff({ entry, manageable }, args) {
    const { name, state, gid, system } = args;
    const result = { name, state };
    const kept = entry === undefined ? result : { ...result, gid: entry.gid, system };
    const changes =
      state === 'absent'
        ? entry
          ? [`remove group ${name}`]
          : []
        : entry === undefined
          ? [`add group ${name}`]
          : gid !== undefined && gid !== entry.gid
            ? [`group ${name}: number ${entry.gid} → ${gid}`]
            : [];
    if (changes.length > 0 && !manageable)
      throw new ModuleError('this host has no groupadd: install the package "shadow" or "passwd"', result);
    return { changes, result: state === 'absent' ? result : kept };
  },

  *apply({ entry }, args) {
    const { name, state, gid, system, non_unique, local, force } = args;
    const number = gid === undefined ? [] : ['-g', gid, ...(non_unique ? ['-o'] : [])];
    const line =
      state === 'absent'
        ? command('groupdel', ...(force ? ['-f'] : []), name)
        : entry === undefined
          ? command('groupadd', ...number, ...(system ? ['-r'] : []), name)
          : command('groupmod', ...number, name);
    const after = state === 'absent' ? '' : `\n${entryFunction(local)}\nentry group ${quote(name)}`;
    const reply = yield* mustSh(`cannot change group ${name}`, orFail(line) + after);
    const made = parseGroups(reply.stdout).find(g => g.name === name);
    return made ? { gid: made.gid, system } : {};
  },
});
