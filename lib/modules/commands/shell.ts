import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, quote } from '../kit/define.ts';
import { pathWord } from '../kit/stat.ts';
import { checkCommand, EMPTY, RUN_RETURNS, type Running, runArgs, runCommand } from './run-command.ts';

const args = Type.Object({
  cmd: A.opt(A.str('The text for the shell.', { aliases: ['_raw_params'] })),
  executable: A.path('The shell.', { default: '/bin/sh' }),
  ...runArgs,
});

/** shell: runs a text in a shell. */
export const shell = defineAction({
  name: 'shell',
  traits: { takes: 'command' },
  summary: 'Runs a text in a shell on the host.',
  examples: `
- name: See how large the WAL is
  shell:
    cmd: set -o pipefail; du -sm /srv/data/pg_wal | cut -f1
    executable: /bin/bash
  register: wal_mb
  changed_when: false
`,
  args,
  freeForm: 'cmd',
  returns: RUN_RETURNS,
  differences: ['start, end and delta are times of the control machine.'],
  batch: true,
  *run(args) {
    return yield* runCommand(running(args));
  },
  *check(args) {
    return yield* checkCommand(running(args));
  },
});

function running(args: { readonly cmd?: string; readonly executable: string } & Running['args']): Running {
  const { cmd = '' } = args;
  if (cmd.trim() === '') throw new ModuleError('no command given', { rc: 256, ...EMPTY });
  const argv = [args.executable, '-c', cmd];
  return { cmd, argv, words: [pathWord(args.executable), '-c', quote(cmd)], args: args };
}
