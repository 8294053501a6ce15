import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, orFailed, quote, sh } from '../kit/define.ts';
import { failureReason, outputFields, RUN_RETURNS, truncation } from './run-command.ts';

const args = Type.Object({
  cmd: A.opt(A.str('The text for the shell.', { aliases: ['_raw_params'] })),
  executable: A.opt(A.path('The shell; /bin/sh when unset.')),
  creates: A.opt(A.str('Accepted and without meaning, as there.')),
  removes: A.opt(A.str('Accepted and without meaning, as there.')),
  chdir: A.opt(A.str('Accepted and without meaning, as there.')),
});

const { cmd: _, start: __, end: ___, delta: ____, ...returns } = RUN_RETURNS;

/** raw: a text for the shell, nothing added. */
export const raw = defineAction({
  name: 'raw',
  traits: { takes: 'command' },
  summary: 'Gives a text to a shell of the host, as it is.',
  examples: `
- name: Look at a host that has no POSIX shell yet
  raw: uname -a
  changed_when: false
`,
  args,
  freeForm: 'cmd',
  returns,
  differences: ["The shell is /bin/sh, not the user's login shell, unless executable names another."],
  batch: true,
  *run(args) {
    if (!args.cmd?.trim()) throw new ModuleError('no command given', { rc: 256 });
    const script = `exec ${quote(args.executable ?? '/bin/sh')} -c ${quote(args.cmd)}`;
    const reply = yield* sh(script, { live: true, userLocale: true });
    const output = outputFields(reply.stdout, reply.stderr);
    return orFailed({ changed: true, rc: reply.rc, ...output, ...truncation(reply) }, failureReason(reply));
  },
});
