import type { NightFigures, RunRecord } from '../result.ts';
import { median } from '../statistics.ts';
import { summariseRun } from '../summary.ts';
import type { Accepted } from './accepted.ts';
import { comparable } from './comparability.ts';
import { ENOUGH, type Judgement, judgeNights, spread, WINDOW } from './regression.ts';

/** One measurement over the nights that can be compared, tonight the last. */
export interface Trend {
  readonly workload: NightFigures['workload'];
  readonly nodes: number;
  readonly runs: readonly { readonly record: RunRecord; readonly figures: NightFigures }[];
  readonly judgements: readonly Judgement[];
  readonly tonight: Judgement;
}

/** A node that reads slower than the others do at the same time. */
export interface SlowNode {
  readonly host: string;
  /** Its rate over the median of the others. */
  readonly share: number;
}

export interface SlowDisk {
  readonly host: string;
  readonly test: string;
  /** Tonight's operations over the median of the nights before. */
  readonly share: number;
}

export interface NightVerdict {
  /** `broken`: something could not be measured. */
  readonly level: 'fine' | 'learning' | 'suspect' | 'confirmed' | 'broken';
  /** What a person reads first. */
  readonly sentence: string;
  readonly trends: readonly Trend[];
  readonly slowNodes: readonly SlowNode[];
  readonly slowDisks: readonly SlowDisk[];
  /** The run before the low nights began, when tonight is low: what changed since then is what to look at. */
  readonly lastFine: RunRecord | undefined;
  /** Whether this is the night that confirms: later ones tell it again, but need not wake anybody. */
  readonly newlyConfirmed: boolean;
}

export const measurementName = ({ workload, nodes }: Pick<NightFigures, 'workload' | 'nodes'>): string =>
  `${workload}/${nodes}`;

/** Below this share of the others' rate a node is worth a word; below this share of its usual rate a disk is. */
const SLOW_NODE = 0.8;
const SLOW_DISK = 0.7;
/**
 * So many of its own standard deviations below, and more where few nights tell them: a night has many disks and tests, and no
 * second night confirms them. Below this share of the usual rate nothing is chance.
 */
const DISK_SIGMAS = 4;
const NO_CHANCE = 1 / 16;
/** From this difference of the same load on, the night itself was not steady. */
const UNSTEADY = 0.05;

/** Nights that decide anything: those that the rule compares with, and what low ones among them began. */
const LOOKED_BACK = 100;

/**
 * The runs that were written before a run. The order of the file counts, not the clock: one that was wrong for a night would
 * keep that night the latest for ever.
 */
export function runsBefore({ id, profile }: RunRecord, history: readonly RunRecord[]): readonly RunRecord[] {
  const at = history.findIndex(r => r.id === id && r.profile === profile);
  return at < 0 ? history : history.slice(0, at);
}

/** Judges a run by the runs before it. */
export function judgeRun(
  record: RunRecord,
  history: readonly RunRecord[],
  accepted: readonly Pick<Accepted, 'id' | 'measurement'>[] = [],
): NightVerdict {
  const before = runsBefore(record, history)
    .filter(r => r.profile === record.profile && comparable(r, record))
    .slice(-LOOKED_BACK);
  const trends = trendsOf(record, before, accepted);
  const slowNodes = slowNodesOf(record);
  const slowDisks = slowDisksOf(record, before);
  const worst = worstOf(trends);
  const broken = record.failed || record.interrupted !== undefined;
  const level =
    worst && worst.tonight.lowNights > 0
      ? worst.tonight.verdict
      : broken
        ? 'broken'
        : (worst?.tonight.verdict ?? 'broken');
  const sentence = [
    mainClause(record, trends, worst),
    ...slowParts(slowDisks, slowNodes),
    ...unsteadiness(record),
    ...troubles(record),
  ].join('; ');
  return {
    level,
    sentence: `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`,
    trends,
    slowNodes,
    slowDisks,
    lastFine:
      worst && worst.tonight.lowNights > 0 ? worst.runs.at(-1 - worst.tonight.lowNights)?.record : undefined,
    newlyConfirmed: trends.some(t => t.tonight.lowNights === 2),
  };
}

/** A paced load does what it is told to: its rate says nothing. What was measured again is not a measurement of its own. */
const NO_TREND = new Set<NightFigures['workload']>(['paced', 'read-write-again']);

function trendsOf(
  record: RunRecord,
  before: readonly RunRecord[],
  accepted: readonly Pick<Accepted, 'id' | 'measurement'>[],
): readonly Trend[] {
  return record.night
    .filter(figures => !NO_TREND.has(figures.workload) && counts(record, figures))
    .map(figures => {
      const { workload, nodes } = figures;
      const same = (run: RunRecord) =>
        run.night.find(n => n.workload === workload && n.nodes === nodes && counts(run, n));
      const runs = [...before, record].flatMap(run => {
        const found = same(run);
        return found ? [{ record: run, figures: found }] : [];
      });
      const name = measurementName(figures);
      const levels = new Set(
        accepted.filter(a => a.measurement === undefined || a.measurement === name).map(a => a.id),
      );
      const judgements = judgeNights(
        runs.map(run => ({ id: run.record.id, value: run.figures.tps })),
        levels,
      );
      return { workload, nodes, runs, judgements, tonight: judgements.at(-1)! };
    });
}

/** A night that was cut short counts when at least half of its repetitions were made. */
function counts({ load }: RunRecord, { repetitions }: NightFigures): boolean {
  return repetitions >= Number(load.repetitions ?? 1) / 2;
}

/** The one that says most: low for the most nights, then lowest; without a low one the largest fall. */
function worstOf(trends: readonly Trend[]): Trend | undefined {
  const rank = ({ tonight: { verdict, change } }: Trend) =>
    ({ confirmed: 3, suspect: 2, fine: 1, learning: 0 })[verdict] * 1000 - change;
  return [...trends].sort((a, b) => rank(b) - rank(a))[0];
}

function mainClause(record: RunRecord, trends: readonly Trend[], worst: Trend | undefined): string {
  if (!worst) return record.cells.length === 0 ? 'nothing was measured' : 'no measurement of this run counts';
  const { verdict, change, nights, smallestNoticed, lowNights } = worst.tonight;
  if (verdict === 'learning')
    return nights === 0
      ? 'the first night of its kind: there is nothing to compare it with yet'
      : `${nights} comparable ${nights === 1 ? 'night' : 'nights'} before this one: too few to judge (7 are needed)`;
  const low = trends.filter(t => t.tonight.lowNights > 0);
  if (low.length > 0) {
    const others = low.length > 1 ? `, and ${low.length - 1} more of ${trends.length} measurements` : '';
    return `${nameOf(worst)} ${signed(change)} against ${nights} nights, ${ordinal(lowNights)}${others}`;
  }
  const judged = trends.filter(t => t.tonight.verdict === 'fine');
  const [largest] = [...judged].sort((a, b) => a.tonight.change - b.tonight.change);
  const blind = Math.max(...judged.map(t => t.tonight.smallestNoticed));
  return `as fast as in the ${largest!.tonight.nights} nights before (${nameOf(largest!)} ${signed(largest!.tonight.change)}; a loss of ${percent(judged.length > 0 ? blind : smallestNoticed)} would be noticed)`;
}

/** What a measurement is called in a sentence. */
const nameOf = ({ workload, nodes }: Trend): string =>
  workload === 'read-only' || workload === 'mixed-reads'
    ? `${workload} on ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`
    : workload;

function ordinal(nights: number): string {
  if (nights === 1) return 'first night, to be confirmed by the next';
  if (nights === 2) return 'second night';
  return `${nights} nights in a row`;
}

/** Slow readers first, from the measurement that has the most nodes at the same time. */
function slowNodesOf(record: RunRecord): readonly SlowNode[] {
  const most = summariseRun(record)
    .filter(s => s.workload === 'read-only' && s.perNode.length > 1)
    .at(-1);
  if (!most) return [];
  return most.perNode
    .map(({ host, tps }) => {
      const others = median(most.perNode.filter(n => n.host !== host).map(n => n.tps));
      return { host, share: others === 0 ? 1 : tps / others };
    })
    .filter(({ share }) => share < SLOW_NODE)
    .sort((a, b) => a.share - b.share);
}

/** The slowest disk and the slowest node. Of one host both are one thing: with few processors its disk is slow as well. */
function slowParts(disks: readonly SlowDisk[], nodes: readonly SlowNode[]): string[] {
  const [node] = nodes;
  const own = disks.find(d => d.host === node?.host);
  const [other] = disks.filter(d => d.host !== node?.host);
  return [
    ...(other ? [`the disk of ${other.host} does ${percent(other.share)} of its usual ${other.test}`] : []),
    ...(node ? [`slowest node ${node.host} at ${percent(node.share)} of the others`] : []),
  ].map((text, i, all) =>
    own && i === all.length - 1
      ? `${text}, and its disk at ${percent(own.share)} of its usual ${own.test}`
      : text,
  );
}

function slowDisksOf(record: RunRecord, before: readonly RunRecord[]): readonly SlowDisk[] {
  return record.storage
    .flatMap(({ host, test, iops }) => {
      const usual = before
        .slice(-WINDOW)
        .flatMap(run => run.storage.filter(s => s.host === host && s.test === test).map(s => s.iops));
      if (usual.length < ENOUGH) return [];
      // A disk that others use as well scatters by factors, so it is judged by factors.
      const factors = usual.map(value => Math.log(Math.max(value, 1)));
      const chance = DISK_SIGMAS * (1 + 4 / factors.length) * spread(factors);
      const least = median(factors) - Math.max(-Math.log(SLOW_DISK), Math.min(chance, -Math.log(NO_CHANCE)));
      return Math.log(Math.max(iops, 1)) < least ? [{ host, test, share: iops / median(usual) }] : [];
    })
    .sort((a, b) => a.share - b.share);
}

/** What the same load, measured twice, differs by is noise: a night with much of it says little. */
function unsteadiness({ night }: RunRecord): string[] {
  const of = (workload: NightFigures['workload']) => night.find(n => n.workload === workload)?.tps ?? 0;
  const [one, again] = [of('read-write'), of('read-write-again')];
  if (one === 0 || again === 0) return [];
  const apart = Math.abs(one - again) / Math.max(one, again);
  return apart > UNSTEADY
    ? [`the same load measured twice differs by ${percent(apart)}: the night was not steady`]
    : [];
}

function troubles({ interrupted, complaints }: RunRecord): string[] {
  const [first] = complaints;
  const more = complaints.length > 1 ? ` (and ${complaints.length - 1} more)` : '';
  return [
    ...(interrupted === undefined ? [] : [`the run was not finished: ${interrupted}`]),
    ...(first === undefined ? [] : [`${first.split('\n')[0]!.slice(0, 160)}${more}`]),
  ];
}

const percent = (share: number): string => {
  const value = 100 * share;
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
};

/** With a real minus sign. */
const signed = (change: number): string =>
  `${change < 0 ? '\u2212' : '+'}${(100 * Math.abs(change)).toFixed(Math.abs(change) < 0.1 ? 1 : 0)} %`;
