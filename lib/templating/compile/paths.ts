import { SourceError } from '../../source/errors.ts';
import { didYouMean } from '../../source/suggest.ts';
import { Undefined, Unsafe, type Value } from '../../source/value.ts';
import type { Site } from '../fault.ts';
import { methodOf } from '../methods/index.ts';
import { explainMissing, getAttribute, getItem, getSlice } from '../python/access.ts';
import { plainItem } from '../python/item.ts';
import { Missing } from '../python/undefined.ts';
import type { Expr } from '../syntax/ast.ts';
import type { Compiler } from './compiler.ts';
import type { Eval, Runtime } from './runtime.ts';

/** A name: the template's own, else a variable as it is kept, else a global function. */
function compileName(name: string, site: Site): Eval {
  return rt => {
    const local = rt.scope?.get(name);
    if (local !== undefined) return local;
    rt.site = site;
    const value = variable(rt, name, site);
    return value instanceof Undefined ? (rt.env.global(name, rt) ?? value) : value;
  };
}

/**
 * A name, an attribute or an item as it is kept, not opened yet: a single fact is opened without all the others. Other
 * expressions give what templates work on anyway.
 */
export function compileKept(compiler: Compiler, node: Expr): Eval {
  switch (node.kind) {
    case 'name':
      return compileName(node.name, node.site);
    case 'attribute':
      return compileAttribute(compileKept(compiler, node.object), node.object, node.name, node.site);
    case 'item': {
      const index = compiler.expression(node.index);
      return compileItem(compileKept(compiler, node.object), node.object, index, node.site);
    }
    default:
      return compiler.expression(node);
  }
}

/** An expression; a name, attribute or item that is an encrypted text gives that, not what it says. */
export function compileEncrypted(compiler: Compiler, node: Expr): Eval {
  const value = compiler.expression(node);
  const path = pathOf(compiler, node);
  if (!path) return value;
  return rt =>
    rt.vars.secretOf?.(
      path.name,
      path.keys.map(key => key(rt)),
    ) ?? value(rt);
}

/** The variable and the keys of `a.b[c]`; undefined for other expressions. */
function pathOf(compiler: Compiler, node: Expr): { name: string; keys: Eval[] } | undefined {
  if (node.kind === 'name') return { name: node.name, keys: [] };
  if (node.kind !== 'attribute' && node.kind !== 'item') return undefined;
  const above = pathOf(compiler, node.object);
  const key = node.kind === 'item' ? compiler.expression(node.index) : () => node.name;
  return above && { name: above.name, keys: [...above.keys, key] };
}

/** A name, an attribute or an item as templates work on it. */
export function compilePath(compiler: Compiler, node: Expr): Eval {
  const kept = compileKept(compiler, node);
  return rt => rt.open(kept(rt));
}

/** The variable's value. One that refers to an undefined one counts as undefined itself. */
function variable(rt: Runtime, name: string, site: Site): Value {
  try {
    const value = rt.variable(name);
    if (!(value instanceof Undefined)) return value;
    const { vars } = rt;
    return new Missing(name, {
      site,
      explain: () => ({ reason: value.reason, hint: didYouMean(name, vars.names()) }),
    });
  } catch (error) {
    const isUndefined = error instanceof SourceError && error.code === 'UNDEFINED_VARIABLE';
    if (isUndefined) return new Missing(name, { site, cause: error });
    throw error;
  }
}

/** The expression as its author wrote it. */
export function written({ source, start, end }: Site): string {
  return source.text.slice(start, end);
}

function absent(object: Value, node: Expr, key: Value, site: Site): Missing {
  return new Missing(written(site), { site, explain: () => explainMissing(object, written(node.site), key) });
}

/** The attribute `name` of a value that `node` gave, as it is kept. */
export function attributeOf(rt: Runtime, container: Value, node: Expr, name: string, site: Site): Value {
  if (container instanceof Undefined) return container;
  rt.site = site;
  const self = openedForMethod(rt, container, name);
  const value = getAttribute(self, name);
  return value === undefined ? absent(self, node, name, site) : value;
}

/** Methods work on what is opened; a mapping that is only asked for an item stays as it is kept. */
export function openedForMethod(rt: Runtime, container: Value, name: string): Value {
  const isKept = container instanceof Map && !methodOf(container, name);
  return isKept ? container : rt.open(container);
}

/** `object.name` */
function compileAttribute(object: Eval, node: Expr, name: string, site: Site): Eval {
  return rt => attributeOf(rt, object(rt), node, name, site);
}

/** `object[index]` */
function compileItem(object: Eval, node: Expr, index: Eval, site: Site): Eval {
  return rt => {
    const container = object(rt);
    if (container instanceof Undefined) return container;
    const key = index(rt);
    rt.site = site;
    const item = container instanceof Unsafe ? undefined : plainItem(container, key);
    if (item !== undefined) return item;
    const self = rt.open(container);
    const value = getItem(self, key);
    return value === undefined ? absent(self, node, key, site) : value;
  };
}

/** `object[start:stop:step]` */
export function compileSlice(object: Eval, parts: readonly (Eval | undefined)[], site: Site): Eval {
  return rt => {
    const container = object(rt);
    const bounds = parts.map(part => part?.(rt));
    rt.site = site;
    return getSlice(container, bounds);
  };
}
