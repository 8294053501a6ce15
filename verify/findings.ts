import type { Figure } from './check.ts';

/** The verdict on one check. */
export type Finding = {
  readonly id: string;
  readonly layer: string;
  readonly title: string;
  readonly hosts: readonly string[];
  readonly durationMs: number;
  readonly figures: readonly Figure[];
} & (
  | { readonly verdict: 'passed' }
  | { readonly verdict: 'failed'; readonly message: string }
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
  readonly schema: 1;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly subject: Subject;
  readonly findings: readonly Finding[];
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Counts the verdicts. */
export function totalsOf(findings: readonly Finding[]): Totals {
  const count = (verdict: Finding['verdict']) => findings.filter(f => f.verdict === verdict).length;
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
}

/** The layers in the order they ran, each with its findings. */
export function byLayer(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  const layers = new Map<string, Finding[]>();
  for (const finding of findings) {
    layers.set(finding.layer, [...(layers.get(finding.layer) ?? []), finding]);
  }
  return layers;
}

/** A figure as people read it. */
export function figureText({ name, value, unit, host }: Figure): string {
  return `${host ? `${host} ` : ''}${name} ${value}${unit ? ` ${unit}` : ''}`;
}
