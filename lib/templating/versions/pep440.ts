import { fault } from '../fault.ts';

const PEP440 =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(?:post|rev|r)[-_.]?(\d*))?(?:[-_.]?dev[-_.]?(\d*))?(?:\+([a-z\d]+(?:[-_.][a-z\d]+)*))?$/;

const STAGES: Readonly<Record<string, number>> = {
  a: 1,
  alpha: 1,
  b: 2,
  beta: 2,
  c: 3,
  rc: 3,
  pre: 3,
  preview: 3,
};

/** The version as numbers that compare from left to right. */
function key(version: string): { release: number[]; rest: number[]; local: string } {
  const match = PEP440.exec(version.trim().toLowerCase());
  if (!match) throw fault(`"${version}" is not a version by PEP 440`);
  const [, epoch = '0', release = '', stage, stageNumber, post1, post2, dev, local = ''] = match;
  const post = post1 ?? post2;
  const isDev = dev !== undefined;
  const stageOrder = stage ? (STAGES[stage] ?? 0) : isDev && post === undefined ? 0 : 4;
  const numbers = release.split('.').map(Number);
  while (numbers.length > 1 && numbers.at(-1) === 0) numbers.pop();
  return {
    release: [Number(epoch), ...numbers],
    rest: [
      stageOrder,
      Number(stageNumber || 0),
      post === undefined ? -1 : Number(post || 0),
      isDev ? Number(dev || 0) : Number.POSITIVE_INFINITY,
    ],
    local,
  };
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** Order as Python's packaging library has it. */
export function comparePep440(left: string, right: string): number {
  const [a, b] = [key(left), key(right)];
  return (
    compareNumbers(a.release, b.release) || compareNumbers(a.rest, b.rest) || compareLocal(a.local, b.local)
  );
}

function compareLocal(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
