import { partAt } from '../../source/part-at.ts';

/** Order of a character inside the non-digit part of a Debian version: `~` before the end, letters before the rest. */
function weight(char: string | undefined): number {
  if (char === undefined) return 0;
  if (char === '~') return -1;
  return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256;
}

function compareText(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = weight(a[i]) - weight(b[i]);
    if (order !== 0) return order;
  }
  return 0;
}

const start = (text: string, pattern: RegExp): string => partAt(pattern.exec(text) ?? [], 0);

/** Compares two parts (upstream version or revision): runs of text and of digits in turn. */
function compareParts(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    const [textA, textB] = [start(left, /^\D*/), start(right, /^\D*/)];
    const byText = compareText(textA, textB);
    if (byText !== 0) return byText;
    [left, right] = [left.slice(textA.length), right.slice(textB.length)];
    const [digitsA, digitsB] = [start(left, /^\d*/), start(right, /^\d*/)];
    const byNumber = BigInt(digitsA || '0') - BigInt(digitsB || '0');
    if (byNumber !== 0n) return byNumber < 0n ? -1 : 1;
    [left, right] = [left.slice(digitsA.length), right.slice(digitsB.length)];
  }
  return 0;
}

function split(version: string): readonly [epoch: string, upstream: string, revision: string] {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return [
    colon < 0 ? '0' : version.slice(0, colon),
    dash < 0 ? rest : rest.slice(0, dash),
    dash < 0 ? '' : rest.slice(dash + 1),
  ];
}

/** Negative, zero or positive, as dpkg orders two versions. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  for (const [i, part] of left.entries()) {
    const order = compareParts(part, partAt(right, i));
    if (order !== 0) return Math.sign(order);
  }
  return 0;
}
