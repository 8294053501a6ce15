import { expect } from 'chai';
import { eventually, NotInTime } from '../lib/cluster/eventually.ts';
import { type Check, expectSame, type Layer } from './check.ts';
import type { Finding } from './findings.ts';
import { runLayers } from './suite.ts';

const layer = (name: string, checks: Layer<null>['checks']): Layer<null> => ({ name, title: name, checks });

async function run(layers: readonly Layer<null>[]): Promise<readonly Finding[]> {
  const live: Finding[] = [];
  const findings = await runLayers(layers, null, {
    timeoutMs: 200,
    settleMs: 1_000,
    onFinding: finding => live.push(finding),
  });
  expect(live).to.deep.equal(findings);
  return findings;
}

const passing: Check = { id: 'a.one', title: 'one', hosts: ['h'], run: async () => {} };

describe('verify: the harness', () => {
  it('gives a finding for every check, in order, with figures', async () => {
    const findings = await run([
      layer('a', () => [
        { ...passing, run: async c => c.note({ name: 'lag', value: 3, unit: 'ms' }) },
        { id: 'a.two', title: 'two', hosts: ['h'], skip: 'there is no PFS under the stand-in' },
        {
          ...passing,
          run: async c => {
            await c.each(async host => {
              throw new Error(`no ${host}`);
            });
          },
        },
      ]),
    ]);
    expect(findings.map(f => f.verdict)).to.deep.equal(['passed', 'skipped', 'failed']);
    expect(findings[0]?.figures).to.deep.equal([{ name: 'lag', value: 3, unit: 'ms' }]);
    expect(findings[1]).to.include({ reason: 'there is no PFS under the stand-in' });
    expect(findings[2]).to.include({ message: 'h: no h' });
  });

  for (const [what, bad, message] of [
    ['a layer without checks', layer('a', () => []), 'matched no check'],
    ['a check without hosts', layer('a', () => [{ ...passing, hosts: [] }]), 'matched no host'],
    [
      'a layer that cannot list its checks',
      layer('a', () => {
        throw new Error('group "nodes" is empty');
      }),
      'group "nodes" is empty',
    ],
    [
      'a check that hangs',
      layer('a', () => [{ ...passing, run: () => new Promise(() => {}) }]),
      'no answer within 0.2 s',
    ],
  ] as const) {
    it(`fails on ${what}`, async () => {
      const findings = await run([bad]);
      expect(findings).to.have.length(1);
      expect(findings[0]).to.include({ verdict: 'failed' });
      expect((findings[0] as { message: string }).message).to.contain(message);
    });
  }

  it('names the hosts that did not answer, and what the others said', async () => {
    const asks = async (host: string) => {
      if (host === 'slow') await new Promise(() => {});
      if (host === 'broken') throw new Error('no such disk');
    };
    const check: Check = {
      ...passing,
      hosts: ['good', 'slow', 'broken'],
      run: async c => void (await c.each(asks)),
    };
    const [finding] = await run([layer('a', () => [check])]);
    expect(finding).to.include({ message: 'slow: no answer within 0.2 s\nbroken: no such disk' });
  });

  it('gives a check the time it asks for, beside the limit', async () => {
    const sleeping = () => new Promise<void>(resolve => setTimeout(resolve, 300));
    const findings = await run([
      layer('a', () => [
        { ...passing, run: sleeping },
        { ...passing, run: sleeping, extraMs: 5_000 },
      ]),
    ]);
    expect(findings.map(f => f.verdict)).to.deep.equal(['failed', 'passed']);
  });

  it('waits for the cluster to settle once, not in every check', async () => {
    let looks = 0;
    const waiting: Check = {
      ...passing,
      settles: true,
      run: c => c.settled(() => Promise.reject(new Error(`look ${++looks}`)), 'h'),
    };
    const findings = await run([layer('a', () => [waiting, waiting])]);
    const messages = findings.map(f => f.verdict === 'failed' && f.message);
    expect(messages[0]).to.match(/^not true within (1|0\.9\d*) s \(\d+ attempts\); last: look \d+$/);
    expect(messages[1]).to.equal(`look ${looks}`);
  });

  it('cleans up after an abort too, and a clean-up that fails is a finding', async () => {
    const stop = new AbortController();
    const findings = await runLayers(
      [
        {
          ...layer('a', () => [
            { ...passing, run: () => new Promise(() => stop.abort(new Error('interrupted'))) },
            { ...passing, id: 'a.second' },
          ]),
          cleanUp: () => Promise.reject(new Error('schema still there')),
        },
      ],
      null,
      { timeoutMs: 1000, settleMs: 0, onFinding: () => {}, signal: stop.signal },
    );
    expect(findings.map(f => [f.id, f.verdict === 'failed' && f.message])).to.deep.equal([
      ['a.one', 'interrupted'],
      ['a.clean-up', 'schema still there'],
    ]);
  });

  it('names every host that disagrees', () => {
    expect(() => expectSame(new Map([['a', 1]]), 'size')).not.to.throw();
    expect(() =>
      expectSame(
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
        'size',
      ),
    ).to.throw('size differs between hosts\na: 1\nb: 2');
  });
});

describe('verify: eventually', () => {
  it('reports when it became true', async () => {
    let calls = 0;
    const from = performance.now();
    const settled = await eventually(
      async () => {
        if (++calls < 4) throw new Error('not yet');
        return 'there';
      },
      { withinMs: 10_000, everyMs: 20 },
    );
    expect(settled).to.include({ value: 'there', attempts: 4 });
    expect(settled.timeToTrueMs).to.be.within(55, performance.now() - from);
  });

  it('says what it saw last when time is up, and does not wait for an attempt that hangs', async () => {
    let calls = 0;
    const failure = await eventually(
      () => (++calls === 1 ? Promise.reject(new Error('lag is 7 MB')) : new Promise(() => {})),
      { withinMs: 1000, everyMs: 10 },
    ).catch(error => error);
    expect(failure).to.be.instanceOf(NotInTime);
    expect(failure.message).to.equal('not true within 1 s (2 attempts); last: lag is 7 MB');
  });

  it('does not wait for a mistake in the check itself', async () => {
    const failure = await eventually(
      async () => {
        throw new TypeError('x is not a function');
      },
      { withinMs: 5000 },
    ).catch(error => error);
    expect(failure).to.be.instanceOf(TypeError);
  });
});
