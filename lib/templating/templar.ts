import type { Position } from '../source/errors.ts';
import type { Dict, Secret, Value } from '../source/value.ts';

/**
 * The names a template can see. `get` gives finished values: an implementation that stores authored text
 * renders it on demand (variables are lazy). It returns Undefined for a name it does not know.
 */
export interface Variables {
  get(name: string): Value;
  has(name: string): boolean;
  names(): Iterable<string>;
  /** True when the value of the name is text that a template gave: it is not read as a list or mapping once more. */
  isText?(name: string): boolean;
  /** The encrypted text that the name, and the keys below it, stand for, where it is one: `get` gives what it says. */
  secretOf?(name: string, keys: readonly Value[]): Secret | undefined;
}

export type PluginKind = 'filter' | 'test' | 'lookup';

/** What lookups and file filters may touch on the control machine. */
export interface TemplarOptions {
  /** Directories that relative names in file lookups are searched in, most specific first. */
  readonly searchPath: (vars: Variables, kind: 'files' | 'templates' | 'vars') => readonly string[];
  /** Reads a file of the control machine, decrypting a vault file. */
  readonly readFile: (path: string) => Buffer;
  /** Decrypts a `!vault` scalar. */
  readonly decrypt: (ciphertext: string) => string;
  /** Environment of `lookup('env')` and `lookup('pipe')`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Lookups that would make a file of the control machine (`password`) fail instead: for programs that only look. */
  readonly readOnly?: boolean;
  /** True for the name of a plugin of the project's own, in Python: using it is a mistake only where it is reached. */
  readonly isPlugin?: (kind: PluginKind, name: string) => boolean;
  /** The setting `ansible_managed`: what that variable says in templates. */
  readonly managed?: string | undefined;
}

export interface TemplateFileOptions {
  readonly file?: string;
  readonly trimBlocks?: boolean;
  readonly lstripBlocks?: boolean;
  readonly newline?: string;
  readonly variableStart?: string;
  readonly variableEnd?: string;
  readonly blockStart?: string;
  readonly blockEnd?: string;
  readonly commentStart?: string;
  readonly commentEnd?: string;
  readonly lineStatement?: string;
  readonly lineComment?: string;
}

/**
 * Renders templates against variables. Compiled templates are kept by their source text, so a condition that
 * runs on fifty hosts is parsed once. All methods throw SourceError with the position of the offending part:
 * `at` is where the text starts in its file.
 */
export interface Templar {
  /**
   * Renders every template inside a value, deeply. A string that is exactly one expression keeps the type of its
   * result; so does a template that prints one value only, such as `{% if a %}{{ list }}{% endif %}`. Text
   * that begins with `[` or `{` and spells a list or mapping becomes one, as in ansible-core before 2.19, unless a
   * filter such as `to_json` made it; text that looks like a number stays text; None inside a text leaves nothing. Mapping keys are rendered
   * as well. Values that equal OMIT are kept: the caller drops them. Text of a template that took in anything unsafe
   * comes out as `Unsafe`, alone or within lists and mappings.
   */
  render(value: Value, vars: Variables, at?: Position): Value;
  /** Evaluates a bare expression such as `a.b | default(3)`. */
  evaluate(expression: string, vars: Variables, at?: Position): Value;
  /**
   * Evaluates a condition as `when:` does: an expression, a boolean, or a list of them (all must hold). Text that came
   * out of `{{ }}` is evaluated once more, without lookups; unsafe text is refused.
   */
  test(condition: Value, vars: Variables, at?: Position): boolean;
  /** Renders the text of a template file (trim_blocks on, `#jinja2:` header honoured). */
  renderFile(text: string, vars: Variables, options?: TemplateFileOptions): string;
  /** Checks the syntax, filter, test and lookup names of every template in a value; returns nothing, throws SourceErrors. */
  check(value: Value, at?: Position): void;
  /** The same for a bare expression. */
  checkExpression(expression: string, at?: Position): void;
  /** Names an expression or template refers to at its top level, before any evaluation. */
  references(source: Value, kind: 'template' | 'expression'): ReadonlySet<string>;
  /** Runs a lookup by name, as `with_<name>` does (`wantlist` true). */
  lookup(name: string, terms: readonly Value[], options: Dict, vars: Variables): Value[];
}

/** True for a string that holds `{{`, `{%` or `{#`. */
export function isTemplate(value: unknown): value is string {
  return typeof value === 'string' && /\{[{%#]/.test(value);
}
