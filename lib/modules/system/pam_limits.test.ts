import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule } from '../../../test/support/run-module.ts';
import { pamLimits } from './pam_limits.ts';

const limit = { dest: '{dir}/limits.conf', domain: 'bob', limit_type: 'soft', limit_item: 'nofile' };
const has = (text: string) => `printf '${text}' >limits.conf`;
const cases: readonly OracleCase[] = [
  { name: 'new', setup: has('# c\\n'), args: { ...limit, value: '65536' } },
  { name: 'no file', args: { ...limit, value: '65536' } },
  { name: 'same', setup: has('bob soft nofile 65536\\n'), args: { ...limit, value: '65536' } },
  { name: 'changed', setup: has('al - nofile 1\\nbob\\tsoft nofile 1\\n'), args: { ...limit, value: '2' } },
  { name: 'other type', setup: has('bob hard nofile 1\\n'), args: { ...limit, value: '2' } },
  { name: 'max smaller', setup: has('bob soft nofile 5\\n'), args: { ...limit, value: '2', use_max: true } },
  { name: 'max greater', setup: has('bob soft nofile 5\\n'), args: { ...limit, value: '9', use_max: true } },
  {
    name: 'max unlimited',
    setup: has('bob soft nofile unlimited\\n'),
    args: { ...limit, value: '9', use_max: true },
  },
  { name: 'min smaller', setup: has('bob soft nofile 5\\n'), args: { ...limit, value: '2', use_min: true } },
  {
    name: 'min of unlimited',
    setup: has('bob soft nofile 5\\n'),
    args: { ...limit, value: 'unlimited', use_min: true },
  },
  { name: 'comment', args: { ...limit, value: '5', comment: 'why' } },
  { name: 'group', args: { ...limit, domain: '@wheel', limit_type: '-', value: 'infinity' } },
  { name: 'nice', args: { ...limit, limit_item: 'nice', value: '-5' } },
  {
    name: 'copy',
    setup: has('bob soft nofile 5\\n'),
    args: { ...limit, value: '6', backup: true },
    otherFiles: true,
  },
];

describe('pam_limits', () => {
  const table = { fields: ['msg'], via: 'module', ansibleName: 'community.general.pam_limits' } as const;
  itAgreesWithAnsible(pamLimits, table, cases);
  itPredictsTheRun(pamLimits, cases);

  const refused: readonly [Record<string, string | boolean>, RegExp][] = [
    [{ value: 'many' }, /Value of "many" for item "nofile" is invalid/],
    [{ value: 'unlimited', limit_item: 'nice' }, /must be an integer/],
    [{ value: '1', use_max: true, use_min: true }, /Cannot use use_min and use_max/],
    [{ value: '1', dest: '/no/such/dir/limits.conf' }, /does not exist/],
  ];
  for (const [args, message] of refused) {
    it(`refuses ${JSON.stringify(args)}`, async () => {
      const result = await runModule(pamLimits, {
        domain: 'bob',
        limit_type: 'soft',
        limit_item: 'nofile',
        dest: '/tmp/x',
        ...args,
      });
      expect(result.failed).to.equal(true);
      expect(result.msg).to.match(message);
    });
  }
});
