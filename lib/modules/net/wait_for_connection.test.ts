import { expect } from 'chai';
import { finishedArguments, replaySteps, testContext } from '../../../test/support/run-module.ts';
import type { Reply } from '../kit/define.ts';
import { waitForConnection } from './wait_for_connection.ts';

function wait(replies: readonly Partial<Reply>[]) {
  if (waitForConnection.kind !== 'action') throw new Error('it acts');
  const args = finishedArguments(waitForConnection, { delay: 2, timeout: 9 }) as never;
  return replaySteps(waitForConnection.run(args, testContext()), replies);
}

describe('wait_for_connection', () => {
  it('reconnects within its time, and then asks for a command', () => {
    const { value, requests } = wait([{}, {}]);
    expect(requests[0]).to.deep.equal({ kind: 'reconnect', delay: 2, timeout: 9 });
    expect(requests[1]).to.include({ kind: 'sh', script: ':' });
    expect(value).to.deep.equal({ changed: false, elapsed: 0 });
  });

  it('says what kept it from coming back', () => {
    expect(() => wait([{ rc: 255, stderr: 'refused' }])).to.throw('ping module test: refused');
    expect(() => wait([{}, { rc: 1 }])).to.throw('ping module test: no answer');
  });
});
