import { Tuple, type Value } from '../../source/value.ts';
import type { Site } from '../fault.ts';
import { compare, contains, dictSet, equals, truthy } from '../python/compare.ts';
import { checkLength } from '../python/limits.ts';
import { add, binary, negate } from '../python/operators.ts';
import { str } from '../python/print.ts';
import { LenientUndefined } from '../python/undefined.ts';
import { shortName } from '../registry.ts';
import type { CompareOperator, Expr } from '../syntax/ast.ts';
import { compileCall, compileFilter, compileTest } from './calls.ts';
import type { Compiler } from './compiler.ts';
import { compileEncrypted, compileKept, compilePath, compileSlice, written } from './paths.ts';
import type { Eval, Runtime } from './runtime.ts';

/** Compiles an expression into a closure. */
export function compileExpression(compiler: Compiler, node: Expr): Eval {
  const { site } = node;
  const sub = (child: Expr) => compileExpression(compiler, child);
  switch (node.kind) {
    case 'const':
      return () => node.value;
    case 'name':
    case 'attribute':
    case 'item':
      return compilePath(compiler, node);
    case 'list': {
      const items = node.items.map(sub);
      return rt => items.map(item => item(rt));
    }
    case 'tuple': {
      const items = node.items.map(sub);
      return rt => new Tuple(items.map(item => item(rt)));
    }
    case 'dict':
      return compileDict(
        node.pairs.map(([key, value]) => [sub(key), sub(value)] as const),
        site,
      );
    case 'slice':
      return compileSlice(
        sub(node.object),
        node.parts.map(part => part && sub(part)),
        site,
      );
    case 'unary': {
      const operand = sub(node.operand);
      return rt => {
        const value = operand(rt);
        rt.site = site;
        return negate(node.operator, value);
      };
    }
    case 'not': {
      const operand = compileCondition(compiler, node.operand);
      return rt => !operand(rt);
    }
    case 'and': {
      const [left, right] = [sub(node.left), sub(node.right)];
      return rt => {
        const value = left(rt);
        rt.site = site;
        return truthy(value) ? right(rt) : value;
      };
    }
    case 'or': {
      const [left, right] = [sub(node.left), sub(node.right)];
      return rt => {
        const value = left(rt);
        rt.site = site;
        return truthy(value) ? value : right(rt);
      };
    }
    case 'binary': {
      const [left, right] = [sub(node.left), sub(node.right)];
      const { operator } = node;
      return rt => {
        const [a, b] = [left(rt), right(rt)];
        rt.site = site;
        return operator === '+' ? add(a, b) : binary(operator, a, b);
      };
    }
    case 'concat': {
      const items = node.items.map(sub);
      return rt => {
        const values = items.map(item => item(rt));
        rt.site = site;
        const texts = values.map(str);
        checkLength(texts.reduce((sum, text) => sum + text.length, 0));
        return texts.join('');
      };
    }
    case 'compare':
      return compileCompare(
        sub(node.first),
        node.rest.map(r => [r.operator, sub(r.operand)] as const),
        site,
      );
    case 'choice':
      return compileChoice(compiler, node);
    case 'filter': {
      const object = (OBJECTS[shortName(node.name)] ?? compileExpression)(compiler, node.object);
      return compileFilter(compiler, node.name, object, node.args, site);
    }
    case 'test': {
      const object = (OBJECTS[shortName(node.name)] ?? compileExpression)(compiler, node.object);
      return compileTest(compiler, node.name, object, node.args, site);
    }
    case 'call':
      return compileCall(compiler, node.callee, node.args, site);
  }
}

/** What takes its object otherwise than as templates work on it: it tells what is unsafe, or encrypted. */
const OBJECTS: Readonly<Record<string, (compiler: Compiler, node: Expr) => Eval>> = {
  type_debug: compileKept,
  unvault: compileEncrypted,
  vault_encrypted: compileEncrypted,
};

/** Compiles an expression whose truth is all that matters. */
export function compileCondition(compiler: Compiler, node: Expr): (rt: Runtime) => boolean {
  const value = compileExpression(compiler, node);
  const { site } = node;
  return rt => {
    const result = value(rt);
    if (typeof result === 'boolean') return result;
    rt.site = site;
    return truthy(result);
  };
}

function compileDict(pairs: readonly (readonly [Eval, Eval])[], site: Site): Eval {
  return rt => {
    const dict = new Map<Value, Value>();
    for (const [key, value] of pairs) {
      const k = key(rt);
      rt.site = site;
      dictSet(dict, k, value(rt));
    }
    return dict;
  };
}

function compareOnce(operator: CompareOperator, left: Value, right: Value): boolean {
  switch (operator) {
    case '==':
      return equals(left, right);
    case '!=':
      return !equals(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    case '<':
      return compare(left, right) < 0;
    case '<=':
      return compare(left, right) <= 0;
    case '>':
      return compare(left, right) > 0;
    case '>=':
      return compare(left, right) >= 0;
  }
}

function compileCompare(first: Eval, rest: readonly (readonly [CompareOperator, Eval])[], site: Site): Eval {
  return rt => {
    let left = first(rt);
    for (const [operator, operand] of rest) {
      const right = operand(rt);
      rt.site = site;
      if (!compareOnce(operator, left, right)) return false;
      left = right;
    }
    return true;
  };
}

function compileChoice(compiler: Compiler, node: Expr & { kind: 'choice' }): Eval {
  const test = compileCondition(compiler, node.test);
  const chosen = compileExpression(compiler, node.chosen);
  const otherwise = node.otherwise && compileExpression(compiler, node.otherwise);
  const reason = 'the inline "if" is false and has no "else"';
  return rt => {
    if (test(rt)) return chosen(rt);
    return otherwise
      ? otherwise(rt)
      : new LenientUndefined(written(node.site), { site: node.site, explain: () => ({ reason }) });
  };
}
