import { median } from '../cluster/statistics.ts';
import type { Cost } from './measure.ts';

export type Phase = 'first' | 'again';

/** One run of one contestant on so many hosts. */
export interface Sample {
  readonly contestant: string;
  readonly hosts: number;
  readonly phase: Phase;
  readonly repetition: number;
  readonly cost: Cost;
}

/** Medians over the repetitions, and how they compare with polarplay's. */
export interface Row {
  readonly contestant: string;
  readonly hosts: number;
  readonly phase: Phase;
  readonly wallMs: number;
  readonly controlCpuMs: number;
  readonly hostsCpuMs: number;
  readonly cpuMs: number;
  /** This one's over polarplay's; above 1, polarplay is the quicker. */
  readonly wallRatio: number;
  readonly cpuRatio: number;
}

export const REFERENCE = 'polarplay';

/** The table: one row per contestant, number of hosts and phase. */
export function summarise(samples: readonly Sample[]): readonly Row[] {
  const keys = [...new Map(samples.map(s => [`${s.hosts} ${s.phase} ${s.contestant}`, s])).values()];
  const medians = keys.map(({ contestant, hosts, phase }) => {
    const costs = samples
      .filter(s => s.contestant === contestant && s.hosts === hosts && s.phase === phase)
      .map(s => s.cost);
    return {
      contestant,
      hosts,
      phase,
      wallMs: median(costs.map(c => c.wallMs)),
      controlCpuMs: median(costs.map(c => c.controlCpuMs)),
      hostsCpuMs: median(costs.map(c => c.hostsCpuMs)),
      cpuMs: median(costs.map(c => c.controlCpuMs + c.hostsCpuMs)),
    };
  });
  return medians.map(row => {
    const own = medians.find(
      r => r.contestant === REFERENCE && r.hosts === row.hosts && r.phase === row.phase,
    );
    return {
      ...row,
      wallRatio: row.wallMs / (own?.wallMs ?? Number.NaN),
      cpuRatio: row.cpuMs / (own?.cpuMs ?? Number.NaN),
    };
  });
}

/** Something the project promises about its own speed, and whether this measurement keeps it. */
export interface Target {
  readonly text: string;
  readonly kept: boolean;
  readonly measured: string;
}

/** A tenth of tuned Ansible everywhere, and at the largest field no more than three times the floor's CPU. */
export function judgeTargets(rows: readonly Row[]): readonly Target[] {
  if (!rows.some(row => row.contestant === REFERENCE)) return [];
  const tuned = rows.filter(row => row.contestant === 'ansible-tuned');
  const least = (pick: (row: Row) => number) => Math.min(...tuned.map(pick));
  const targets: Target[] = [];
  if (tuned.length > 0) {
    for (const [what, pick] of [
      ['wall time', (r: Row) => r.wallRatio],
      ['CPU time', (r: Row) => r.cpuRatio],
    ] as const) {
      const factor = least(pick);
      targets.push({
        text: `at most a tenth of tuned Ansible's ${what}, in every field and phase`,
        kept: factor >= 10,
        measured: `tuned Ansible takes ${factor.toFixed(1)} times as much where it is closest`,
      });
    }
  }
  const most = Math.max(...rows.map(row => row.hosts));
  const floors = rows.filter(row => row.contestant === 'floor' && row.hosts === most);
  if (floors.length > 0) {
    const factor = Math.max(...floors.map(row => 1 / row.cpuRatio));
    targets.push({
      text: `at ${most} hosts no more than 3 times the CPU time of one script per host over ssh`,
      kept: factor <= 3,
      measured: `${factor.toFixed(2)} times`,
    });
  }
  return targets;
}
