import type { Source } from '../fault.ts';
import { MUTATING } from '../methods/index.ts';
import type { Body, Expr } from '../syntax/ast.ts';
import { walkBody, walkExpression } from '../syntax/walk.ts';
import type { TemplarOptions } from '../templar.ts';
import { Compiler, type Parts } from './compiler.ts';
import { compileCondition, compileExpression } from './expressions.ts';
import type { Output } from './output.ts';
import type { Exec, Expression, Runtime, Template } from './runtime.ts';
import { compileBody } from './statements.ts';

const PARTS: Parts = { expression: compileExpression, condition: compileCondition, body: compileBody };

export function compileTemplate(options: TemplarOptions, source: Source, body: Body): Template {
  const compiler = new Compiler(options, PARTS);
  const blocks = new Map<string, Exec>();
  let mutates = false;
  walkBody(body, {
    expression: node => {
      mutates ||= isMutation(node);
    },
    statement: node => {
      if (node.kind === 'block') blocks.set(node.name, compileBody(compiler, node.body));
    },
  });
  const [only] = body;
  if (only?.kind === 'print' && body.length === 1) {
    const single = compileSingle(compiler, source, only.value, mutates);
    const { unknown } = compiler;
    return { source, mutates, single, unknown, run: (rt, out) => out.push(single.evaluate(rt)) };
  }
  const isChild = body.some(statement => statement.kind === 'extends');
  const own = isChild ? body.filter(statement => statement.kind !== 'block') : body;
  const parts = { exec: compileBody(compiler, own), blocks, isChild };
  const { unknown } = compiler;
  return { source, mutates, single: undefined, unknown, run: (rt, out) => runTemplate(rt, out, parts) };
}

interface Compiled {
  readonly exec: Exec;
  readonly blocks: ReadonlyMap<string, Exec>;
  readonly isChild: boolean;
}

/** Runs the template; one that extends another prints what its parent does, with its own blocks. */
function runTemplate(rt: Runtime, out: Output, { exec, blocks, isChild }: Compiled): void {
  for (const [name, block] of blocks) rt.blocks.set(name, [...(rt.blocks.get(name) ?? []), block]);
  exec(rt, isChild ? rt.output() : out);
  const { parent } = rt;
  if (!parent) return;
  rt.parent = undefined;
  rt.call(rt.scope, () => parent.run(rt, out));
}

export function compileBare(options: TemplarOptions, source: Source, node: Expr): Expression {
  let mutates = false;
  walkExpression(node, {
    expression: part => {
      mutates ||= isMutation(part);
    },
  });
  return compileSingle(new Compiler(options, PARTS), source, node, mutates);
}

function compileSingle(compiler: Compiler, source: Source, node: Expr, mutates: boolean): Expression {
  return {
    source,
    mutates,
    isPath: isPath(node),
    isText: isText(node),
    name: node.kind === 'name' ? node.name : undefined,
    unknown: compiler.unknown,
    evaluate: compileExpression(compiler, node),
  };
}

const TEXT_FILTERS: ReadonlySet<string> = new Set([
  ...['string', 'to_json', 'to_nice_json', 'to_yaml', 'to_nice_yaml', 'ppretty', 'json'],
]);

function isText(node: Expr): boolean {
  if (node.kind === 'filter') return TEXT_FILTERS.has(node.name.replace(/^ansible\.builtin\./, ''));
  if (node.kind === 'choice')
    return isText(node.chosen) || (node.otherwise !== undefined && isText(node.otherwise));
  if (node.kind !== 'call') return false;
  return node.args.named.some(
    ([name, value]) => name === 'convert_data' && value.kind === 'const' && value.value === false,
  );
}

function isPath(node: Expr): boolean {
  if (node.kind === 'attribute') return isPath(node.object);
  if (node.kind === 'item') return isPath(node.object);
  return node.kind === 'name' || (node.kind === 'const' && typeof node.value !== 'object');
}

function isMutation(node: Expr): boolean {
  return node.kind === 'call' && node.callee.kind === 'attribute' && MUTATING.has(node.callee.name);
}
