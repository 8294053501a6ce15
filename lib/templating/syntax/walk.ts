import type { Args, BlockFilter, Body, Expr, Parameters, Statement, Target } from './ast.ts';

export interface Visitor {
  readonly expression?: (node: Expr) => void;
  readonly statement?: (node: Statement) => void;
  readonly target?: (node: Target) => void;
}

/** Visits every statement and expression of a template. */
export function walkBody(body: Body, visitor: Visitor): void {
  for (const statement of body) walkStatement(statement, visitor);
}

function walkAll(nodes: readonly (Expr | undefined)[], visitor: Visitor): void {
  for (const node of nodes) if (node) walkExpression(node, visitor);
}

function walkTarget(target: Target, visitor: Visitor): void {
  visitor.target?.(target);
  if (target.kind === 'tuple') for (const item of target.items) walkTarget(item, visitor);
}

function walkFilters(filters: readonly BlockFilter[], visitor: Visitor): void {
  for (const { args } of filters) walkArgs(args, visitor);
}

function walkParameters(parameters: Parameters, visitor: Visitor): void {
  walkAll(parameters.defaults, visitor);
  for (const name of parameters.names) visitor.target?.({ kind: 'name', name });
}

function walkStatement(node: Statement, visitor: Visitor): void {
  visitor.statement?.(node);
  switch (node.kind) {
    case 'print':
    case 'do':
      walkExpression(node.value, visitor);
      return;
    case 'if':
      walkExpression(node.test, visitor);
      walkBody(node.body, visitor);
      walkBody(node.otherwise, visitor);
      return;
    case 'for':
      walkAll([node.iterable, node.test], visitor);
      walkTarget(node.target, visitor);
      walkBody(node.body, visitor);
      walkBody(node.otherwise, visitor);
      return;
    case 'set':
      walkExpression(node.value, visitor);
      walkTarget(node.target, visitor);
      return;
    case 'capture':
      walkTarget(node.target, visitor);
      walkFilters(node.filters, visitor);
      walkBody(node.body, visitor);
      return;
    case 'macro':
      visitor.target?.({ kind: 'name', name: node.name });
      walkParameters(node.parameters, visitor);
      walkBody(node.body, visitor);
      return;
    case 'callBlock':
      walkExpression(node.call, visitor);
      walkParameters(node.parameters, visitor);
      walkBody(node.body, visitor);
      return;
    case 'filterBlock':
      walkFilters(node.filters, visitor);
      walkBody(node.body, visitor);
      return;
    case 'with':
      for (const [target, value] of node.bindings) {
        walkExpression(value, visitor);
        walkTarget(target, visitor);
      }
      walkBody(node.body, visitor);
      return;
    case 'include':
    case 'extends':
      walkExpression(node.template, visitor);
      return;
    case 'import':
      visitor.target?.({ kind: 'name', name: node.as });
      walkExpression(node.template, visitor);
      return;
    case 'from':
      for (const [, name] of node.names) visitor.target?.({ kind: 'name', name });
      walkExpression(node.template, visitor);
      return;
    case 'block':
      walkBody(node.body, visitor);
      return;
    case 'text':
    case 'break':
    case 'continue':
      return;
  }
}

function walkArgs(args: Args, visitor: Visitor): void {
  walkAll([...args.positional, ...args.named.map(([, value]) => value), args.star, args.doubleStar], visitor);
}

/** Visits an expression and all inside it. */
export function walkExpression(node: Expr, visitor: Visitor): void {
  visitor.expression?.(node);
  switch (node.kind) {
    case 'const':
    case 'name':
      return;
    case 'list':
    case 'tuple':
    case 'concat':
      walkAll(node.items, visitor);
      return;
    case 'dict':
      walkAll(node.pairs.flat(), visitor);
      return;
    case 'attribute':
      walkExpression(node.object, visitor);
      return;
    case 'item':
      walkAll([node.object, node.index], visitor);
      return;
    case 'slice':
      walkAll([node.object, ...node.parts], visitor);
      return;
    case 'unary':
    case 'not':
      walkExpression(node.operand, visitor);
      return;
    case 'and':
    case 'or':
    case 'binary':
      walkAll([node.left, node.right], visitor);
      return;
    case 'compare':
      walkAll([node.first, ...node.rest.map(r => r.operand)], visitor);
      return;
    case 'choice':
      walkAll([node.test, node.chosen, node.otherwise], visitor);
      return;
    case 'filter':
    case 'test':
      walkExpression(node.object, visitor);
      walkArgs(node.args, visitor);
      return;
    case 'call':
      walkExpression(node.callee, visitor);
      walkArgs(node.args, visitor);
      return;
  }
}
