import { expect } from 'chai';
import { judgeTargets, type Sample, summarise } from './summary.ts';

const sample = (runner: string, hosts: number, wallMs: number, cpuMs: number, repetition = 1): Sample => ({
  runner,
  hosts,
  phase: 'first',
  repetition,
  cost: { wallMs, controlCpuMs: cpuMs / 4, hostsCpuMs: (cpuMs * 3) / 4 },
});

describe('runner bench: summary', () => {
  it('takes medians and compares with polarplay on the same hosts', () => {
    const rows = summarise([
      sample('polarplay', 4, 100, 400, 1),
      sample('polarplay', 4, 900, 440, 2),
      sample('polarplay', 4, 120, 420, 3),
      sample('ansible-tuned', 4, 1800, 8400, 1),
      sample('polarplay', 16, 300, 900),
    ]);
    expect(rows).to.have.length(3);
    expect(rows[1]).to.include({
      runner: 'ansible-tuned',
      wallMs: 1800,
      cpuMs: 8400,
      wallRatio: 15,
      cpuRatio: 20,
    });
    expect(rows[0]).to.include({ wallMs: 120, cpuMs: 420, wallRatio: 1 });
  });

  const judged = (idle: boolean, floorCpu: number, ...more: Sample[]) =>
    judgeTargets(
      summarise([
        sample('polarplay', 1, 100, 100),
        sample('ansible-tuned', 1, 2000, 900),
        sample('polarplay', 16, 100, 100),
        sample('ansible-tuned', 16, 1500, 5000),
        sample('floor', 16, 50, 90),
        sample('floor-fast', 16, 50, floorCpu),
        ...more,
      ]),
      idle,
    );

  it('judges by the worst case of each target, and the floor by equal key exchange', () => {
    const targets = judged(true, 40);
    expect(targets.map(t => t.verdict)).to.deep.equal(['kept', 'missed', 'kept']);
    expect(targets[1]!.measured).to.contain('9.00 times');
    expect(targets[2]!.measured).to.equal('2.50 times');
    expect(judged(true, 30).map(t => t.verdict)).to.deep.equal(['kept', 'missed', 'missed']);
  });

  it('concludes nothing where it depends on the repetition, or the machine was not idle', () => {
    const [wall, , floor] = judged(true, 40, sample('polarplay', 16, 100, 130, 2));
    expect([wall!.verdict, floor!.verdict]).to.deep.equal(['kept', 'unsure']);
    expect(floor!.measured).to.equal('2.50 to 3.25 times');
    expect(new Set(judged(false, 40).map(t => t.verdict))).to.deep.equal(new Set(['unsure']));
  });
});
