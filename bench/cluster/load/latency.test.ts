import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { COUNT_LATENCIES, percentileCurve, percentilesOf, readLatencyCounts } from './latency.ts';

const log = [
  ...Array.from({ length: 990 }, (_, i) => `0 ${i} 1000 0 1795388206 877278`),
  ...Array.from({ length: 9 }, (_, i) => `1 ${i} 20000 0 1795388207 1 77`),
  '1 9 500000 0 1795388207 2 77 0',
  '1 10 skipped 0 1795388207 3 77',
  '1 11 serialization 0 1795388207 4 77',
].join('\n');

describe('bench: latencies from the transaction log', () => {
  const counted = execFileSync('sh', ['-c', COUNT_LATENCIES], { input: log, encoding: 'utf8' });
  const { histogram, failures } = readLatencyCounts(counted.split('\n'));

  it('counts on the host, reads the counts', () => {
    expect(counted.trim().split('\n').sort()).to.deep.equal([
      '1000 990',
      '20000 9',
      '500000 1',
      'serialization 1',
      'skipped 1',
    ]);
    expect(failures).to.equal(1);
  });

  it('gives the percentiles within the histogram’s three digits', () => {
    const p = percentilesOf(histogram)!;
    expect(p.count).to.equal(1000);
    for (const [value, expected] of [
      [p.p50, 1],
      [p.p99, 1],
      [p.p999, 20],
      [p.max, 500],
    ] as const) {
      expect(value).to.be.closeTo(expected, expected / 500);
    }
    expect(percentilesOf(readLatencyCounts([]).histogram)).to.equal(undefined);
  });

  it('draws a curve that only rises, to the last transaction', () => {
    const curve = percentileCurve(histogram);
    expect(curve[0]![1]).to.be.closeTo(1, 0.01);
    expect(curve.at(-1)![1]).to.be.closeTo(500, 1);
    for (let i = 1; i < curve.length; i++) expect(curve[i]![1]).to.be.at.least(curve[i - 1]![1]);
  });
});
