import { median } from '../cluster/statistics.ts';
import type { Cost } from './measure.ts';

export type Phase = 'first' | 'again';

/** One run of one runner on so many hosts. */
export interface Sample {
  readonly runner: string;
  readonly hosts: number;
  readonly phase: Phase;
  readonly repetition: number;
  readonly cost: Cost;
}

/** Medians over the repetitions, and how they compare with polarplay's. */
export interface Row {
  readonly runner: string;
  readonly hosts: number;
  readonly phase: Phase;
  readonly wallMs: number;
  readonly controlCpuMs: number;
  readonly hostsCpuMs: number;
  readonly cpuMs: number;
  /** This one's over polarplay's; above 1, polarplay is the quicker. */
  readonly wallRatio: number;
  readonly cpuRatio: number;
  /** The least and the most of the repetitions. */
  readonly wallRange: Range;
  readonly cpuRange: Range;
}

export interface Range {
  readonly least: number;
  readonly most: number;
}

export const REFERENCE = 'polarplay';

/** The table: one row per runner, number of hosts and phase. */
export function summarise(samples: readonly Sample[]): readonly Row[] {
  const keys = [...new Map(samples.map(s => [`${s.hosts} ${s.phase} ${s.runner}`, s])).values()];
  const medians = keys.map(({ runner, hosts, phase }) => {
    const costs = samples
      .filter(s => s.runner === runner && s.hosts === hosts && s.phase === phase)
      .map(s => s.cost);
    return {
      runner,
      hosts,
      phase,
      wallMs: median(costs.map(c => c.wallMs)),
      controlCpuMs: median(costs.map(c => c.controlCpuMs)),
      hostsCpuMs: median(costs.map(c => c.hostsCpuMs)),
      cpuMs: median(costs.map(c => c.controlCpuMs + c.hostsCpuMs)),
      wallRange: rangeOf(costs.map(c => c.wallMs)),
      cpuRange: rangeOf(costs.map(c => c.controlCpuMs + c.hostsCpuMs)),
    };
  });
  return medians.map(row => {
    const own = medians.find(r => r.runner === REFERENCE && r.hosts === row.hosts && r.phase === row.phase);
    return {
      ...row,
      wallRatio: row.wallMs / (own?.wallMs ?? Number.NaN),
      cpuRatio: row.cpuMs / (own?.cpuMs ?? Number.NaN),
    };
  });
}

const rangeOf = (values: readonly number[]): Range => ({
  least: Math.min(...values),
  most: Math.max(...values),
});

/** How far the repetitions lie apart, as a share of their median. */
export const spreadOf = ({ least, most }: Range, middle: number): number => (most - least) / middle;

/**
 * `kept` and `missed` hold whichever repetitions are taken; `unsure` depends on which ones, or the machine was not idle:
 * then nothing can be concluded.
 */
export type TargetVerdict = 'kept' | 'missed' | 'unsure';

/** Something the project promises about its own speed, and whether this measurement keeps it. */
export interface Target {
  readonly text: string;
  readonly verdict: TargetVerdict;
  readonly measured: string;
}

/** The honest floor: the same key exchange as polarplay's, instead of the dearer one that OpenSSH prefers. */
const FLOOR = 'floor-fast';

/**
 * A tenth of tuned Ansible everywhere, and at the largest field no more than three times the floor's CPU. On a machine that
 * was not idle nothing is concluded.
 */
export function judgeTargets(rows: readonly Row[], idle: boolean): readonly Target[] {
  const own = (row: Row) =>
    rows.find(r => r.runner === REFERENCE && r.hosts === row.hosts && r.phase === row.phase);
  const targets: Target[] = [];
  const tuned = rows.filter(row => row.runner === 'ansible-tuned' && own(row));
  for (const [what, pick] of [
    ['wall time', (r: Row) => r.wallRange],
    ['CPU time', (r: Row) => r.cpuRange],
  ] as const) {
    if (tuned.length === 0) continue;
    const factors = tuned.map(row => quotient(pick(row), pick(own(row)!)));
    const closest = {
      least: Math.min(...factors.map(f => f.least)),
      most: Math.min(...factors.map(f => f.most)),
    };
    targets.push({
      text: `at most a tenth of tuned Ansible's ${what}, in every field and phase`,
      verdict: verdictOf(closest, factor => factor >= 10, idle),
      measured: `tuned Ansible takes ${rangeText(closest)} times as much where it is closest`,
    });
  }
  const most = Math.max(...rows.map(row => row.hosts));
  const floors = rows.filter(row => row.runner === FLOOR && row.hosts === most && own(row));
  if (floors.length > 0) {
    const factors = floors.map(row => quotient(own(row)!.cpuRange, row.cpuRange));
    const worst = {
      least: Math.max(...factors.map(f => f.least)),
      most: Math.max(...factors.map(f => f.most)),
    };
    targets.push({
      text: `at ${most} hosts no more than 3 times the CPU time of one script per host over ssh with the same key exchange`,
      verdict: verdictOf(worst, factor => factor <= 3, idle),
      measured: `${rangeText(worst)} times`,
    });
  }
  return targets;
}

/** All that dividing one by the other can give, whichever repetitions are taken. */
const quotient = (a: Range, b: Range): Range => ({ least: a.least / b.most, most: a.most / b.least });

function verdictOf({ least, most }: Range, holds: (factor: number) => boolean, idle: boolean): TargetVerdict {
  if (!idle || holds(least) !== holds(most)) return 'unsure';
  return holds(least) ? 'kept' : 'missed';
}

const rangeText = ({ least, most }: Range): string => {
  const digits = most < 10 ? 2 : 1;
  return least === most ? least.toFixed(digits) : `${least.toFixed(digits)} to ${most.toFixed(digits)}`;
};
