import { expect } from 'chai';
import type { MeasuredFigures, NodeFigures } from './result.ts';
import { scalingOf, summariseRun, titleOf } from './summary.ts';

const node = (host: string, tps: number, p99 = 2): NodeFigures => ({
  host,
  tps,
  latencyMs: 1,
  stddevMs: 0.1,
  transactions: tps * 5,
  errors: 0,
  skipped: 0,
  percentiles: { count: tps * 5, p50: 0.9, p90: 1.5, p95: 1.8, p99, p999: 5, max: 9 },
});
const cell = (
  workload: MeasuredFigures['workload'],
  repetition: number,
  perNode: NodeFigures[],
): MeasuredFigures => ({
  workload,
  nodes: perNode.length,
  repetition,
  clients: 4,
  threads: 2,
  seconds: 5,
  tps: perNode.reduce((total, n) => total + n.tps, 0),
  errors: 0,
  perNode,
});

describe('bench: summary', () => {
  const cells = [
    cell('read-write', 1, [node('rw1', 500)]),
    cell('read-only', 1, [node('rw1', 900), node('ro1', 950, 4)]),
    cell('read-only', 2, [node('rw1', 910), node('ro1', 960, 6)]),
    cell('read-only', 3, [node('rw1', 880), node('ro1', 990, 5)]),
    cell('read-only', 1, [node('rw1', 1000)]),
  ];
  const latencies = { count: 10, p50: 0.9, p90: 1.5, p95: 1.8, p99: 5, p999: 5, max: 9 };
  const night = [
    {
      workload: 'read-only' as const,
      nodes: 2,
      tps: 1870,
      repetitions: 3,
      percentiles: latencies,
      perNode: [{ host: 'ro1', tps: 960, percentiles: latencies }],
    },
  ];
  const summaries = summariseRun({ cells, night });

  it('groups by workload and nodes, reading first', () => {
    expect(summaries.map(titleOf)).to.deep.equal([
      'read-only, 1 node',
      'read-only, 2 nodes',
      'read-write, 1 node',
    ]);
  });

  it('takes medians over the repetitions, of sums and of nodes', () => {
    const both = summaries[1]!;
    expect(both).to.include({ tps: 1870, repetitions: 3, errors: 0 });
    expect(both.interval!.low).to.be.within(1850, 1870);
    expect(both.interval!.coverage).to.equal(0.75);
    expect(both.perNode[1]).to.deep.include({ host: 'ro1', tps: 960, percentiles: latencies });
    expect(summaries[0]!.interval).to.equal(undefined);
  });

  it('leaves out repetitions that are not a measure, and says why', () => {
    const broken = { ...cell('read-only', 4, [node('rw1', 900), node('ro1', 5)]), invalid: 'ro1: hung' };
    const both = summariseRun({ cells: [...cells, broken], night })[1]!;
    expect(both).to.include({ tps: 1870, valid: 3, repetitions: 4 });
    expect(both.invalid).to.deep.equal(['ro1: hung']);
    const nothing = summariseRun({ cells: [broken], night: [] });
    expect(nothing[0]).to.include({ valid: 0, tps: 905 });
    expect(scalingOf(nothing)).to.equal(undefined);
  });

  it('tells how reading scales', () => {
    expect(scalingOf(summaries)).to.deep.equal({ nodes: 2, speedUp: 1.87, efficiency: 0.935 });
    expect(scalingOf(summaries.slice(1))).to.equal(undefined);
  });
});
