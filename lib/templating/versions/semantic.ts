import { fault } from '../fault.ts';

const SEMANTIC =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*))*))?(?:\+[\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*)?$/;

function parse(version: string): { numbers: number[]; pre: string[] } {
  const match = SEMANTIC.exec(version);
  if (!match) throw fault(`"${version}" is not a semantic version`, 'write MAJOR.MINOR.PATCH');
  return { numbers: [match[1], match[2], match[3]].map(Number), pre: match[4]?.split('.') ?? [] };
}

/** Order as semver.org has it. */
export function compareSemantic(left: string, right: string): number {
  const [a, b] = [parse(left), parse(right)];
  for (const [i, number] of a.numbers.entries()) {
    const order = number - (b.numbers[i] as number);
    if (order !== 0) return order;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  return comparePre(a.pre, b.pre);
}

function comparePre(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i] as string, b[i] as string];
    if (x === y) continue;
    const [isX, isY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (isX && isY) return Number(x) - Number(y);
    if (isX !== isY) return isX ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return a.length - b.length;
}
