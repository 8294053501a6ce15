import { type Dict, OMIT, Undefined, type Value } from '../source/value.ts';
import { binder } from './binding.ts';
import type { Runtime } from './compile/runtime.ts';
import { DateTime } from './dates/datetime.ts';
import { fault } from './fault.ts';
import { runLookup } from './lookups/run.ts';
import { fillDict } from './methods/dict.ts';
import { truthy } from './python/compare.ts';
import { checkItems } from './python/limits.ts';
import { toIndex } from './python/numbers.ts';
import { Callable, Cycler, type Named, Namespace } from './python/objects.ts';
import { str } from './python/print.ts';
import { missing } from './python/undefined.ts';

type Global = (rt: Runtime) => Value;

const GLOBALS: ReadonlyMap<string, Global> = new Map<string, Global>([
  ['omit', () => OMIT],
  ['range', () => new Callable('range', range)],
  ['dict', () => new Callable('dict', dict)],
  ['namespace', () => new Callable('namespace', namespace)],
  ['cycler', () => new Callable('cycler', cycler)],
  ['joiner', () => new Callable('joiner', joiner)],
  ['now', () => new Callable('now', now)],
  ['undef', () => new Callable('undef', undef)],
  ['lookup', rt => new Callable('lookup', (args, named) => runLookup(rt, args, named, false))],
  ['query', rt => new Callable('query', (args, named) => runLookup(rt, args, named, true))],
  ['q', rt => new Callable('q', (args, named) => runLookup(rt, args, named, true))],
]);

/** A function or constant that every template can use unless a variable has its name. */
export function findGlobal(name: string, rt: Runtime): Value | undefined {
  return GLOBALS.get(name)?.(rt);
}

export function globalNames(): readonly string[] {
  return [...GLOBALS.keys()];
}

function range(args: readonly Value[]): Value {
  if (args.length < 1 || args.length > 3) throw fault(`range() takes 1 to 3 numbers, not ${args.length}`);
  const numbers = args.map(arg => toIndex(arg, 'an argument of range()'));
  const [start, stop] =
    numbers.length === 1 ? [0, numbers[0] as number] : [numbers[0] as number, numbers[1] as number];
  const step = numbers[2] ?? 1;
  if (step === 0) throw fault('the step of range() can not be zero');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  checkItems(length);
  return Array.from({ length }, (_, i) => start + i * step);
}

function dict(args: readonly Value[], named: Named): Value {
  if (args.length > 1) throw fault('dict() takes one mapping or list of pairs');
  const result: Dict = new Map();
  if (args[0] !== undefined) fillDict(result, args[0]);
  for (const [key, value] of named) result.set(key, value);
  return result;
}

function namespace(args: readonly Value[], named: Named): Value {
  const entries = dict(args, named) as Dict;
  return new Namespace(new Map([...entries].map(([key, value]) => [str(key), value])));
}

function cycler(args: readonly Value[]): Value {
  if (args.length === 0) throw fault('cycler() needs something to choose from');
  return new Cycler(args);
}

function joiner(args: readonly Value[]): Value {
  let isFirst = true;
  return new Callable('joiner', () => {
    const text = isFirst ? '' : (args[0] ?? ', ');
    isFirst = false;
    return text;
  });
}

const nowArguments = binder(['utc?', 'fmt?']);

function now(args: readonly Value[], named: Named): Value {
  const [utc = false, format] = nowArguments(args, named);
  const time = DateTime.now(truthy(utc));
  return format === undefined || format === null || format === '' ? time : time.format(str(format));
}

const undefArguments = binder(['hint?']);

function undef(args: readonly Value[], named: Named): Value {
  const [hint] = undefArguments(args, named);
  const hasHint = hint !== undefined && hint !== null && hint !== '' && !(hint instanceof Undefined);
  return missing('', hasHint ? str(hint) : 'a mandatory variable has not been overridden');
}
