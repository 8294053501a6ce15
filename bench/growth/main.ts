import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryCases } from './memory.ts';
import { playbookCases } from './playbooks.ts';
import { transportCases } from './transport.ts';

// How work grows with its size: what costs ten times as much for ten times as many is well; a hundred times is not. Run
// with `npm run bench:growth [WORD…]`, after a build; words choose cases. It measures and judges nothing: times of a loaded
// machine are noise, their ratios are not. The exponent is of the step from 1,000 to 4,000, where the price of a start no
// longer counts: 1 grows with the size, 2 with its square.

const SIZES = [10, 100, 1000];
const [LARGE, LARGEST] = [1000, 4000];

const words = process.argv.slice(2);
const cases = [...playbookCases, ...memoryCases, ...transportCases].filter(
  ({ name }) => words.length === 0 || words.some(word => name.includes(word)),
);
const directory = mkdtempSync(join(tmpdir(), 'polarplay-growth-'));
try {
  for (const { name, cost, unit = 'ms' } of cases) {
    // The first time loads and compiles what it needs; what one costs is the price of a start.
    await cost(1, directory);
    const start = await least(() => cost(1, directory));
    const costs = new Map<number, number>();
    for (const size of SIZES) costs.set(size, await least(() => cost(size, directory)));
    const above = (value: number) => Math.max(value - start, 1);
    const growth = above(await cost(LARGEST, directory)) / above(costs.get(LARGE) ?? 1);
    const exponent = Math.log(growth) / Math.log(LARGEST / LARGE);
    const columns = [...costs].map(([size, value]) => `${size}: ${value.toFixed(0)} ${unit}`.padEnd(14));
    process.stdout.write(`${name.padEnd(42)} ${columns.join(' ')} exponent ${exponent.toFixed(2)}\n`);
  }
} finally {
  rmSync(directory, { recursive: true });
}

/** The lesser of two: what else the machine does only adds. */
async function least(measure: () => Promise<number>): Promise<number> {
  return Math.min(await measure(), await measure());
}
