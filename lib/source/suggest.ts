import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { distance } from 'fastest-levenshtein';

/** The known name that a misspelt one most likely means; undefined when none is within `limit` slips. */
export function nearest(
  name: string,
  known: Iterable<string>,
  limit = name.length < 4 ? 1 : Math.max(2, Math.floor(name.length / 3)),
): string | undefined {
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const far = typingDistance(name.toLowerCase(), candidate.toLowerCase());
    if (far < bestDistance) [best, bestDistance] = [candidate, far];
  }
  return best ?? beginningOf(name, known);
}

/** `apt-get` is `apt`, `docker_container_info` the `docker_container` we have. */
function beginningOf(name: string, known: Iterable<string>): string | undefined {
  const words = name.toLowerCase().split(/[-_ ]/);
  const beginnings = words.slice(0, -1).map((_, i) => words.slice(0, i + 1).join('_'));
  const set = new Set(known);
  return beginnings.reverse().find(one => one.length > 2 && set.has(one));
}

/** Letters in another order are one slip, as when fingers were too fast. */
function typingDistance(a: string, b: string): number {
  const far = distance(a, b);
  return far === 2 && [...a].sort().join('') === [...b].sort().join('') ? 1 : far;
}

/** A hint for a file that is not there: a name like it in the same directory. */
export function nearFile(file: string): string | undefined {
  const directory = dirname(file);
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return undefined;
  }
  const near = nearest(basename(file), names);
  return near === undefined
    ? undefined
    : `did you mean "${directory === '.' ? near : join(directory, near)}"?`;
}

/** A hint for an error: `did you mean "copy"?`, or undefined. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const near = nearest(name, known);
  return near === undefined ? undefined : `did you mean "${near}"?`;
}
