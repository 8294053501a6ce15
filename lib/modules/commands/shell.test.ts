import { itAgreesWithAnsible, lineCase, type OracleCase } from '../../../test/support/ansible-module.ts';
import { shell } from './shell.ts';

const SHELLS: readonly OracleCase[] = [
  lineCase('pipes', 'echo one | tr o 0; echo $HOME "$0"'),
  lineCase('fails with the code', 'echo err >&2; exit 4'),
  lineCase('runs several lines', 'a=1\nb=2\necho $((a + b))'),
  lineCase('uses another shell', 'test -n "$BASH_VERSION"', { executable: '/bin/bash' }),
  lineCase('does not find another shell', 'true', { executable: '/no/such/shell' }),
  lineCase(
    'enters what a link leads to',
    'echo "$PWD"',
    { chdir: '{dir}/link' },
    'mkdir sub; ln -s sub link',
  ),
  lineCase('changes the directory', 'pwd; ls', { chdir: '{dir}' }, ': >a'),
  lineCase('does not run when it created', 'touch x', { creates: '{dir}/x' }),
  lineCase('takes stdin', 'cat; echo end', { stdin: 'text' }),
  lineCase('reads nothing without stdin', 'cat; echo end'),
  lineCase('does not find a program', 'no-such-program'),
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
