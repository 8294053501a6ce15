import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';
import { BUDGETS } from './budgets.ts';
import { FAULTS } from './catalogue.ts';
import { faultsPage, type Measured, withResults } from './faults-page.ts';
import { measuredFile, measuredResults } from './measured.ts';
import type { FaultsReport } from './report.ts';
import type { FaultResult } from './suite.ts';

describe('verify: docs/faults.md', () => {
  it('is what the faults, their budgets and the measured results say', () => {
    const written = readFileSync(join(PACKAGE_ROOT, 'docs', 'faults.md'), 'utf8');
    expect(written === faultsPage(measuredResults()), 'run `npm run docs`').to.equal(true);
    for (const { id } of FAULTS) expect(written).to.contain(`### ${id}\n`);
  });

  it('knows the results of each kind of deployment from a file of its own', () => {
    const known = measuredResults().map(({ deployment }) => deployment);
    expect(known.some(text => text.startsWith('PolarDB'))).to.equal(true);
    const subject = { inventory: [], hosts: [], remarks: [] };
    expect(
      measuredFile({ ...subject, deployment: 'PolarDB for PostgreSQL 15 on PFS', standIn: false }),
    ).to.match(/polardb-15\.json$/);
  });

  const result = (id: string, rest: Partial<FaultResult>): FaultResult => ({
    id,
    title: id,
    hosts: ['h'],
    verdict: 'held',
    holdS: 0,
    budget: BUDGETS[id]!,
    problems: [],
    durationMs: 1,
    ...rest,
  });
  const reportOf = (...faults: FaultResult[]): FaultsReport => ({
    schema: 1,
    runId: 'r',
    startedAt: '2026-01-02T03:04:05Z',
    durationMs: 1,
    held: true,
    subject: { deployment: 'D', standIn: false, inventory: [], hosts: [], remarks: [] },
    load: { acknowledged: 1, writeErrors: 0, probes: 1, pgbenchTransactions: 1 },
    problems: [],
    faults,
  });
  const effect = (recoveredS: number, pauseS = 0) => ({ recoveredS, pauseS });

  it('takes the results of a run in: a later figure counts, what could not be tried undoes none', () => {
    const effects = { writes: effect(1, 9), reads: effect(2), replicas: effect(3) };
    const first = withResults(
      undefined,
      reportOf(result('nbd.killed', { effects }), result('nbd.hung', { effects })),
    );
    expect(first.faults['nbd.killed']).to.deep.equal([1, 2, 3, 9]);
    const again: Measured = withResults(
      first,
      reportOf(
        result('nbd.killed', { verdict: 'broken', effects, problems: ['a row | is lost'] }),
        result('nbd.hung', { verdict: 'not tried', reason: 'no PFS' }),
        result('nbd.slow', { verdict: 'not tried', reason: 'no PFS' }),
      ),
    );
    expect(again).to.deep.equal({
      deployment: 'D',
      date: '2026-01-02',
      faults: {
        'nbd.killed': 'broken: a row | is lost',
        'nbd.hung': [1, 2, 3, 9],
        'nbd.slow': 'not tried: no PFS',
      },
    });
    const page = faultsPage([again]);
    expect(page).to.contain('| [`nbd.killed`](#nbdkilled) | 60 / 60 / 60 (3) | broken: a row \\| is lost |');
    expect(page).to.contain('| 1 / 2 / 3 (9) |');
  });
});
