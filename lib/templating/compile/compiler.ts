import type { Value } from '../../source/value.ts';
import { Fault, type Site } from '../fault.ts';
import { findFilter, nearFilter } from '../filters/index.ts';
import { findLookup, nearLookup } from '../lookups/index.ts';
import { defined, LenientUndefined } from '../python/undefined.ts';
import type { Args, Body, Expr } from '../syntax/ast.ts';
import type { PluginKind, TemplarOptions } from '../templar.ts';
import { findTest, nearTest } from '../tests/index.ts';
import { withLabel } from './label.ts';
import type { Eval, Exec, Filter, Runtime, Test } from './runtime.ts';

/** A value that a filter can work with. */
function requireDefined(value: Value): Value {
  return value instanceof LenientUndefined ? '' : defined(value);
}

const LOOKUP_FUNCTIONS: ReadonlySet<string> = new Set(['lookup', 'query', 'q']);

/** True for the functions that run lookups. */
export function isLookup(callee: Expr): boolean {
  return callee.kind === 'name' && LOOKUP_FUNCTIONS.has(callee.name);
}

/** Of a collection that we do not have. */
const FOREIGN = /^(?!ansible\.(?:builtin|legacy)\.)\w+\.\w+\.\w[\w.]*$/;

/** How the parts of a template are compiled; they contain each other, so they reach each other by way of the compiler. */
export interface Parts {
  readonly expression: (compiler: Compiler, node: Expr) => Eval;
  readonly condition: (compiler: Compiler, node: Expr) => (rt: Runtime) => boolean;
  readonly body: (compiler: Compiler, body: Body) => Exec;
}

/**
 * Finds filters, tests and lookups while a template is compiled. A name that nobody knows is noted, for who checks the
 * template before it is used; the template fails only where it comes to it.
 */
export class Compiler {
  private readonly options: TemplarOptions;
  private readonly parts: Parts;
  readonly unknown: Fault[] = [];

  constructor(options: TemplarOptions, parts: Parts) {
    this.options = options;
    this.parts = parts;
  }

  expression(node: Expr): Eval {
    return this.parts.expression(this, node);
  }

  condition(node: Expr): (rt: Runtime) => boolean {
    return this.parts.condition(this, node);
  }

  body(body: Body): Exec {
    return this.parts.body(this, body);
  }

  filter(name: string, site: Site): Filter {
    const entry = findFilter(name);
    if (!entry) return this.missing('UNKNOWN_FILTER', 'filter', name, nearFilter(name), site);
    return (rt, value, args, named) =>
      withLabel('the filter', name, () => {
        if (entry.lenient) return entry.run(rt, value, args, named);
        for (const arg of args) defined(arg);
        return entry.run(rt, requireDefined(value), args, named);
      });
  }

  test(name: string, site: Site): Test {
    const entry = findTest(name);
    if (!entry) return this.missing('UNKNOWN_TEST', 'test', name, nearTest(name), site);
    return (rt, value, args, named) =>
      withLabel('the test', name, () => {
        return entry.run(rt, entry.lenient ? value : requireDefined(value), args, named);
      });
  }

  /** What a call of lookup() or query() with a literal name that does not exist comes to; undefined for all others. */
  missingLookup(callee: Expr, args: Args): (() => never) | undefined {
    if (!isLookup(callee)) return undefined;
    const [first] = args.positional;
    if (first?.kind !== 'const' || typeof first.value !== 'string') return undefined;
    if (findLookup(first.value)) return undefined;
    return this.missing('UNKNOWN_LOOKUP', 'lookup', first.value, nearLookup(first.value), first.site);
  }

  private missing(...what: Parameters<Compiler['fault']>): () => never {
    const fault = this.fault(...what);
    this.unknown.push(fault);
    return () => {
      throw fault;
    };
  }

  private isForeign(kind: PluginKind, name: string): boolean {
    return FOREIGN.test(name) || this.options.isPlugin?.(kind, name) === true;
  }

  private fault(
    code: 'UNKNOWN_FILTER' | 'UNKNOWN_TEST' | 'UNKNOWN_LOOKUP',
    what: PluginKind,
    name: string,
    near: string | undefined,
    site: Site,
  ): Fault {
    const at = site.source.text.indexOf(name, site.start);
    const place = at >= 0 && at < site.end ? { source: site.source, start: at, end: at + name.length } : site;
    const plugin = this.isForeign(what, name) ? 'plugins written in Python do not run here' : undefined;
    const hint = otherKind(what, name) ?? (near ? `did you mean "${near}"?` : plugin);
    return new Fault(code, `there is no ${what} "${name}"`, { hint, site: place });
  }
}

/** Tests were filters in old versions of Ansible. */
function otherKind(what: PluginKind, name: string): string | undefined {
  if (what === 'filter' && findTest(name)) return `it is a test: write "is ${name}" instead of "| ${name}"`;
  if (what === 'test' && findFilter(name)) return `it is a filter: write "| ${name}" instead of "is ${name}"`;
  return undefined;
}
