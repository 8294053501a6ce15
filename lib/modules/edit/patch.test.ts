import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import type { Json } from '../../source/value.ts';
import { patch } from './patch.ts';

const FILES = `printf 'one\\ntwo\\nthree\\n' >f; printf 'one\\n2\\nthree\\n' >g
diff -u f g >p || :; sed -i 's|^--- f.*|--- a/f|; s|^+++ g.*|+++ b/f|' p`;

const apply = (
  name: string,
  args: Record<string, Json> = {},
  setup = '',
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup: `${FILES}\n${setup}`,
  args: { src: '{dir}/p', dest: '{dir}/f', remote_src: true, ...args },
  ...more,
});

const CASES: readonly OracleCase[] = [
  apply('applies'),
  apply('leaves what is applied', {}, 'cp g f'),
  apply('applies to what the patch names', { dest: null, basedir: '{dir}', strip: 1 }),
  apply('takes back', { state: 'absent' }, 'cp g f'),
  apply('leaves what is taken back', { state: 'absent' }),
  apply('does not fit', {}, 'printf "other\\n" >f', { except: ['msg'], otherFiles: true }),
  apply('has no patch', { src: '{dir}/none' }),
];

describe('patch', () => {
  itAgreesWithAnsible(
    patch,
    { via: 'module', ansibleName: 'ansible.posix.patch', fields: [], needs: ['patch'] },
    CASES,
  );
  itPredictsTheRun(patch, [...CASES, apply('applies one of the control machine', { remote_src: false })]);
});
