import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { PgbenchError, parsePgbench } from './pgbench.ts';

const text = (name: string, kind: 'out' | 'err') =>
  readFileSync(new URL(`testdata/pgbench-${name}.${kind}`, import.meta.url), 'utf8');
const recorded = (name: string) => parsePgbench(text(name, 'out'), text(name, 'err'));

describe('bench: output of pgbench', () => {
  for (const [name, expected] of [
    [
      '15/ro',
      {
        version: '15.20',
        scale: 1,
        clients: 2,
        threads: 2,
        durationS: 3,
        transactions: 44669,
        errors: 0,
        tps: 14939.1651,
        latencyMs: 0.1,
        stddevMs: 0.511,
      },
    ],
    ['15/rw', { version: '15.20', transactions: 4717, errors: 0, tps: 1572.714454, latencyMs: 1.259 }],
    ['15/rate', { transactions: 1485, errors: 0, skipped: 83, tps: 498.014482, latencyMs: 2.644 }],
    ['15/bad', { transactions: 0, errors: 2, tps: undefined, latencyMs: undefined }],
    [
      '11/ro',
      {
        version: undefined,
        scale: 100,
        clients: 32,
        durationS: 120,
        transactions: 56394920,
        errors: 1,
        tps: 470003.105477,
        latencyMs: 0.068,
        stddevMs: 0.019,
      },
    ],
  ] as const) {
    it(`${name}: the figures`, () => expect(recorded(name)).to.include(expected));
  }

  it('reads the time series of both versions', () => {
    expect(recorded('15/rw').progress[1]).to.deep.equal({
      atS: 2,
      tps: 1277.1,
      latencyMs: 1.55,
      stddevMs: 2.388,
    });
    expect(recorded('15/rate').progress).to.have.length(2);
    expect(recorded('11/ro').progress[0]).to.deep.equal({
      atS: 1,
      tps: 438411.7,
      latencyMs: 0.07,
      stddevMs: 0.042,
    });
  });

  it('reads the statements of both versions', () => {
    expect(recorded('15/rw').statements).to.have.length(11);
    expect(recorded('15/rw').statements[4]).to.deep.equal({ ms: 0.114, statement: 'BEGIN;' });
    expect(recorded('11/ro').statements[1]!.statement).to.match(/^SELECT abalance/);
  });

  it('says what went wrong', () => {
    expect(recorded('15/bad').complaints[0]).to.contain('division by zero');
    expect(recorded('11/ro').complaints[0]).to.contain('could not access status of transaction');
    expect(() => parsePgbench('', 'pgbench: error: connection to server failed: No such file\n')).to.throw(
      PgbenchError,
      'connection to server failed',
    );
  });

  // Recorded on a server of version 15: Debian's pgbench 13.23, 15.18, 17.12 and 18.6; 11.9 of PolarDB 11 (with one thread),
  // 12.3, 14.13 and 16.4 built from their sources. stderr of --verbose-errors is cut off after some kilobytes.
  for (const version of ['15', '16', '17', '18']) {
    const of = (name: string) => recorded(`${version}/${name}`);

    it(`${version}: a session for each transaction (-C) has a rate, too`, () => {
      expect(of('connect').tps).to.be.within(5, 120);
      expect(of('connect').version).to.match(new RegExp(`^${version}\\.`));
    });

    it(`${version}: transactions that are tried again (--max-tries), with failures and statements`, () => {
      const result = of('retries');
      expect(result.retried).to.be.greaterThan(50);
      expect(result.errors).to.be.greaterThan(50);
      expect([result.aborted, result.complaints]).to.deep.equal([false, []]);
      expect(result.statements.map(s => s.statement).at(-1)).to.equal('END;');
      expect(result.statements).to.have.length(5);
      expect(result.progress).to.have.length(3);
    });

    it(`${version}: what --verbose-errors tells of transactions tried again is not an error of its own`, () => {
      const result = of('verbose');
      expect(result.complaints).to.deep.equal([]);
      const [, failed] = /^number of failed transactions: (\d+)/m.exec(text(`${version}/verbose`, 'out'))!;
      expect(result.errors).to.equal(Number(failed));
    });

    it(`${version}: several scripts, each with its statements; the rate is that of all`, () => {
      const result = of('scripts');
      expect(result.statements).to.have.length(['16', '18'].includes(version) ? 2 + 6 : 2 + 9);
      const ofScripts = [...text(`${version}/scripts`, 'out').matchAll(/^ - .*[(\s]tps = ([\d.]+)/gm)].map(
        m => Number(m[1]),
      );
      expect(result.tps).to.be.closeTo(ofScripts[0]! + ofScripts[1]!, 0.01);
    });

    it(`${version}: a latency limit (-R -L) skips and counts the late ones`, () => {
      const result = of('limit');
      expect(result.skipped + result.late).to.be.greaterThan(0);
      expect(result.progress[0]!.tps).to.be.greaterThan(0);
    });

    it(`${version}: a stalled second is nothing done, without a latency`, () => {
      const seconds = of('stall').progress.slice(0, 3);
      expect(seconds.map(({ atS, tps }) => [atS, tps])).to.deep.equal([
        [1, 0],
        [2, 0],
        [3, 1],
      ]);
      expect(seconds[0]).not.to.have.property('latencyMs');
      expect(seconds[2]!.latencyMs).to.be.greaterThan(2000);
    });
  }

  for (const version of ['11', '12', '14']) {
    const of = (name: string) => recorded(`${version}/${name}`);

    it(`${version}: scripts, limits, stalls, and clients that give up`, () => {
      expect(
        of('scripts')
          .statements.map(s => s.statement)
          .at(-1),
      ).to.equal('END;');
      expect(of('scripts').statements).to.have.length(2 + 6);
      expect(of('limit').skipped).to.be.greaterThan(0);
      expect(of('limit').late).to.be.greaterThan(0);
      expect([of('limit').errors, of('stall').errors]).to.deep.equal([0, 0]);
      // The spread of a single transaction is "-nan" in version 11.
      expect(of('stall').progress.map(p => p.tps)).to.deep.equal(
        [0, 0, 1, 0].slice(0, of('stall').progress.length),
      );
      expect(of('bad')).to.include({ transactions: 0, errors: 2, aborted: true, tps: undefined });
    });

    it(`${version}: a session for each transaction (-C) has the rate of the whole time`, () => {
      const { tps, transactions, durationS } = of('connect');
      expect(tps).to.be.closeTo(transactions / durationS!, 1);
    });
  }

  it('13: two rates, of which the one without connecting counts; scripts, limits and stalls as well', () => {
    const scripts = recorded('13/scripts');
    expect([scripts.version, scripts.tps]).to.deep.equal([undefined, 1526.707897]);
    expect(scripts.statements).to.have.length(2 + 9);
    expect(recorded('13/limit')).to.include({ skipped: 160, late: 285, errors: 0 });
    expect(recorded('13/stall').progress[0]).to.deep.equal({ atS: 1, tps: 0 });
  });
});
