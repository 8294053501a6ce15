import type { Position, SourceErrorCode } from '../source/errors.ts';
import { SourceError } from '../source/errors.ts';
import { shiftPosition } from '../source/yaml/scalar-position.ts';
import { Fault, type Site } from './fault.ts';

/** Where a stretch of a template stands in its file, given where the template begins. */
function locate(site: Site, at: Position | undefined): Position | undefined {
  const { source, start, end } = site;
  const begin = source.file === undefined ? at : { file: source.file, line: source.line ?? 1, col: 1 };
  if (!begin) return undefined;
  const lineEnd = source.text.indexOf('\n', start);
  const length = Math.max(1, Math.min(end, lineEnd < 0 ? end : lineEnd) - start);
  return shiftPosition(begin, source.text, start, length);
}

/** Runs a parse or a rendering; its faults become SourceErrors at their place. */
export function positioned<T>(
  at: Position | undefined,
  current: { readonly site: Site | undefined },
  run: () => T,
): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Fault) {
      const site = error.site ?? current.site;
      const place = (site && locate(site, at)) ?? at;
      throw new SourceError(error.code, error.message, place, error.hint, error.words);
    }
    if (error instanceof RangeError) throw exhausted(error, current.site, at);
    throw error;
  }
}

/** The stack or the memory of one value ran out. */
function exhausted(error: RangeError, site: Site | undefined, at: Position | undefined): SourceError {
  const code: SourceErrorCode = 'TEMPLATE_RUNTIME';
  const message = /stack/i.test(error.message)
    ? 'the template is nested too deeply'
    : 'the template makes a value that is too large';
  return new SourceError(code, message, (site && locate(site, at)) ?? at);
}
