import { Tuple, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { Callable, type Named } from '../python/objects.ts';
import { missing, orElse } from '../python/undefined.ts';
import type { Body, Parameters, Statement } from '../syntax/ast.ts';
import { walkBody } from '../syntax/walk.ts';
import { compileArgs } from './calls.ts';
import type { Compiler } from './compiler.ts';
import type { Eval, Exec, Runtime } from './runtime.ts';
import { Scope } from './scope.ts';

interface Macro {
  readonly name: string;
  readonly names: readonly string[];
  readonly defaults: readonly (Eval | undefined)[];
  readonly body: Exec;
  /** Special names the body asks for. */
  readonly uses: ReadonlySet<string>;
}

function macroOf(compiler: Compiler, name: string, parameters: Parameters, body: Body): Macro {
  const uses = new Set<string>();
  walkBody(body, { expression: node => node.kind === 'name' && uses.add(node.name) });
  const defaults = parameters.defaults.map(value => value && compiler.expression(value));
  return { name, names: parameters.names, defaults, body: compiler.body(body), uses };
}

/** `{% macro name(parameters) %}` */
export function compileMacro(compiler: Compiler, node: Statement & { kind: 'macro' }): Exec {
  const macro = macroOf(compiler, node.name, node.parameters, node.body);
  return rt => {
    rt.writable.set(node.name, makeCallable(rt, macro));
    return 'next';
  };
}

/** `{% call macro(…) %}`: the body becomes the macro's caller(). */
export function compileCallBlock(compiler: Compiler, node: Statement & { kind: 'callBlock' }): Exec {
  if (node.call.kind !== 'call') throw fault('expected a call of a macro');
  const target = compiler.expression(node.call.callee);
  const args = compileArgs(compiler, node.call.args);
  const caller = macroOf(compiler, 'caller', node.parameters, node.body);
  return (rt, out) => {
    const fn = target(rt);
    rt.site = node.site;
    if (!(fn instanceof Callable)) throw fault('only a macro can be called with a block');
    const { args: values, named } = args(rt);
    out.push(fn.call(values, new Map([...named, ['caller', makeCallable(rt, caller)]])));
    return 'next';
  };
}

function makeCallable(rt: Runtime, macro: Macro): Callable {
  const { scope } = rt;
  return new Callable(macro.name, (args, named) =>
    rt.call(new Scope(scope), () => {
      bindParameters(rt, macro, args, named);
      const out = rt.output();
      macro.body(rt, out);
      return out.value;
    }),
  );
}

function bindParameters(rt: Runtime, macro: Macro, args: readonly Value[], named: Named): void {
  const { names, defaults, uses } = macro;
  const rest = new Map(named);
  const local = rt.writable;
  names.forEach((name, i) => {
    const given = i < args.length ? args[i] : rest.get(name);
    rest.delete(name);
    const reason = `the macro "${macro.name}" was called without it`;
    local.set(
      name,
      orElse(given === undefined ? defaults[i]?.(rt) : given, () => missing(name, reason)),
    );
  });
  const caller = rest.get('caller');
  rest.delete('caller');
  if (uses.has('caller') && !names.includes('caller')) {
    const reason = `the macro "${macro.name}" was not called with a call block`;
    local.set('caller', caller ?? missing('caller', reason));
  }
  if (uses.has('varargs')) local.set('varargs', new Tuple(args.slice(names.length)));
  else if (args.length > names.length) {
    throw fault(`the macro "${macro.name}" takes ${names.length} arguments, not ${args.length}`);
  }
  if (uses.has('kwargs')) local.set('kwargs', new Map(rest));
  else if (rest.size > 0) throw fault(`the macro "${macro.name}" has no argument "${[...rest.keys()][0]}"`);
}
