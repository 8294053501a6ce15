import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, UsageError } from '../../lib/source/errors.ts';

/** Transactions a second: what each node reads, and what the primary writes; the median of the repetitions. */
export interface Measured {
  readonly reads: Readonly<Record<string, number>>;
  readonly writes: number;
}

/** What decides how fast a host can be; two measurements with others are not compared. */
export type Facts = Readonly<Record<string, string>>;

/** The cluster's own measurement of another day, with all that must be the same for a comparison. */
export interface Baseline {
  readonly schema: 1;
  readonly storedAt: string;
  readonly primary: string;
  readonly load: Facts;
  readonly hosts: Readonly<Record<string, Facts>>;
  readonly measured: Measured;
}

/** A smoke test: what is slower than this share of the baseline is no scatter. */
export const LEAST_SHARE = 0.7;
/** An update of the kernel takes some memory more or less. */
const SAME_MEMORY = 0.03;

export interface Verdict {
  readonly host: string;
  readonly what: string;
  readonly tps: number;
  readonly baseline: number;
  readonly share: number;
  readonly ok: boolean;
}

/** Each figure against its own of the baseline. A node that the baseline does not know has nothing to be compared with. */
export function compare(baseline: Baseline, now: Baseline): readonly Verdict[] {
  const one = (host: string, what: string, tps: number, before: number | undefined): Verdict[] => {
    if (before === undefined) return [];
    const share = tps / before;
    return [{ host, what, tps, baseline: before, share, ok: share >= LEAST_SHARE }];
  };
  return [
    ...Object.entries(now.measured.reads).flatMap(([host, tps]) =>
      one(host, 'reads', tps, baseline.measured.reads[host]),
    ),
    ...one(now.primary, 'writes', now.measured.writes, baseline.measured.writes),
  ];
}

/** What forbids a comparison, in words: another load, other hardware, settings that change what a transaction costs. */
export function differences(baseline: Baseline, now: Baseline): readonly string[] {
  const hosts = Object.keys(now.hosts).filter(host => baseline.hosts[host] !== undefined);
  const gone = Object.keys(baseline.hosts).filter(host => now.hosts[host] === undefined);
  const added = Object.keys(now.hosts).filter(host => baseline.hosts[host] === undefined);
  return [
    ...differing('', baseline.load, now.load),
    ...(baseline.primary === now.primary
      ? []
      : // The writes of another primary are compared where it is a machine of the same kind.
        differing('primary: ', baseline.hosts[baseline.primary] ?? {}, now.hosts[now.primary] ?? {})),
    ...hosts.flatMap(host => differing(`${host}: `, baseline.hosts[host]!, now.hosts[host]!)),
    ...gone.map(host => `${host} was measured then, and not now`),
    ...added.map(host => `${host} was not measured then`),
  ];
}

function differing(where: string, before: Facts, after: Facts): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap(name => {
    const [a = '', b = ''] = [before[name], after[name]];
    if (a === b || (name === 'memory MiB' && Math.abs(Number(a) / Number(b) - 1) < SAME_MEMORY)) return [];
    return [`${where}${name} ${a || 'nothing'} → ${b || 'nothing'}`];
  });
}

export function readBaseline(file: string): Baseline | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const known = JSON.parse(readFileSync(file, 'utf8')) as Baseline;
    if (known.schema !== 1 || typeof known.measured.writes !== 'number') throw new Error('another schema');
    return known;
  } catch (error) {
    throw new UsageError(
      `${file} is not a baseline (${messageOf(error)}): --new-baseline measures and stores a new one`,
      5,
    );
  }
}

/** Replaces it as a whole: a run that is killed leaves the one before. */
export function storeBaseline(file: string, baseline: Baseline): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(baseline, null, 1)}\n`);
  renameSync(`${file}.new`, file);
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
