import { randomBytes } from 'node:crypto';
import { textOf } from '../../source/bytes.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, quote, sh } from '../kit/define.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({
  state: A.choice(['file', 'directory'], 'What to make.', { default: 'file' }),
  path: A.opt(A.path('Directory to make it in; the one for temporary files when unset.')),
  prefix: A.str('What its name begins with.', { default: 'ansible.' }),
  suffix: A.str('What its name ends with.', { default: '' }),
});

/** tempfile: a new file or directory that only its owner may read. */
export const tempfile = defineAction({
  name: 'tempfile',
  summary: 'Makes a temporary file or directory.',
  examples: `
- name: Have a folder for the dump
  tempfile: {state: directory, prefix: dump.}
  register: dump
`,
  args,
  returns: { path: 'What was made; and owner, group, mode, state.' },
  *run({ state, path, prefix, suffix }) {
    const directory = path === undefined ? `"\${TMPDIR:-/tmp}"` : pathWord(path);
    const name = quote(`${prefix}${randomBytes(6).toString('hex')}${suffix}`);
    const make = state === 'directory' ? 'mkdir "$p"' : `{ set -C; printf '' >"$p"; }`;
    const reply = yield* sh(`umask 077; p=${directory}/${name}; ${make} && printf %s "$p"`);
    if (reply.rc !== 0)
      throw new ModuleError(
        `cannot make a temporary ${state}: ${reply.stderr.trim().replace(/^.*?: (?:\d+|line \d+): /, '')}`,
      );
    return {
      changed: true,
      path: textOf(reply.stdoutBytes),
      state,
      mode: state === 'directory' ? '0700' : '0600',
    };
  },
});
