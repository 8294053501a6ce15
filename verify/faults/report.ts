import type { Figure } from '../check.ts';
import type { Finding, Subject, VerifyReport } from '../findings.ts';
import type { Part } from './fault.ts';
import type { FaultResult } from './suite.ts';

/** The results of a run: what `--report FILE.json` holds, and what the table in docs/faults.md is made of. */
export interface FaultsReport {
  readonly schema: 1;
  readonly runId: string;
  readonly startedAt: string;
  readonly durationMs: number;
  /** Everything that was tried held, and something was tried. */
  readonly held: boolean;
  readonly subject: Subject;
  readonly load: {
    readonly acknowledged: number;
    readonly writeErrors: number;
    readonly probes: number;
    readonly pgbenchTransactions: number;
  };
  /** What must hold at the end of all. */
  readonly problems: readonly string[];
  readonly faults: readonly FaultResult[];
}

const TODO =
  'Look at polarplay status, and at the logs of the servers and disks on these hosts for the time of the fault; then try this fault alone (--only).';

/** A result as the reports of the acceptance suite show it. */
export function findingOf(result: FaultResult): Finding {
  const { id, title, hosts, durationMs, verdict, effects, holdS } = result;
  const about = {
    id,
    layer: id.split('.')[0] as Part,
    title,
    severity: 'danger' as const,
    hosts,
    durationMs,
    notLookedAt: [],
  };
  const figure = (name: string, value: number): Figure => ({ name, value, unit: 's' });
  const figures = effects
    ? [
        figure('commits after', effects.writes.recoveredS),
        figure('reads after', effects.reads.recoveredS),
        figure('replicas after', effects.replicas.recoveredS),
        figure('longest pause of commits', effects.writes.pauseS),
        ...(holdS > 0 ? [figure('broken for', holdS)] : []),
      ]
    : [];
  if (verdict === 'held') return { ...about, figures, verdict: 'passed' };
  if (verdict === 'not tried')
    return { ...about, figures, verdict: 'skipped', reason: `not tried: ${result.reason}` };
  const host = hosts.join(', ');
  const faults = result.problems.map(found => ({ host, expected: 'held within its budget', found }));
  return { ...about, figures, verdict: 'failed', faults, todo: TODO };
}

/** The run as a report of the acceptance suite, for the formats that it has. */
export function asVerifyReport({ faults, held, problems, ...report }: FaultsReport): VerifyReport {
  const { runId, startedAt, durationMs, subject } = report;
  const findings = faults.map(findingOf);
  const all = [...findings, ...problems.map(whole)];
  return { schema: 2, runId, startedAt, durationMs, accepted: held, subject, findings: all };
}

/** Something that concerns no single fault. */
const whole = (found: string, i: number): Finding => ({
  id: `run.${i + 1}`,
  layer: 'run',
  title: 'the run as a whole',
  severity: 'danger',
  hosts: [],
  durationMs: 0,
  figures: [],
  notLookedAt: [],
  verdict: 'failed',
  faults: [{ host: '', expected: 'all holds', found }],
  todo: TODO,
});
