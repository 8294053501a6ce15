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

/** Of a collection that we do not have: like its modules, it is a mistake only where it is reached. */
const FOREIGN = /^(?!ansible\.(?:builtin|legacy)\.)\w+\.\w+\.\w[\w.]*$/;

/** Finds filters, tests and lookups while a template is compiled, so unknown names are reported at once. */
export class Compiler {
  readonly env: Environment;

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

  /** Refuses a call of lookup() or query() with a literal name that does not exist. */
  checkLookup(callee: Expr, args: Args): void {
    if (!isLookup(callee)) return;
    const [first] = args.positional;
    if (first?.kind !== 'const' || typeof first.value !== 'string') return;
    if (this.env.findLookup(first.value) || this.isForeign('lookup', first.value)) return;
    throw this.unknown('UNKNOWN_LOOKUP', 'lookup', first.value, this.env.nearLookup(first.value), first.site);
  }

  /** Throws now, or, for what a collection may have, when it is used. */
  private missing(...what: Parameters<Compiler['unknown']>): () => never {
    const [, kind, name] = what;
    const refuse = (): never => {
      throw this.unknown(...what);
    };
    return this.isForeign(kind, name) ? refuse : refuse();
  }

  private isForeign(kind: PluginKind, name: string): boolean {
    return FOREIGN.test(name) || this.env.options.isPlugin?.(kind, name) === true;
  }

  private unknown(
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
