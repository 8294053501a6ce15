import { createTwoFilesPatch, OMIT_HEADERS } from 'diff';
import { visible } from '../source/visible.ts';

/**
 * The lines of a unified diff, its two names first. The package would write names that are not ASCII as octal numbers.
 */
export function patchLines(
  names: { readonly before: string; readonly after: string },
  { before, after }: { readonly before: string; readonly after: string },
): readonly string[] {
  const hunks = createTwoFilesPatch('', '', before, after, '', '', {
    context: 3,
    headerOptions: OMIT_HEADERS,
  });
  return [
    `--- ${oneLine(names.before)}`,
    `+++ ${oneLine(names.after)}`,
    ...hunks.split('\n').filter(line => line !== ''),
  ];
}

const oneLine = (name: string): string => visible(name).replaceAll('\n', '\\n');
