import { seededRandom } from '../statistics.ts';
import { judgeNights, type NightValue } from './regression.ts';

/** What the rule does on histories that are made up: how often it cries wolf, and what it finds. */
export interface Simulation {
  /** Standard deviation of a night's figure, as a share of it. */
  readonly noise: number;
  /** Confirmed alarms in 200 nights in which nothing changed, the mean over the histories. */
  readonly falseAlarms: number;
  /** Share of the histories with at most one. */
  readonly quiet: number;
  /** Share of histories in which a loss of ten percent is confirmed within three nights. */
  readonly foundTenPercent: number;
  /** What the report says is the smallest loss noticed (the middle over the histories), and how often one is. */
  readonly smallestNoticed: number;
  readonly foundSmallest: number;
}

/** Nights before the loss, as many as the rule looks back at. */
const BEFORE = 40;

/** The rule at one level of noise; `nights` is how long the histories are in which nothing changes. */
export function simulate(noise: number, { histories = 400, nights = 200, seed = 1 } = {}): Simulation {
  const random = seededRandom(seed);
  const normal = gaussian(random);
  const history = (count: number, level: (night: number) => number): NightValue[] =>
    Array.from({ length: count }, (_, i) => ({ id: `${i}`, value: level(i) * (1 + noise * normal()) }));
  let alarms = 0;
  let quiet = 0;
  let ten = 0;
  let smallest = 0;
  const promised: number[] = [];
  for (let i = 0; i < histories; i++) {
    const still = judgeNights(history(nights, () => 1));
    const raised = still.filter(j => j.verdict === 'confirmed' && j.lowNights === 2).length;
    alarms += raised;
    if (raised <= 1) quiet++;
    if (found(history(BEFORE + 3, night => (night < BEFORE ? 1 : 0.9)))) ten++;
    // The report's promise is what it says on the night before; the loss is of that size.
    const before = history(BEFORE, () => 1);
    const { smallestNoticed } = judgeNights(before).at(-1)!;
    promised.push(smallestNoticed);
    const after = history(3, () => 1 - smallestNoticed).map(n => ({ ...n, id: `after ${n.id}` }));
    if (found([...before, ...after])) smallest++;
  }
  promised.sort((a, b) => a - b);
  return {
    noise,
    falseAlarms: alarms / histories,
    quiet: quiet / histories,
    foundTenPercent: ten / histories,
    smallestNoticed: promised[histories >> 1]!,
    foundSmallest: smallest / histories,
  };
}

/** Whether the loss after `BEFORE` nights is confirmed within three. */
function found(nights: readonly NightValue[]): boolean {
  return judgeNights(nights)
    .slice(BEFORE)
    .some(j => j.verdict === 'confirmed');
}

/** Normally distributed numbers from evenly distributed ones (Box and Muller). */
function gaussian(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** The simulation as a table. */
export function simulationText(rows: readonly Simulation[]): string {
  const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)} %`;
  const cells = rows.map(r => [
    percent(r.noise, 1),
    r.falseAlarms.toFixed(2),
    percent(r.quiet),
    percent(r.foundTenPercent),
    percent(r.smallestNoticed, 1),
    percent(r.foundSmallest),
  ]);
  const head = [
    'noise of a night',
    'false alarms in 200 nights',
    'histories with at most one',
    'loss of 10 % found in 3 nights',
    'smallest loss noticed, as reported',
    'that loss found in 3 nights',
  ];
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '--:').join('|')}|`,
    ...cells.map(c => `| ${c.join(' | ')} |`),
  ].join('\n');
}
