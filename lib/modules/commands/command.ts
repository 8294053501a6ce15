import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, quote } from '../kit/define.ts';
import { splitWords } from '../kit/sh.ts';
import { hostWord } from '../kit/stat.ts';
import { checkCommand, EMPTY, RUN_RETURNS, type Running, runArgs, runCommand } from './run-command.ts';

const args = Type.Object({
  cmd: A.opt(
    A.str('The command line; split into words, but not run through a shell.', { aliases: ['_raw_params'] }),
  ),
  argv: A.opt(A.list('The command as a list of words.')),
  expand_argument_vars: A.bool('Replace $NAME and a leading ~ in words by what the host has for them.', {
    default: true,
  }),
  executable: A.opt(A.path('Accepted and left alone: `command` has no shell.')),
  ...runArgs,
});

interface Given {
  readonly cmd?: string | undefined;
  readonly argv?: readonly string[] | undefined;
  readonly expand_argument_vars: boolean;
}

/** command: runs a program. */
export const command = defineAction({
  name: 'command',
  traits: { takes: 'command' },
  summary: 'Runs a program on the host, without a shell.',
  examples: `
- name: Create the data directory once
  command:
    argv: [/usr/lib/postgresql/15/bin/initdb, -D, /srv/data, --data-checksums]
    creates: /srv/data/PG_VERSION
  become: true
  become_user: postgres
- name: See how the server was stopped
  command: /usr/lib/postgresql/15/bin/pg_controldata /srv/data
  register: control
  changed_when: false
`,
  args,
  freeForm: 'cmd',
  returns: RUN_RETURNS,
  differences: ['start, end and delta are times of the control machine.'],
  batch: true,
  *run(args) {
    const result = yield* runCommand(running(args));
    const { executable } = args;
    return executable === undefined ? result : { ...result, warnings: [noShell(executable)] };
  },
  *check(args) {
    return yield* checkCommand(running(args));
  },
});

const noShell = (executable: string) =>
  `"command" runs without a shell, executable is no longer supported with it: ${executable} is not used.`;

function running(args: Given & Running['args']): Running {
  const { cmd = '', argv = [] } = args;
  if (cmd.trim() === '' && argv.length === 0)
    throw new ModuleError('no command given', { rc: 256, ...EMPTY });
  if (cmd !== '' && argv.length > 0)
    throw new ModuleError('only command or argv can be given, not both', { rc: 256, ...EMPTY });
  const words = cmd === '' ? argv : splitWords(cmd);
  return {
    cmd: [...words],
    argv: words,
    words: words.map(args.expand_argument_vars ? hostWord : quote),
    args: args,
  };
}
