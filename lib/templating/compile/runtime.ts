import type { PythonRegex, RegexFlags } from '../../source/python/python-regex.ts';
import { opened } from '../../source/unsafe.ts';
import { type Dict, Secret, Undefined, type Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { type Fault, fault, type Site, type Source } from '../fault.ts';
import type { Named } from '../python/objects.ts';
import type { TemplarOptions, TemplateFileOptions, Variables } from '../templar.ts';
import { Output } from './output.ts';
import { ownCopy } from './own-copy.ts';
import { Scope } from './scope.ts';
import { NO_VARIABLES, ScopedVariables } from './variables.ts';

/** A compiled expression. */
export type Eval = (rt: Runtime) => Value;

export type Filter = (rt: Runtime, value: Value, args: readonly Value[], named: Named) => Value;
export type Test = (rt: Runtime, value: Value, args: readonly Value[], named: Named) => boolean;

/** How a statement ended: on to the next, out of the loop, or to the loop's next item. */
export type Flow = 'next' | 'break' | 'continue';

/** A compiled statement: appends its output to `out`. */
export type Exec = (rt: Runtime, out: Output) => Flow;

/** A compiled template. */
export interface Template {
  readonly source: Source;
  /** It calls `.append()` or the like somewhere, so it works on copies of the variables. */
  readonly mutates: boolean;
  /** Exactly one `{{ expression }}` and nothing else. */
  readonly single: Expression | undefined;
  /** Filters, tests and lookups in it that do not exist. */
  readonly unknown: readonly Fault[];
  run(rt: Runtime, out: Output): void;
}

/** A compiled expression. */
export interface Expression {
  readonly source: Source;
  readonly mutates: boolean;
  /** A name with attributes and constant items only: the result is a finished value already. */
  readonly isPath: boolean;
  /** It makes text on purpose, by `to_json`, `string` or the like: text that is not to be read as a list or mapping. */
  readonly isText: boolean;
  /** The name, when it is one and nothing else. */
  readonly name: string | undefined;
  readonly unknown: readonly Fault[];
  readonly evaluate: Eval;
}

/** What a rendering asks of the templates' surroundings: plugins, files, and the Templar itself. */
export interface Surroundings {
  readonly options: TemplarOptions;
  findFilter(name: string): unknown;
  findTest(name: string): unknown;
  /** A filter or test by the name that `map` or `select` was given. */
  filter(name: string): Filter;
  test(name: string): Test;
  lookup(rt: Runtime, name: string, terms: readonly Value[], options: Dict): Value[];
  global(name: string, rt: Runtime): Value | undefined;
  regex(pattern: string, flags: RegexFlags): PythonRegex;
  /** A template file by the name given to include or import; undefined when it does not exist. */
  loadTemplate(name: string, vars: Variables): Template | undefined;
  render(value: Value, vars: Variables): Value;
  renderFile(text: string, vars: Variables, options: TemplateFileOptions): string;
}

/** Iterations and calls one rendering may make before it counts as endless. */
const MAX_STEPS = 10_000_000;
/** Macros that call themselves stop here, before JavaScript's own stack ends. */
const MAX_CALLS = 150;

export interface Mode {
  /** Lookups are refused: the text came out of another template. */
  readonly noLookups: boolean;
  /** The template changes values in place, so it gets copies of the variables. */
  readonly copies: boolean;
  /** What prints a single value gives that value; otherwise, as in template files, all is text. */
  readonly isNative: boolean;
}

/** The state of one rendering. */
export class Runtime implements Context {
  readonly env: Surroundings;
  readonly base: Variables;
  readonly mode: Mode;
  /** Whether anything unsafe was taken in, by this rendering or one that it started. */
  readonly taint: { unsafe: boolean };
  scope: Scope | undefined;
  /** The operation under way: what an error points at when it knows no better. */
  site: Site | undefined;
  /** Bodies of overridable blocks, the most specific first. */
  private blockBodies: Map<string, Exec[]> | undefined;
  /** The template that the one under way extends. */
  parent: Template | undefined;
  private steps = 0;
  private calls = 0;
  private copied: Map<string, Value> | undefined;

  constructor(env: Surroundings, base: Variables, mode: Mode, taint = { unsafe: false }) {
    this.env = env;
    this.base = base;
    this.mode = mode;
    this.taint = taint;
  }

  get blocks(): Map<string, Exec[]> {
    this.blockBodies ??= new Map();
    return this.blockBodies;
  }

  get options(): TemplarOptions {
    return this.env.options;
  }

  get vars(): Variables {
    return this.scope ? new ScopedVariables(this.scope, this.base) : this.base;
  }

  /** A variable from outside the template. */
  variable(name: string): Value {
    if (!this.mode.copies) return this.base.get(name);
    this.copied ??= new Map();
    const known = this.copied.get(name);
    if (known !== undefined) return known;
    const value = this.base.get(name);
    if (value instanceof Undefined) return value;
    const copy = ownCopy(this.open(value));
    this.copied.set(name, copy);
    return copy;
  }

  /** A value from outside the template as the template works on it. */
  open(value: Value): Value {
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Secret) return this.options.decrypt(value.ciphertext);
    return opened(value, this.noteUnsafe);
  }

  readonly noteUnsafe = (): void => {
    this.taint.unsafe = true;
  };

  output(): Output {
    return new Output(this.mode.isNative);
  }

  /** A rendering for an imported template, with or without the names of this one. */
  fresh(withContext: boolean): Runtime {
    const inner = new Runtime(this.env, withContext ? this.vars : NO_VARIABLES, this.mode, this.taint);
    inner.calls = this.calls;
    return inner;
  }

  step(): void {
    if (++this.steps > MAX_STEPS) throw fault('the template runs too long', 'a loop in it may never end');
  }

  /** Runs a macro or an included template in another scope. */
  call<T>(scope: Scope | undefined, run: () => T): T {
    if (++this.calls > MAX_CALLS) {
      throw fault('the calls are nested too deeply', 'a macro or an include may call itself for ever');
    }
    this.step();
    const outer = this.scope;
    this.scope = scope;
    try {
      return run();
    } finally {
      this.scope = outer;
      this.calls--;
    }
  }

  /** Runs a block whose names end with it. */
  within<T>(run: () => T): T {
    const outer = this.scope;
    this.scope = new Scope(outer);
    try {
      return run();
    } finally {
      this.scope = outer;
    }
  }

  /** The scope that assignments go to. */
  get writable(): Scope {
    this.scope ??= new Scope(undefined);
    return this.scope;
  }

  hasFilter(name: string): boolean {
    return this.env.findFilter(name) !== undefined;
  }

  hasTest(name: string): boolean {
    return this.env.findTest(name) !== undefined;
  }

  applyFilter(name: string, value: Value, args: readonly Value[], named: Named): Value {
    return this.env.filter(name)(this, value, args, named);
  }

  applyTest(name: string, value: Value, args: readonly Value[], named: Named): boolean {
    return this.env.test(name)(this, value, args, named);
  }

  regex(pattern: string, flags: RegexFlags): PythonRegex {
    return this.env.regex(pattern, flags);
  }

  renderFile(text: string, extra: Named, options: TemplateFileOptions): string {
    const vars = new ScopedVariables(new Scope(undefined, new Map(extra)), this.vars);
    return this.env.renderFile(text, vars, options);
  }

  render(value: Value): Value {
    return this.open(this.env.render(value, this.vars));
  }
}
