import { SourceError } from '../../source/errors.ts';
import { didYouMean } from '../../source/suggest.ts';
import { Secret, Undefined, Unsafe, type Value } from '../../source/value.ts';
import type { Site } from '../fault.ts';
import { explainMissing, getAttribute, getItem, getSlice } from '../python/access.ts';
import { Missing } from '../python/undefined.ts';
import type { Expr } from '../syntax/ast.ts';
import type { Eval } from './expressions.ts';
import type { Runtime } from './runtime.ts';

/** What a variable or an item of one really holds: text of a vaulted or unsafe scalar. */
function opened(rt: Runtime, value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Secret) return rt.options.decrypt(value.ciphertext);
  return value instanceof Unsafe ? value.text : value;
}

/** A name: the template's own, else a variable, else a global function. */
export function compileName(name: string, site: Site): Eval {
  return rt => {
    const local = rt.scope?.get(name);
    if (local !== undefined) return local;
    rt.site = site;
    const value = variable(rt, name, site);
    if (!(value instanceof Undefined)) return opened(rt, value);
    return rt.env.global(name, rt) ?? value;
  };
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

/** The attribute `name` of a value that `node` gave. */
export function attributeOf(rt: Runtime, container: Value, node: Expr, name: string, site: Site): Value {
  if (container instanceof Undefined) return container;
  rt.site = site;
  const value = getAttribute(container, name);
  return value === undefined ? absent(container, node, name, site) : opened(rt, value);
}

/** `object.name` */
export function compileAttribute(object: Eval, node: Expr, name: string, site: Site): Eval {
  return rt => attributeOf(rt, object(rt), node, name, site);
}

/** `object[index]` */
export function compileItem(object: Eval, node: Expr, index: Eval, site: Site): Eval {
  return rt => {
    const container = object(rt);
    if (container instanceof Undefined) return container;
    const key = index(rt);
    rt.site = site;
    const value = getItem(container, key);
    return value === undefined ? absent(container, node, key, site) : opened(rt, value);
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
