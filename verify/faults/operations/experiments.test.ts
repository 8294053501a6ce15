import { expect } from 'chai';
import { sampleDeployment } from '../../../test/support/verify/sample-deployment.ts';
import { EXPERIMENTS } from './experiments.ts';
import { expectRefused } from './failover.ts';
import type { Choices } from './under-load.ts';

const deployment = sampleDeployment('hosts');
const [first, second] = deployment.replicas.map(({ host }) => host);
const old = deployment.primary.host;
const choices = (given: Partial<Choices> = {}): Choices => ({
  rounds: 2,
  to: undefined,
  node: undefined,
  reaching: [],
  hosts: undefined as never,
  ...given,
});
const plan = (name: string, given?: Partial<Choices>, of = deployment) =>
  EXPERIMENTS[name]!.plan(of, choices(given));
const primaries = (name: string, given?: Partial<Choices>) =>
  plan(name, given).operations.map(({ primaryAfter }) => primaryAfter);

describe('verify: operations under load', () => {
  it('know who is the primary after each step', () => {
    expect(primaries('switchover')).to.deep.equal([first, old, first, old]);
    expect(primaries('failover')).to.deep.equal([first, first, first, old]);
    expect(primaries('failover', { to: second! })).to.deep.equal([second, second, second, old]);
  });

  it('name the replicas when none of them is meant', () => {
    for (const [name, flag] of [
      ['switchover', '--to'],
      ['failover', '--to'],
    ] as const)
      expect(() => plan(name, { to: old })).to.throw(
        `${flag} ${old}: there are the replicas ${first}, ${second}`,
      );
    expect(() => plan('promote-by-hand', { node: 'x' })).to.throw(
      `--node x: there are the replicas ${first}`,
    );
  });

  it('leave the stand-in alone where only a shared disk is at stake', () => {
    for (const name of ['failover', 'promote-by-hand'])
      expect(() => plan(name, {}, sampleDeployment('standin'))).to.throw('the stand-in has no shared');
  });

  it('take an old primary for refused only when neither its server nor its disk is there', () => {
    const of = (stdout: string) => () => expectRefused({ stdout });
    expect(of('server failed\ndisk refused\n')).not.to.throw();
    expect(of('server inactive\ndisk refused\n')).not.to.throw();
    expect(of('server active\ndisk refused\n')).to.throw('is not refused: its service is active');
    expect(of('server activating\ndisk refused\n')).to.throw('its service is activating');
    expect(of('server failed\ndisk read\n')).to.throw('can still reach the shared disk');
    expect(of('')).to.throw('can still reach');
  });
});
