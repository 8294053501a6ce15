import { isDeepStrictEqual } from 'node:util';
import { SourceErrors } from '../source/errors.ts';
import type { Value } from '../source/value.ts';
import { parseYamlDocuments } from '../source/yaml/yaml.ts';
import type { Edit, Finding } from './finding.ts';

/** More rounds than mends can follow from each other. */
const ROUNDS = 10;

/** What a file says afterwards is what it said before, for these: they change how it is written. */
const KEEPS_VALUES = /^(yaml\[(?!octal)|key-order)/;

export interface Mended {
  readonly text: string;
  readonly count: number;
}

/**
 * The text with everything mended that `lint` gives a mend for. Comments and layout stay, since only the stretches
 * concerned are replaced. A mend of the layout after which the file would say something else is not made.
 */
export function mend(text: string, lint: (text: string) => readonly Finding[]): Mended {
  let current = text;
  let count = 0;
  const refused = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = values(current);
    const wanted = lint(current).filter(finding => finding.fix && !refused.has(keyOf(finding)));
    let taken: Edit[] = [];
    for (const finding of wanted) {
      if (overlaps(taken, finding.fix!)) continue;
      const next = [...taken, ...finding.fix!];
      const after = values(apply(current, finding.fix!));
      const isSafe =
        after !== undefined && (!KEEPS_VALUES.test(finding.rule) || isDeepStrictEqual(after, before));
      if (!isSafe) {
        refused.add(keyOf(finding));
        continue;
      }
      taken = next;
      count += 1;
    }
    if (taken.length === 0) break;
    current = apply(current, taken);
  }
  return { text: current, count };
}

const keyOf = ({ rule, at }: Finding): string => `${rule} ${at.line}:${at.col}`;

/** What the documents of a text say; undefined when it cannot be read. */
function values(text: string): readonly Value[] | undefined {
  try {
    return parseYamlDocuments(text, 'mended');
  } catch (error) {
    if (error instanceof SourceErrors) return undefined;
    throw error;
  }
}

function overlaps(taken: readonly Edit[], edits: readonly Edit[]): boolean {
  return edits.some(edit => taken.some(other => edit.start <= other.end && other.start <= edit.end));
}

function apply(text: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((a, b) => b.start - a.start)
    .reduce((result, { start, end, text: by }) => result.slice(0, start) + by + result.slice(end), text);
}
