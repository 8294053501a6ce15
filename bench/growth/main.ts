import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { playbookCases } from './playbooks.ts';
import { transportCases } from './transport.ts';

// How work grows with its size: what costs ten times as much for ten times as many is well; a hundred times is not. Run
// with `npm run bench:growth [WORD…]`, after a build; words choose cases. It measures and judges nothing: times of a loaded
// machine are noise, their ratios are not. The exponent is of the last step: 1 grows with the size, 2 with its square.

const SIZES = [1, 10, 100, 1000];

const words = process.argv.slice(2);
const cases = [...playbookCases, ...transportCases].filter(
  ({ name }) => words.length === 0 || words.some(word => name.includes(word)),
);
const directory = mkdtempSync(join(tmpdir(), 'polarplay-growth-'));
try {
  for (const { name, cost } of cases) {
    // The first time loads and compiles what it needs; what one costs is the price of a start.
    await cost(1, directory);
    const costs: number[] = [];
    for (const size of SIZES) costs.push(await cost(size, directory));
    const [start = 0, ...grown] = costs;
    const above = grown.map(ms => Math.max(ms - start, 1));
    const columns = grown.map((ms, at) => `${SIZES[at + 1]}: ${ms.toFixed(0)} ms`);
    const exponent = Math.log10((above.at(-1) ?? 1) / (above.at(-2) ?? 1));
    process.stdout.write(
      `${name.padEnd(42)} ${columns.map(text => text.padEnd(14)).join(' ')} exponent ${exponent.toFixed(1)}\n`,
    );
  }
} finally {
  rmSync(directory, { recursive: true });
}
