import { expect } from 'chai';
import {
  finishedArguments,
  planAndScript,
  planFor,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import { polardbPromote } from './polardb_promote.ts';

const args = { bin: '/opt/polardb/bin', data: '/var/lib/polardb/it s' };

describe('polardb_promote', () => {
  it('leaves a writer alone', () => {
    expect(planFor(polardbPromote, args, 'f\n')).to.deep.equal({ changes: [], result: { was: 'primary' } });
  });

  it('asks the guard before it promotes a replica', () => {
    if (polardbPromote.kind !== 'state') throw new Error('it has a state');
    const finished = finishedArguments(polardbPromote, args) as never;
    const plan = planFor(polardbPromote, args, 't\n');
    expect(plan.changes).to.deep.equal([`promote the replica in ${args.data}`]);
    const steps = polardbPromote.apply(true as never, finished, testContext(), plan);
    const { value, requests } = replaySteps(steps, [{ stdout: recordsText({ tries: '2', ms: '1250' }) }]);
    expect(value).to.deep.equal({ seconds: 1.25, tries: 2 });
    const script = requests[0]?.kind === 'sh' ? requests[0].script : '';
    expect(script.indexOf('polar-guard promote')).to.be.within(0, script.indexOf('pg_ctl'));
    expect(script).to.include(`data='${args.data}'`);
  });

  it('takes no silence for success', () => {
    expect(() => planAndScript(polardbPromote, args, 't\n')).to.throw('the promotion said nothing');
    expect(() => planFor(polardbPromote, args, { rc: 70, stderr: 'down' })).to.throw(
      'cannot see what the server is: down',
    );
  });
});
