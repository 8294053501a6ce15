import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { kernelBlacklist } from './kernel_blacklist.ts';

const list = { blacklist_file: '{dir}/list.conf', name: 'nouveau' };
const has = (text: string) => `printf '${text}' >list.conf`;
const cases: readonly OracleCase[] = [
  { name: 'new', setup: has('# ours\\n'), args: list },
  { name: 'there', setup: has('blacklist nouveau\\n'), args: list },
  { name: 'other', setup: has('blacklist nouveau2\\n'), args: list },
  { name: 'gone', setup: has('blacklist a\\nblacklist nouveau\\n'), args: { ...list, state: 'absent' } },
];

describe('kernel_blacklist', () => {
  const table = { fields: [], via: 'module', ansibleName: 'community.general.kernel_blacklist' } as const;
  itAgreesWithAnsible(kernelBlacklist, table, cases);
  itPredictsTheRun(kernelBlacklist, cases);
});
