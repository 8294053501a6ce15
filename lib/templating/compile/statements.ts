import { Undefined, type Value } from '../../source/value.ts';
import { LenientUndefined, undefinedFault } from '../python/undefined.ts';
import type { BlockFilter, Body, Statement } from '../syntax/ast.ts';
import { assign } from './assign.ts';
import { compileArgs } from './calls.ts';
import type { Compiler } from './compiler.ts';
import { compileCondition, compileExpression } from './expressions.ts';
import { compileFor } from './for-loop.ts';
import { compileCallBlock, compileMacro } from './macros.ts';
import type { Exec, Runtime } from './runtime.ts';
import { compileBlock, compileExtends, compileFrom, compileImport, compileInclude } from './templates.ts';

/** Compiles statements into one that runs them in order. */
export function compileBody(compiler: Compiler, body: Body): Exec {
  const statements = body.map(statement => compileStatement(compiler, statement));
  const [only] = statements;
  if (only && statements.length === 1) return only;
  return (rt, out) => {
    for (const statement of statements) {
      const flow = statement(rt, out);
      if (flow !== 'next') return flow;
    }
    return 'next';
  };
}

function compileStatement(compiler: Compiler, node: Statement): Exec {
  switch (node.kind) {
    case 'text':
      return (_rt, out) => {
        out.push(node.text);
        return 'next';
      };
    case 'print':
      return compilePrint(compiler, node);
    case 'if':
      return compileIf(compiler, node);
    case 'for':
      return compileFor(compiler, node);
    case 'set':
      return compileSet(compiler, node);
    case 'capture':
      return compileCapture(compiler, node);
    case 'macro':
      return compileMacro(compiler, node);
    case 'callBlock':
      return compileCallBlock(compiler, node);
    case 'filterBlock':
      return compileFilterBlock(compiler, node);
    case 'with':
      return compileWith(compiler, node);
    case 'include':
      return compileInclude(compiler, node);
    case 'import':
      return compileImport(compiler, node);
    case 'from':
      return compileFrom(compiler, node);
    case 'do': {
      const value = compileExpression(compiler, node.value);
      return rt => {
        value(rt);
        return 'next';
      };
    }
    case 'break':
    case 'continue':
      return () => node.kind;
    case 'block':
      return compileBlock(node.name, node.site);
    case 'extends':
      return compileExtends(compiler, node);
  }
}

function compilePrint(compiler: Compiler, node: Statement & { kind: 'print' }): Exec {
  const value = compileExpression(compiler, node.value);
  return (rt, out) => {
    const result = value(rt);
    rt.site = node.value.site;
    if (result instanceof Undefined && !(result instanceof LenientUndefined)) throw undefinedFault(result);
    out.push(result);
    return 'next';
  };
}

function compileIf(compiler: Compiler, node: Statement & { kind: 'if' }): Exec {
  const test = compileCondition(compiler, node.test);
  const body = compileBody(compiler, node.body);
  const otherwise = compileBody(compiler, node.otherwise);
  return (rt, out) => (test(rt) ? body(rt, out) : otherwise(rt, out));
}

function compileSet(compiler: Compiler, node: Statement & { kind: 'set' }): Exec {
  const value = compileExpression(compiler, node.value);
  return rt => {
    const result = value(rt);
    rt.site = node.site;
    assign(rt, node.target, result);
    return 'next';
  };
}

/** Runs a body in a scope of its own and gives what it printed. */
export function resultOf(rt: Runtime, body: Exec): Value {
  const out = rt.output();
  rt.within(() => body(rt, out));
  return out.value;
}

function compileFilters(
  compiler: Compiler,
  filters: readonly BlockFilter[],
): (rt: Runtime, text: Value) => Value {
  const steps = filters.map(({ name, args, site }) => {
    return { apply: compiler.filter(name, site), args: compileArgs(compiler, args), site };
  });
  return (rt, text) => {
    let value = text;
    for (const { apply, args, site } of steps) {
      const { args: values, named } = args(rt);
      rt.site = site;
      value = apply(rt, value, values, named);
    }
    return value;
  };
}

function compileCapture(compiler: Compiler, node: Statement & { kind: 'capture' }): Exec {
  const body = compileBody(compiler, node.body);
  const filters = compileFilters(compiler, node.filters);
  return rt => {
    const text = filters(rt, resultOf(rt, body));
    rt.site = node.site;
    assign(rt, node.target, text);
    return 'next';
  };
}

function compileFilterBlock(compiler: Compiler, node: Statement & { kind: 'filterBlock' }): Exec {
  const body = compileBody(compiler, node.body);
  const filters = compileFilters(compiler, node.filters);
  return (rt, out) => {
    out.push(filters(rt, resultOf(rt, body)));
    return 'next';
  };
}

function compileWith(compiler: Compiler, node: Statement & { kind: 'with' }): Exec {
  const bindings = node.bindings.map(
    ([target, value]) => [target, compileExpression(compiler, value)] as const,
  );
  const body = compileBody(compiler, node.body);
  return (rt, out) => {
    const values = bindings.map(([, value]) => value(rt));
    return rt.within(() => {
      for (const [i, [target]] of bindings.entries()) assign(rt, target, values[i] as Value);
      return body(rt, out);
    });
  };
}
