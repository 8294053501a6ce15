import { type Dict, Undefined, type Value } from '../../source/value.ts';
import type { Runtime } from '../compile/runtime.ts';
import { Fault, fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import type { Named } from '../python/objects.ts';
import { str } from '../python/print.ts';
import { undefinedFault } from '../python/undefined.ts';

/** lookup() and query(): the result as a list, or joined into a text as lookup() does. */
export function runLookup(rt: Runtime, args: readonly Value[], named: Named, isQuery: boolean): Value {
  const [name, ...terms] = args;
  if (typeof name !== 'string') throw fault('the first argument of lookup() must be its name');
  if (rt.mode.noLookups) {
    throw fault(`the lookup "${name}" is not allowed in a condition that came out of a template`);
  }
  for (const term of terms) if (term instanceof Undefined) throw undefinedFault(term);
  const options: Dict = new Map(named);
  const wantList = isQuery || truthy(options.get('wantlist') ?? false);
  const errors = str(options.get('errors') ?? 'strict');
  options.delete('wantlist');
  options.delete('errors');
  options.delete('allow_unsafe');
  const found = attempt(() => rt.env.lookup(rt, name, terms, options), errors);
  if (found === undefined) return wantList ? [] : null;
  return wantList ? found : joined(found);
}

/** Runs the lookup; `errors=ignore` and `errors=warn` turn a failure into no result. */
function attempt(run: () => Value[], errors: string): Value[] | undefined {
  try {
    return run();
  } catch (error) {
    const isTolerated = errors === 'ignore' || errors === 'warn';
    const isFailure =
      error instanceof Fault && (error.code === 'TEMPLATE_RUNTIME' || error.code === 'FILE_NOT_FOUND');
    if (isTolerated && isFailure) return undefined;
    throw error;
  }
}

/** Texts are joined by commas; one value of another type stays itself, several stay a list. */
function joined(found: Value[]): Value {
  if (found.length === 0) return found;
  if (found.every(item => typeof item === 'string')) return found.join(',');
  return found.length === 1 ? (found[0] as Value) : found;
}
