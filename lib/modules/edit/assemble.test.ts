import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import type { Json } from '../../source/value.ts';
import { assemble } from './assemble.ts';

const PARTS =
  'mkdir p; printf one >p/1; printf "two\\n" >p/2; printf "ignored" >p/.3; mkdir p/dir; printf "ten\\n" >p/10';

const joined = (
  name: string,
  args: Record<string, Json> = {},
  setup = PARTS,
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup,
  args: { src: '{dir}/p', dest: '{dir}/f', ...args },
  ...more,
});

const CASES: readonly OracleCase[] = [
  joined('joins', { ignore_hidden: true }),
  joined('joins hidden ones'),
  joined('joins with a delimiter', { delimiter: '### \\n' }),
  joined('joins with a delimiter without newline', { delimiter: '---' }),
  joined('joins some', { regexp: '^1' }),
  joined('replaces with a copy', { backup: true, mode: '0600' }, `${PARTS}; echo old >f`),
  joined('joins files of the control machine', { remote_src: false, mode: '0640' }, PARTS, {
    except: ['msg'],
  }),
  joined('joins nothing', {}, 'mkdir p'),
  joined('refuses no directory', {}, ''),
  joined('refuses a file', {}, 'echo x >p'),
  joined('heeds the validator', { validate: 'grep -q none %s' }, PARTS, {
    unpredictable: true,
    except: ['msg', 'dest', 'checksum'],
  }),
];

describe('assemble', () => {
  itAgreesWithAnsible(
    assemble,
    { via: 'action', fields: ['msg', 'dest', 'checksum', 'mode', 'backup_file'] },
    CASES,
  );
  itPredictsTheRun(assemble, CASES);
});
