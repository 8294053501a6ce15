import type { Static } from 'typebox';
import { textOf } from '../../source/bytes.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps, sh } from '../kit/define.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({
  name: A.opt(A.str('Name of the setting, such as user.name.')),
  value: A.opt(A.str('Its value.')),
  state: A.choice(['absent', 'present'], 'Whether it should be set.', { default: 'present' }),
  scope: A.opt(A.choice(['file', 'local', 'global', 'system'], 'Whose settings; system when not given.')),
  repo: A.opt(A.path('The repository, with scope=local.')),
  file: A.opt(A.path('The file, with scope=file.')),
  list_all: A.bool('Give all settings.', { default: false }),
});

type Args = Static<typeof args>;

function git(args: Args): string {
  const scope = args.scope ?? (args.list_all ? '' : 'system');
  if (scope === 'local' && args.repo === undefined)
    throw new ModuleError('scope is local but repo is missing');
  if (scope === 'file' && args.file === undefined) throw new ModuleError('scope is file but file is missing');
  const where = scope === 'file' ? ` --file ${pathWord(args.file ?? '')}` : scope === '' ? '' : ` --${scope}`;
  return `cd ${scope === 'local' ? pathWord(args.repo ?? '') : '/'} || exit 95; git config${where}`;
}

interface Found {
  readonly value: string | undefined;
  readonly all: Readonly<Record<string, string>>;
}

export const gitConfig = defineState({
  name: 'git_config',
  aliases: ['community.general.git_config'],
  summary: 'Reads and keeps settings of git.',
  examples: `
- name: Sign commits that are made on this host
  git_config: {scope: system, name: user.email, value: dba@example.com}
`,
  args,
  rules: { requiredOneOf: [['name', 'list_all']] },
  returns: { config_value: 'The value, when none was given.', config_values: 'All of them, with list_all.' },
  touches: args => [`git-config:${args.scope ?? ''}:${args.repo ?? args.file ?? ''}`],

  *probe(args): Steps<Found> {
    const reply = yield* sh(`command -v git >/dev/null 2>&1 || exit 96; ${git(args)} --includes --list -z`);
    if (reply.rc === 96) throw new ModuleError('Failed to find required executable "git" in paths');
    if (reply.rc === 95) throw new ModuleError(reply.stderr.trim());
    const entries = textOf(reply.stdoutBytes)
      .split('\0')
      .filter(Boolean)
      .map(entry => {
        const end = entry.indexOf('\n');
        return end < 0 ? ([entry, 'true'] as const) : ([entry.slice(0, end), entry.slice(end + 1)] as const);
      });
    const all = Object.fromEntries(entries);
    // Section and key are written in any case; what stands between them is not.
    const key = (args.name ?? '').replace(/^[^.]*|[^.]*$/g, part => part.toLowerCase());
    return { value: all[key], all };
  },

  diff(found, args) {
    if (args.list_all) return { changes: [], result: { msg: '', config_values: found.all } };
    if (args.state === 'absent')
      return {
        changes: found.value === undefined ? [] : [`git: without ${args.name}`],
        result: { msg: 'setting removed' },
      };
    if (args.value === undefined)
      return { changes: [], result: { msg: '', config_value: found.value ?? '' } };
    const same = found.value === args.value;
    return {
      changes: same ? [] : [`git: ${args.name} = ${args.value}`],
      ...(!same && { diff: [{ before: `${found.value ?? ''}\n`, after: `${args.value}\n` }] }),
      result: { msg: same ? '' : 'setting changed' },
    };
  },

  *apply(_, args) {
    const words =
      args.state === 'absent'
        ? `--unset-all ${quote(args.name ?? '')}`
        : `--replace-all ${quote(args.name ?? '')} ${quote(args.value ?? '')}`;
    yield* mustSh('git config failed', `${git(args)} ${words}`);
    return {};
  },
});
