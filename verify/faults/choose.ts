import { UsageError } from '../../lib/source/errors.ts';
import { fnmatch } from '../../lib/source/fnmatch.ts';
import { didYouMean } from '../../lib/source/suggest.ts';
import type { Fault } from './fault.ts';

export interface Choice {
  readonly grep?: string | undefined;
  readonly only: readonly string[];
  readonly skip: readonly string[];
}

/** The faults that are asked for, in their order. Words that choose none are a mistake. */
export function chooseFaults(faults: readonly Fault[], { grep, only, skip }: Choice): readonly Fault[] {
  const ids = faults.map(({ id }) => id as string);
  const named = (word: string) =>
    ids.filter(id => id === word || id.split('.')[0] === word || fnmatch(word).test(id));
  for (const word of [...only, ...skip]) {
    if (named(word).length > 0) continue;
    const hint = didYouMean(word, ids);
    throw new UsageError(
      `there is no fault "${word}"${hint === undefined ? '' : `, ${hint}`} (--list shows them)`,
      5,
    );
  }
  const left = skip.flatMap(named);
  const wanted = only.flatMap(named);
  const chosen = faults.filter(
    fault =>
      !left.includes(fault.id) &&
      (only.length === 0 || wanted.includes(fault.id)) &&
      (grep === undefined || describes(fault, grep)),
  );
  if (chosen.length === 0) throw new UsageError('no fault is chosen (--list shows them)', 5);
  return chosen;
}

/** Whether all words of one of the alternatives, which commas separate, stand in what is said of the fault. */
function describes({ id, title, breaks }: Fault, grep: string): boolean {
  const text = `${id} ${title} ${breaks}`.toLowerCase();
  return grep
    .toLowerCase()
    .split(',')
    .some(words =>
      words
        .trim()
        .split(/\s+/)
        .every(word => text.includes(word)),
    );
}

export function listText(faults: readonly Fault[]): string {
  return faults.map(({ id, title }) => `${id.padEnd(34)} ${title}\n`).join('');
}
