import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  COUNT_LATENCIES,
  percentileCurve,
  percentilesOf,
  readIntervalSums,
  readLatencyCounts,
  SUM_INTERVALS,
} from './latency.ts';

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

  // Where each comes from, pgbench.test.ts says.
  const data = (name: string) => readFileSync(new URL(`testdata/pgbench-${name}`, import.meta.url), 'utf8');
  const total = (name: string, what: string) =>
    Number(new RegExp(`^number of ${what}: (\\d+)`, 'm').exec(data(name))![1]);

  for (const version of ['11', '12', '14', '16', '18']) {
    it(`${version}: every transaction of a real log counts, those that a rate limit skipped do not`, () => {
      const lines = execFileSync('sh', ['-c', COUNT_LATENCIES], {
        input: data(`${version}/log.log`),
        encoding: 'utf8',
      });
      const log = readLatencyCounts(lines.split('\n'));
      expect(log.histogram.totalCount).to.equal(
        total(`${version}/log.out`, 'transactions actually processed'),
      );
      expect(log.failures).to.equal(0);
    });
  }

  it('18: transactions of a real log that failed are failures', () => {
    const lines = execFileSync('sh', ['-c', COUNT_LATENCIES], {
      input: data('18/failed.log'),
      encoding: 'utf8',
    });
    expect(readLatencyCounts(lines.split('\n')).failures).to.equal(
      total('18/failed.out', 'failed transactions'),
    );
  });

  for (const version of ['11', '12', '14', '15', '16', '18']) {
    it(`${version}: a log of intervals tells the slowest transaction`, () => {
      const log = data(`${version}/aggregate.log`);
      const sums = readIntervalSums(
        execFileSync('sh', ['-c', SUM_INTERVALS], { input: log, encoding: 'utf8' }),
      );
      const mean = Number(/^latency average = ([\d.]+) ms/m.exec(data(`${version}/aggregate.out`))![1]);
      expect(sums!.slowestMs).to.be.greaterThan(mean).and.lessThan(1000);
      expect(sums!.failures).to.equal(0);
      expect(log).to.contain(` ${1000 * sums!.slowestMs} `);
    });
  }

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
