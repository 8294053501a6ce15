import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { missingParts, planMeasurements } from './plan.ts';
import { loadProfile, PROFILES } from './profiles.ts';

const short = (planned: ReturnType<typeof planMeasurements>) =>
  planned.map(c => `${c.repetition} ${partsOf(c)}`);
const partsOf = (planned: ReturnType<typeof planMeasurements>[number]) =>
  planned.parts.map(p => `${p.workload} ${p.nodes}`).join(' + ');

describe('bench: plan', () => {
  it('measures one node, all nodes and the writes, in the order of the guide', () => {
    expect(short(planMeasurements(PROFILES.smoke!, 3))).to.deep.equal([
      '1 read-only 1',
      '1 read-only 3',
      '1 read-write 1',
    ]);
    expect(short(planMeasurements(PROFILES.smoke!, 1))).to.deep.equal(['1 read-only 1', '1 read-write 1']);
    const pair = { ...PROFILES.smoke!, readOnlyNodes: [1], aaPair: true };
    expect(short(planMeasurements(pair, 3))).to.deep.equal([
      '1 read-only 1',
      '1 read-write 1',
      '1 read-write-again 1',
    ]);
  });

  it('repeats in a random order that the seed decides, each repetition whole', () => {
    const profile = { ...PROFILES.smoke!, repetitions: 5 };
    const planned = planMeasurements(profile, 3);
    expect(planned).to.have.length(15);
    expect(planMeasurements(profile, 3)).to.deep.equal(planned);
    expect(planMeasurements({ ...profile, seed: 2 }, 3)).not.to.deep.equal(planned);
    expect(new Set(planned.map(c => c.randomSeed)).size).to.equal(15);
    for (let r = 1; r <= 5; r++) {
      const one = planned.filter(c => c.repetition === r).map(partsOf);
      expect(one.sort()).to.deep.equal(['read-only 1', 'read-only 3', 'read-write 1']);
    }
  });
});

describe('bench: plan of a night', () => {
  const nightly = { ...PROFILES.nightly!, repetitions: 1 };

  it('reads on 1 to N nodes, and mixes writing with reading on the replicas', () => {
    expect(short(planMeasurements(nightly, 3))).to.deep.equal([
      '1 read-only 1',
      '1 read-only 2',
      '1 read-only 3',
      '1 read-write 1',
      '1 simple-update 1',
      '1 mixed-writes 1 + mixed-reads 2',
    ]);
    expect(short(planMeasurements(nightly, 1))).to.deep.equal([
      '1 read-only 1',
      '1 read-write 1',
      '1 simple-update 1',
    ]);
  });

  it('goes through a balancer beside the direct way', () => {
    const through = { ...PROFILES.balanced!, repetitions: 1 };
    expect(short(planMeasurements(through, 3))).to.deep.equal([
      '1 read-only 1',
      '1 read-write 1',
      '1 balanced-writes 1 + balanced-reads 1',
    ]);
    expect(short(planMeasurements(through, 1)).at(-1)).to.equal('1 balanced-writes 1');
  });

  it('tells what a missing node leaves unmeasured', () => {
    expect(missingParts(nightly, 3, 2)).to.deep.equal([
      { workload: 'read-only', nodes: 3 },
      { workload: 'mixed-reads', nodes: 2 },
    ]);
    expect(missingParts(nightly, 3, 3)).to.deep.equal([]);
  });
});

describe('bench: profiles', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-profile-'));
  after(() => rmSync(dir, { recursive: true }));
  const file = (text: string) => {
    const path = join(dir, 'mine.yaml');
    writeFileSync(path, text);
    return path;
  };

  it('takes one from a file', () => {
    const mine = { ...PROFILES.smoke!, name: 'mine', scale: 7 };
    expect(loadProfile(file(JSON.stringify(mine)))).to.deep.equal(mine);
  });

  for (const [what, name, message] of [
    ['no such file', 'nightlong', 'neither a profile (smoke, guide, balanced, nightly) nor a readable file'],
    [
      'unknown and missing keys',
      () => file('{name: mine, scale: 0, size: 3}'),
      'must NOT have additional properties',
    ],
    [
      'a value out of range',
      () => file(JSON.stringify({ ...PROFILES.smoke, scale: 0 })),
      'profile/scale must be >= 1',
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => loadProfile(typeof name === 'string' ? name : name())).to.throw(message);
    });
  }
});
