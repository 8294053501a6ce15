import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { onlyWhereChangesAreAllowed, onlyWithPrograms } from '../../../test/support/requirements.ts';
import { runModule } from '../../../test/support/run-module.ts';
import { cron } from './cron.ts';

const file = { cron_file: '{dir}/jobs', user: 'root' };
const has = (text: string) => `printf '${text}' >jobs`;
const JOB = '#Ansible: a\\n1 2 * * * root /bin/true\\n';
const cases: readonly OracleCase[] = [
  { name: 'new', args: { ...file, name: 'a', job: '/bin/true', minute: '1', hour: 2 } },
  { name: 'same', setup: has(JOB), args: { ...file, name: 'a', job: '/bin/true', minute: '1', hour: 2 } },
  { name: 'changed', setup: has(`X=1\\n${JOB}#end\\n`), args: { ...file, name: 'a', job: '/bin/false' } },
  { name: 'second', setup: has(JOB), args: { ...file, name: 'b', job: 'x', special_time: 'daily' } },
  {
    name: 'disabled',
    setup: has(JOB),
    args: { ...file, name: 'a', job: '/bin/true', minute: '1', hour: 2, disabled: true },
  },
  {
    name: 'removed',
    setup: has(`${JOB}#Ansible: b\\n* * * * * root x\\n`),
    args: { ...file, name: 'a', state: 'absent' },
  },
  {
    name: 'removed, nothing left',
    setup: has(JOB),
    args: { ...file, name: 'a', state: 'absent' },
    except: ['jobs', 'envs'],
  },
  { name: 'removed already', setup: has(JOB), args: { ...file, name: 'c', state: 'absent' } },
  {
    name: 'gets a name',
    setup: has('1 2 * * * root /bin/true\\n'),
    args: { ...file, name: 'a', job: '/bin/true', minute: '1', hour: 2 },
  },
  {
    name: 'line without end',
    setup: has('#Ansible: a\\n1 2 * * * root /bin/true'),
    args: { ...file, name: 'a', job: '/bin/true', minute: '1', hour: 2 },
  },
  { name: 'variable', setup: has(JOB), args: { ...file, name: 'PATH', env: true, job: '/bin' } },
  {
    name: 'variable changed',
    setup: has('PATH="/x"\\n'),
    args: { ...file, name: 'PATH', env: true, value: '/bin' },
  },
  {
    name: 'variable after',
    setup: has('A="1"\\nB="2"\\n'),
    args: { ...file, name: 'C', env: true, value: '3', insertafter: 'A' },
  },
  {
    name: 'variable removed',
    setup: has('A="1"\\nB="2"\\n'),
    args: { ...file, name: 'A', env: true, state: 'absent' },
  },
  { name: 'without user', args: { cron_file: '{dir}/jobs', name: 'a', job: 'x' } },
  { name: 'without job', args: { ...file, name: 'a' } },
  { name: 'both times', args: { ...file, name: 'a', job: 'x', minute: '1', special_time: 'daily' } },
];

describe('cron', () => {
  itAgreesWithAnsible(
    cron,
    { fields: ['jobs', 'envs', 'cron_file', 'msg'], via: 'module', needs: ['crontab'] },
    cases,
  );
  itPredictsTheRun(cron, cases);

  it('keeps jobs in the crontab of a user', async function () {
    onlyWhereChangesAreAllowed(this);
    onlyWithPrograms(this, 'crontab');
    const user = 'games';
    const list = () => spawnSync('crontab', ['-u', user, '-l'], { encoding: 'utf8' }).stdout;
    spawnSync('crontab', ['-u', user, '-r']);
    try {
      const args = { name: 'a', user, job: 'echo "100%"', hour: '3' };
      expect((await runModule(cron, args, { checkMode: true })).changed).to.equal(true);
      expect(list()).to.equal('');
      expect((await runModule(cron, args)).changed).to.equal(true);
      expect(list()).to.equal('#Ansible: a\n* 3 * * * echo "100%"\n');
      expect((await runModule(cron, args)).changed).to.equal(false);
      expect(await runModule(cron, { name: 'M', user, env: true, job: 'x' })).to.deep.include({
        changed: true,
        envs: ['M'],
        jobs: ['a'],
      });
      expect((await runModule(cron, { name: 'a', user, state: 'absent' })).changed).to.equal(true);
      expect(list()).to.equal('M="x"\n');
      const unknown = await runModule(cron, { ...args, user: 'nosuch-user' });
      expect(unknown.msg).to.match(/^Unable to read crontab/);
    } finally {
      spawnSync('crontab', ['-u', user, '-r']);
    }
  });
});
