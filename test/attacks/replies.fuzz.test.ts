import { expect } from 'chai';
import fc from 'fast-check';
import type { ModuleCall } from '../../lib/modules/kit/drive.ts';
import {
  callOf,
  foreignCommand,
  PLAYED,
  type Reaction,
  reactions,
  requestsOf,
  whatItActsOn,
} from './played-host.ts';

/**
 * A host that answers anything: whatever it says, a module ends with a result or with its own failure, after some
 * requests, and never acts on a path that nobody asked for, nor runs a command that a reply holds.
 */
function play(call: ModuleCall, answers: readonly Reaction[]): void {
  // What a file held goes back into it: that is content.
  const requests = requestsOf(call, answers);
  const acts = requests.map(request => whatItActsOn(request).replace(/printf %s '(?:[^']|'\\'')*' >&5/g, ''));
  const bad = acts.find(script => /srv\/outside|\.\.\/outside/.test(script));
  if (bad !== undefined) throw new Error(`acts on a path that nobody asked for:\n${bad.slice(-1500)}`);
  const command = requests.map(foreignCommand).find(Boolean);
  if (command !== undefined) throw new Error(`runs what a reply says:\n${command}`);
}

describe('attacks: replies that a host makes up', function () {
  this.timeout(3_600_000);
  const runs = Number(process.env.FUZZ_RUNS ?? 40);
  const played = PLAYED.filter(({ module }) => module.name !== 'reboot');

  for (const { module, tasks } of played) {
    it(`end ${module.name} with a result or its own failure`, () => {
      const calls = tasks.map(task => callOf(module, task));
      fc.assert(
        fc.property(fc.nat(calls.length - 1), reactions, (at, answers) => play(calls[at]!, answers)),
        { numRuns: runs },
      );
    });
  }

  it('are tried on every module that asks a host', () => {
    expect(played.filter(({ tasks }) => tasks.length === 0).map(({ module }) => module.name)).to.deep.equal(
      [],
    );
  });
});
