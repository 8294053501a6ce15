import type { Fault, Figure, Severity } from './check.ts';

/** A host that could not be looked at, and the check that says why. */
export interface Waiting {
  readonly host: string;
  /** The id of the check that this one waits for, or RUN_ENDED. */
  readonly waitsFor: string;
  readonly reason: string;
}

/** In place of a check's id: the run itself ended (its time was over, or somebody stopped it). */
export const RUN_ENDED = 'time';

/** Why a host was not looked at, in a few words for people. */
export const whyNotSeen = ({ waitsFor, reason }: Waiting): string =>
  waitsFor === RUN_ENDED ? reason : `waits for ${waitsFor}`;

/** The verdict on one check. */
export type Finding = {
  readonly id: string;
  readonly layer: string;
  readonly title: string;
  readonly severity: Severity;
  readonly hosts: readonly string[];
  readonly durationMs: number;
  /** When it first held, from the start of the run; only where the suite had to wait for it. */
  readonly timeToTrueMs?: number;
  readonly figures: readonly Figure[];
  readonly notLookedAt: readonly Waiting[];
} & (
  | { readonly verdict: 'passed' }
  | { readonly verdict: 'failed'; readonly faults: readonly Fault[]; readonly todo: string }
  | {
      readonly verdict: 'waived';
      readonly faults: readonly Fault[];
      readonly reason: string;
      readonly expires: string;
    }
  | { readonly verdict: 'waiting' }
  | { readonly verdict: 'skipped'; readonly reason: string }
);

/** What was looked at, for the head of every report. */
export interface Subject {
  /** "PolarDB 15 on PFS" or the stand-in, said plainly. */
  readonly deployment: string;
  readonly standIn: boolean;
  readonly inventory: readonly string[];
  /** What each host is for, such as `st1` → `storage`. */
  readonly hosts: readonly { readonly name: string; readonly role: string }[];
  /** Remarks about how the suite looked, such as the way SQL took. */
  readonly remarks: readonly string[];
}

export interface VerifyReport {
  readonly schema: 2;
  readonly runId: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly accepted: boolean;
  readonly subject: Subject;
  readonly findings: readonly Finding[];
}

export type Totals = Readonly<Record<Finding['verdict'], number>>;

/** Counts the verdicts. */
export function totalsOf(findings: readonly Finding[]): Totals {
  const count = (verdict: Finding['verdict']) => findings.filter(f => f.verdict === verdict).length;
  return {
    passed: count('passed'),
    failed: count('failed'),
    waived: count('waived'),
    waiting: count('waiting'),
    skipped: count('skipped'),
  };
}

/** The layers in the order they ran, each with its findings. */
export function byLayer(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  const layers = new Map<string, Finding[]>();
  for (const finding of findings) {
    layers.set(finding.layer, [...(layers.get(finding.layer) ?? []), finding]);
  }
  return layers;
}

const ORDER: readonly Severity[] = ['danger', 'fault', 'warning'];

/** Failed findings, the worst first. */
export function failedOf(findings: readonly Finding[]): readonly Extract<Finding, { verdict: 'failed' }>[] {
  return findings
    .filter(finding => finding.verdict === 'failed')
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/** A figure as people read it. */
export function figureText({ name, value, unit, host }: Figure): string {
  return `${host ? `${host} ` : ''}${name} ${value}${unit ? ` ${unit}` : ''}`;
}
