import { fault } from '../fault.ts';
import { compareText } from '../python/compare.ts';

/** Runs of digits and of letters; dots only separate. */
function parts(version: string): (string | number)[] {
  return version
    .split(/(\d+|[a-z]+|\.)/)
    .filter(part => part !== '' && part !== '.')
    .map(part => (/^\d+$/.test(part) ? Number(part) : part));
}

/** Order as Python's LooseVersion has it; a number against letters has none. */
export function compareLoose(left: string, right: string): number {
  const [a, b] = [parts(left), parts(right)];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i] as string | number, b[i] as string | number];
    if (x === y) continue;
    if (typeof x === 'number' && typeof y === 'number') return x - y;
    if (typeof x === 'string' && typeof y === 'string') return compareText(x, y);
    throw fault(`the versions "${left}" and "${right}" can not be ordered: ${x} against ${y}`);
  }
  return a.length - b.length;
}
