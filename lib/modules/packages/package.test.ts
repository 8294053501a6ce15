import { expect } from 'chai';
import { finishedArguments, replaySteps, testContext } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { packages } from './package.ts';

/** What it asks the host first, or what stops it. */
function first(raw: Record<string, Json>, reply = ''): string {
  if (packages.kind !== 'action') throw new Error('it acts');
  const { requests } = replaySteps(packages.run(finishedArguments(packages, raw) as never, testContext()), [
    { stdout: reply },
    { rc: 1, stderr: 'stop here' },
  ]);
  return requests.map(request => (request.kind === 'sh' ? request.script : '')).join('\n');
}

describe('package', () => {
  it('looks which package manager the host has', () => {
    expect(() => first({ name: 'x' }, '\n')).to.throw('Could not detect which package manager to use');
    expect(() => first({ name: 'x' }, 'pacman\n')).to.throw('Could not find a module for pacman');
  });

  it('asks no host for the one that is named', () => {
    expect(() => first({ name: 'x', use: 'zypper' })).to.throw('Could not find a module for zypper');
  });

  it('hands wrong arguments to the one that reads them', () => {
    expect(() => first({ name: 'x', use: 'apt', state: 'gone' })).to.throw(/state/);
  });
});
