import type { Value } from '../../source/value.ts';
import { Fault, type Site } from '../fault.ts';
import type { Named } from '../python/objects.ts';
import { Blank, defined } from '../python/undefined.ts';
import type { Args, Expr } from '../syntax/ast.ts';
import type { PluginKind } from '../templar.ts';
import { naming } from './calls.ts';
import type { Environment } from './environment.ts';
import type { Runtime } from './runtime.ts';

export type Filter = (rt: Runtime, value: Value, args: readonly Value[], named: Named) => Value;
export type Test = (rt: Runtime, value: Value, args: readonly Value[], named: Named) => boolean;

/** A value that a filter can work with. */
function solid(value: Value): Value {
  return value instanceof Blank ? '' : defined(value);
}

const LOOKUP_FUNCTIONS: ReadonlySet<string> = new Set(['lookup', 'query', 'q']);

/** True for the functions that run lookups. */
export function isLookup(callee: Expr): boolean {
  return callee.kind === 'name' && LOOKUP_FUNCTIONS.has(callee.name);
}

/** Of a collection that we do not have. */
const FOREIGN = /^(?!ansible\.(?:builtin|legacy)\.)\w+\.\w+\.\w[\w.]*$/;

/**
 * Finds filters, tests and lookups while a template is compiled. A name that nobody knows is noted, for who checks the
 * template before it is used; the template fails only where it comes to it.
 */
export class Compiler {
  readonly env: Environment;
  readonly unknown: Fault[] = [];

  constructor(env: Environment) {
    this.env = env;
  }

  filter(name: string, site: Site): Filter {
    const entry = this.env.findFilter(name);
    if (!entry) return this.missing('UNKNOWN_FILTER', 'filter', name, this.env.nearFilter(name), site);
    return (rt, value, args, named) =>
      naming('the filter', name, () => {
        if (entry.lenient) return entry.run(rt, value, args, named);
        for (const arg of args) defined(arg);
        return entry.run(rt, solid(value), args, named);
      });
  }

  test(name: string, site: Site): Test {
    const entry = this.env.findTest(name);
    if (!entry) return this.missing('UNKNOWN_TEST', 'test', name, this.env.nearTest(name), site);
    return (rt, value, args, named) =>
      naming('the test', name, () => {
        return entry.run(rt, entry.lenient ? value : solid(value), args, named);
      });
  }

  /** What a call of lookup() or query() with a literal name that does not exist comes to; undefined for all others. */
  missingLookup(callee: Expr, args: Args): (() => never) | undefined {
    if (!isLookup(callee)) return undefined;
    const [first] = args.positional;
    if (first?.kind !== 'const' || typeof first.value !== 'string') return undefined;
    if (this.env.findLookup(first.value)) return undefined;
    return this.missing(
      'UNKNOWN_LOOKUP',
      'lookup',
      first.value,
      this.env.nearLookup(first.value),
      first.site,
    );
  }

  private missing(...what: Parameters<Compiler['fault']>): () => never {
    const fault = this.fault(...what);
    this.unknown.push(fault);
    return () => {
      throw fault;
    };
  }

  private isForeign(kind: PluginKind, name: string): boolean {
    return FOREIGN.test(name) || this.env.options.isPlugin?.(kind, name) === true;
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
    const hint = near ? `did you mean "${near}"?` : plugin;
    return new Fault(code, `there is no ${what} "${name}"`, { hint, site: place });
  }
}
