import type { Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { iterate } from '../python/iterate.ts';
import type { Statement } from '../syntax/ast.ts';
import { assign } from './assign.ts';
import type { Compiler } from './compiler.ts';
import { LoopState } from './loop-state.ts';
import type { Output } from './output.ts';
import type { Exec, Flow, Runtime } from './runtime.ts';
import { Scope } from './scope.ts';

type ForNode = Statement & { kind: 'for' };

/** Compiles `{% for %}` with its test, `else`, and `recursive`. */
export function compileFor(compiler: Compiler, node: ForNode): Exec {
  const iterable = compiler.expression(node.iterable);
  const test = node.test && compiler.condition(node.test);
  const body = compiler.body(node.body);
  const otherwise = compiler.body(node.otherwise);

  const run = (rt: Runtime, out: Output, value: Value, depth: number): Flow => {
    rt.site = node.iterable.site;
    const items = select(rt, iterate(value), node, test);
    if (items.length === 0) return rt.within(() => otherwise(rt, out));
    const recurse = (args: readonly Value[]): Value => {
      const inner = rt.output();
      const [children] = args;
      if (children === undefined) throw fault('loop() needs the list to loop over');
      rt.call(rt.scope, () => run(rt, inner, children, depth + 1));
      return inner.value;
    };
    const loop = new LoopState(items, depth, node.recursive ? recurse : undefined);
    return iterateBody(rt, out, { items, loop, node, body });
  };
  return (rt, out) => run(rt, out, iterable(rt), 1);
}

function select(
  rt: Runtime,
  items: readonly Value[],
  node: ForNode,
  test: ((rt: Runtime) => boolean) | undefined,
): readonly Value[] {
  if (!test) return Array.isArray(items) ? [...items] : items;
  return items.filter(item =>
    rt.within(() => {
      rt.step();
      assign(rt, node.target, item);
      return test(rt);
    }),
  );
}

interface Loop {
  readonly items: readonly Value[];
  readonly loop: LoopState;
  readonly node: ForNode;
  readonly body: Exec;
}

function iterateBody(rt: Runtime, out: Output, { items, loop, node, body }: Loop): Flow {
  const outer = rt.scope;
  try {
    for (const item of items) {
      rt.step();
      rt.scope = new Scope(outer);
      rt.scope.set('loop', loop);
      rt.site = node.site;
      assign(rt, node.target, item);
      if (body(rt, out) === 'break') break;
      loop.index0++;
    }
    return 'next';
  } finally {
    rt.scope = outer;
  }
}
