import { Undefined, type Value } from '../../source/value.ts';
import { fault, type Site } from '../fault.ts';
import { methodOf } from '../methods/index.ts';
import { iterate } from '../python/iterate.ts';
import { Callable, type Named } from '../python/objects.ts';
import { str } from '../python/print.ts';
import { typeName } from '../python/types.ts';
import { undefinedFault } from '../python/undefined.ts';
import type { Args, Expr } from '../syntax/ast.ts';
import { isTemplate } from '../templar.ts';
import { type Compiler, isLookup } from './compiler.ts';
import { withLabel } from './label.ts';
import { attributeOf, compileKept, openedForMethod, written } from './paths.ts';
import type { Eval, Runtime } from './runtime.ts';

interface CallArguments {
  readonly args: readonly Value[];
  readonly named: Named;
}

const NO_NAMED: Named = new Map();

/** Compiles the arguments of a call, filter or test. */
export function compileArgs(compiler: Compiler, args: Args): (rt: Runtime) => CallArguments {
  const positional = args.positional.map(arg => compiler.expression(arg));
  const named = args.named.map(([name, arg]) => [name, compiler.expression(arg)] as const);
  const star = args.star && compiler.expression(args.star);
  const doubleStar = args.doubleStar && compiler.expression(args.doubleStar);
  if (!star && !doubleStar && named.length === 0) {
    return rt => ({ args: positional.map(arg => arg(rt)), named: NO_NAMED });
  }
  return rt => {
    const values = positional.map(arg => arg(rt));
    if (star) for (const value of iterate(star(rt))) values.push(value);
    const byName = new Map<string, Value>();
    for (const [name, arg] of named) byName.set(name, arg(rt));
    if (doubleStar) spread(doubleStar(rt), byName);
    return { args: values, named: byName };
  };
}

function spread(value: Value, into: Map<string, Value>): void {
  if (value instanceof Undefined) throw undefinedFault(value);
  if (!(value instanceof Map)) throw fault(`only a mapping can follow "**", not ${typeName(value)}`);
  for (const [key, item] of value) into.set(str(key), item);
}

/** A filter applied to a compiled value. */
export const compileFilter = (compiler: Compiler, name: string, object: Eval, args: Args, site: Site): Eval =>
  compileApplied(compiler, compiler.filter(name, site), object, args, site);

/** `object is name(args)` */
export const compileTest = (compiler: Compiler, name: string, object: Eval, args: Args, site: Site): Eval =>
  compileApplied(compiler, compiler.test(name, site), object, args, site);

function compileApplied(
  compiler: Compiler,
  apply: ReturnType<Compiler['filter']>,
  object: Eval,
  args: Args,
  site: Site,
): Eval {
  const compiled = compileArgs(compiler, args);
  return rt => {
    const value = object(rt);
    const { args, named } = compiled(rt);
    rt.site = site;
    return apply(rt, value, args, named);
  };
}

/** A call of a method, a global function or a macro. */
export function compileCall(compiler: Compiler, callee: Expr, args: Args, site: Site): Eval {
  const missing = compiler.missingLookup(callee, args);
  if (missing) return missing;
  const compiled = isLookup(callee)
    ? templated(args, compileArgs(compiler, args))
    : compileArgs(compiler, args);
  if (callee.kind === 'attribute') return compileMethodCall(compiler, callee, compiled, site);
  const target = compiler.expression(callee);
  return rt => invoke(rt, target(rt), compiled(rt), callee, site);
}

/** Templates inside the texts of a lookup's arguments are rendered, as in `lookup('file', '{{ name }}.txt')`. */
function templated(
  { positional }: Args,
  compiled: (rt: Runtime) => CallArguments,
): (rt: Runtime) => CallArguments {
  const places = positional.map(arg => arg.kind === 'const' && isTemplate(arg.value));
  if (!places.includes(true)) return compiled;
  return rt => {
    const { args, named } = compiled(rt);
    return { args: args.map((arg, i) => (places[i] ? rt.render(arg) : arg)), named };
  };
}

function compileMethodCall(
  compiler: Compiler,
  callee: Expr & { kind: 'attribute' },
  compiled: (rt: Runtime) => CallArguments,
  site: Site,
): Eval {
  const object = compileKept(compiler, callee.object);
  const { name } = callee;
  return rt => {
    const kept = object(rt);
    const self = kept instanceof Undefined ? kept : openedForMethod(rt, kept, name);
    const method = self instanceof Undefined ? undefined : methodOf(self, name);
    if (!method) {
      const fn = attributeOf(rt, self, callee.object, name, callee.site);
      return invoke(rt, rt.open(fn), compiled(rt), callee, site);
    }
    const { args, named } = compiled(rt);
    rt.site = site;
    return withLabel('the method', name, () => method(self, args, named));
  };
}

function invoke(rt: Runtime, fn: Value, { args, named }: CallArguments, callee: Expr, site: Site): Value {
  rt.site = site;
  if (fn instanceof Callable) return fn.call(args, named);
  if (fn instanceof Undefined) throw undefinedFault(fn);
  throw fault(`"${written(callee.site)}" is ${typeName(fn)}, which can not be called`);
}
