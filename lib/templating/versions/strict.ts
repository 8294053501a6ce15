import { fault } from '../fault.ts';

const STRICT = /^(\d+)\.(\d+)(\.(\d+))?([ab](\d+))?$/;

function parse(version: string): { numbers: number[]; pre: [string, number] | undefined } {
  const match = STRICT.exec(version);
  if (!match)
    throw fault(`"${version}" is not a strict version`, 'write MAJOR.MINOR, MAJOR.MINOR.PATCH or 1.0a1');
  const pre = match[5];
  return {
    numbers: [match[1], match[2], match[4] ?? '0'].map(Number),
    pre: pre ? [pre[0] as string, Number(match[6])] : undefined,
  };
}

/** Order as Python's StrictVersion has it. */
export function compareStrict(left: string, right: string): number {
  const [a, b] = [parse(left), parse(right)];
  for (const [i, number] of a.numbers.entries()) {
    const order = number - (b.numbers[i] as number);
    if (order !== 0) return order;
  }
  if (!a.pre || !b.pre) return a.pre ? -1 : b.pre ? 1 : 0;
  if (a.pre[0] !== b.pre[0]) return a.pre[0] < b.pre[0] ? -1 : 1;
  return a.pre[1] - b.pre[1];
}
