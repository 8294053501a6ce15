import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps, sh } from '../kit/define.ts';

export const dpkgSelections = defineState({
  name: 'dpkg_selections',
  summary: 'Keeps what dpkg is to do with a package, such as holding it back.',
  examples: `
- name: Keep the server from an upgrade by accident
  dpkg_selections: {name: postgresql-15, selection: hold}
`,
  args: Type.Object({
    name: A.str('Name of the package.'),
    selection: A.choice(['install', 'hold', 'deinstall', 'purge'], 'What dpkg is to do.'),
  }),
  returns: { before: 'The selection before.', after: 'The selection after.' },
  touches: args => [`dpkg:${args.name}`],

  *probe(args): Steps<string> {
    const reply = yield* sh(
      `command -v dpkg >/dev/null 2>&1 || exit 96; dpkg --get-selections ${quote(args.name)} 2>/dev/null`,
    );
    if (reply.rc === 96) throw new ModuleError('Failed to find required executable "dpkg" in paths');
    return reply.stdout.trim().split(/\s+/)[1] ?? 'not present';
  },

  diff: (found, args) => ({
    changes: found === args.selection ? [] : [`package ${args.name}: ${found} → ${args.selection}`],
    result: { before: found, after: args.selection },
  }),

  *apply(_, args) {
    yield* mustSh('dpkg --set-selections failed', 'dpkg --set-selections', {
      stdin: `${args.name} ${args.selection}\n`,
    });
    return {};
  },
});
