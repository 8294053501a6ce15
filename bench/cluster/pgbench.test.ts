import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { PgbenchError, parsePgbench } from './pgbench.ts';

const recorded = (name: string) => {
  const read = (kind: string) =>
    readFileSync(new URL(`testdata/pgbench-${name}.${kind}`, import.meta.url), 'utf8');
  return parsePgbench(read('out'), read('err'));
};

describe('bench: output of pgbench', () => {
  for (const [name, expected] of [
    [
      '15-ro',
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
    ['15-rw', { version: '15.20', transactions: 4717, errors: 0, tps: 1572.714454, latencyMs: 1.259 }],
    ['15-rate', { transactions: 1485, errors: 0, skipped: 83, tps: 498.014482, latencyMs: 2.644 }],
    ['15-bad', { transactions: 0, errors: 2, tps: undefined, latencyMs: undefined }],
    [
      '11-ro',
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
    expect(recorded('15-rw').progress[1]).to.deep.equal({
      atS: 2,
      tps: 1277.1,
      latencyMs: 1.55,
      stddevMs: 2.388,
    });
    expect(recorded('15-rate').progress).to.have.length(2);
    expect(recorded('11-ro').progress[0]).to.deep.equal({
      atS: 1,
      tps: 438411.7,
      latencyMs: 0.07,
      stddevMs: 0.042,
    });
  });

  it('reads the statements of both versions', () => {
    expect(recorded('15-rw').statements).to.have.length(11);
    expect(recorded('15-rw').statements[4]).to.deep.equal({ ms: 0.114, statement: 'BEGIN;' });
    expect(recorded('11-ro').statements[1]!.statement).to.match(/^SELECT abalance/);
  });

  it('says what went wrong', () => {
    expect(recorded('15-bad').complaints[0]).to.contain('division by zero');
    expect(recorded('11-ro').complaints[0]).to.contain('could not access status of transaction');
    expect(() => parsePgbench('', 'pgbench: error: connection to server failed: No such file\n')).to.throw(
      PgbenchError,
      'connection to server failed',
    );
  });
});
