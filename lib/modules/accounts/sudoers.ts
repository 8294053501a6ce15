import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, type Steps, sh } from '../kit/define.ts';
import { pathWord } from '../kit/stat.ts';
import { readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';

const args = Type.Object({
  name: A.str('Name of the file of the rule.'),
  state: A.choice(['present', 'absent'], 'Whether the rule should be there.', { default: 'present' }),
  commands: A.opt(A.list('Commands that may be run, or ALL; needed for state=present.')),
  user: A.opt(A.str('The user who may run them.')),
  group: A.opt(A.str('The group whose members may run them.')),
  host: A.str('Host on which the rule counts.', { default: 'ALL' }),
  runas: A.opt(A.str('User as whom they run; root when not given.')),
  nopassword: A.bool('No password is asked for.', { default: true }),
  setenv: A.bool('Variables of the environment may be kept.', { default: false }),
  noexec: A.bool('The commands may not start others.', { default: false }),
  defaults: A.opt(A.list('Settings of sudo for the user or group, such as !targetpw.')),
  sudoers_path: A.path('Directory of the files.', { default: '/etc/sudoers.d' }),
  validation: A.choice(
    ['absent', 'detect', 'required'],
    'Let visudo look at the rule: never, if the host has it, or always.',
    { default: 'detect' },
  ),
});

type Args = Static<typeof args>;

const MODE = 0o440;

/** The lines of a rule. */
export function ruleText(args: Args): string {
  const owner = args.user ?? `%${args.group}`;
  const flags = [
    args.runas === undefined ? '' : `(${args.runas})`,
    args.noexec ? 'NOEXEC:' : '',
    args.nopassword ? 'NOPASSWD:' : '',
    args.setenv ? 'SETENV:' : '',
  ];
  const settings = (args.defaults ?? []).map(setting => `Defaults:${owner} ${setting}\n`);
  return `${settings.join('')}${owner} ${args.host}=${flags.join('')} ${(args.commands ?? []).join(', ')}\n`;
}

const pathOf = (args: Args) => `${args.sudoers_path.replace(/\/$/, '')}/${args.name}`;

export const sudoers = defineState<typeof args.properties, TextFile>({
  name: 'sudoers',
  aliases: ['community.general.sudoers'],
  summary: 'Keeps a rule of sudo in a file of its own.',
  examples: `
- name: Let the backup user stop and start the pool
  sudoers:
    name: backup-pool
    user: backup
    commands:
      - /usr/bin/systemctl stop pgbouncer
      - /usr/bin/systemctl start pgbouncer
`,
  args,
  rules: { mutuallyExclusive: [['user', 'group']], requiredIf: [['state', 'present', ['commands']]] },
  differences: ['The rule is put in place in one step, with mode 0440 from the start, and only when valid.'],
  touches: args => [pathOf(args)],

  *probe(args) {
    if (args.state === 'present' && args.user === undefined && args.group === undefined)
      throw new ModuleError('one of the following is required: user, group');
    if (args.state === 'present') yield* validate(args);
    return yield* readText(pathOf(args));
  },

  diff(found, args) {
    const { path, status, parent } = found.file;
    if (args.state === 'absent')
      return {
        changes: status ? [`${path}: removed`] : [],
        ...(status && { diff: [textDiff(found.text, '', path)] }),
      };
    if (parent === 'missing') throw new ModuleError(`there is no directory ${args.sudoers_path}`);
    const line = toBytes(ruleText(args));
    const same = found.text === line;
    const moded = status !== undefined && (status.mode & 0o7777) !== MODE;
    return {
      changes: [
        ...(same ? [] : [`${path}: ${ruleText(args).trim()}`]),
        ...(moded ? [`${path}: mode 0440`] : []),
      ],
      ...(!same && { diff: [textDiff(found.text, line, found.file.path)] }),
    };
  },

  *apply(found, args) {
    if (args.state === 'absent') {
      const reply = yield* sh(`rm -f ${pathWord(pathOf(args))}`);
      if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim(), { rc: reply.rc });
      return {};
    }
    yield* writeText(found, toBytes(ruleText(args)), { wanted: { mode: '0440' } });
    return {};
  },
});

/** Asks visudo on the host about the rule: it reads it from its standard input and writes nothing. */
function* validate(args: Args): Steps<void> {
  if (args.validation === 'absent') return;
  const missing =
    args.validation === 'required'
      ? `{ echo 'Failed to find required executable "visudo"'; exit 1; }`
      : 'exit 0';
  const path = 'PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin';
  const reply = yield* sh(`${path}; command -v visudo >/dev/null 2>&1 || ${missing}\nvisudo -c -f - 2>&1`, {
    stdin: ruleText(args),
  });
  const { rc, stdout } = reply;
  if (rc !== 0)
    throw new ModuleError(`Failed to validate sudoers rule:\n${stdout}`, { rc, stdout, stderr: '' });
}
