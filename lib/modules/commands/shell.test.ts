import { itAgreesWithAnsible, type OracleCase } from '../../../test/support/ansible-module.ts';
import type { Json } from '../../source/value.ts';
import { shell } from './shell.ts';

const run = (
  name: string,
  args: Record<string, Json>,
  setup = '',
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup,
  args,
  ...more,
});

const line = (name: string, cmd: string, args: Record<string, Json> = {}, setup = '') =>
  run(name, { _raw_params: cmd, ...args }, setup);

const SHELLS: readonly OracleCase[] = [
  line('pipes', 'echo one | tr o 0; echo $HOME "$0"'),
  line('fails with the code', 'echo err >&2; exit 4'),
  line('runs several lines', 'a=1\nb=2\necho $((a + b))'),
  line('uses another shell', 'test -n "$BASH_VERSION"', { executable: '/bin/bash' }),
  line('does not find another shell', 'true', { executable: '/no/such/shell' }),
  line('enters what a link leads to', 'echo "$PWD"', { chdir: '{dir}/link' }, 'mkdir sub; ln -s sub link'),
  line('changes the directory', 'pwd; ls', { chdir: '{dir}' }, ': >a'),
  line('does not run when it created', 'touch x', { creates: '{dir}/x' }),
  line('takes stdin', 'cat; echo end', { stdin: 'text' }),
  line('reads nothing without stdin', 'cat; echo end'),
  line('does not find a program', 'no-such-program'),
];

const FIELDS = ['cmd', 'rc', 'stdout', 'stderr', 'msg'];

describe('shell', () => {
  itAgreesWithAnsible(
    shell,
    {
      via: 'module',
      ansibleName: 'ansible.builtin.command',
      extra: { _uses_shell: true },
      fields: FIELDS,
    },
    SHELLS,
  );
});
