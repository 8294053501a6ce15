import { type Position, SourceError, SourceErrors } from '../source/errors.ts';
import { jsonText } from '../source/json.ts';
import { parseStructure } from '../source/python/python-literal.ts';
import { hasForeignKeys, LazyMapping, sealed, withForeignKeys } from '../source/unsafe.ts';
import { type Dict, positionOf, Secret, Tuple, Unsafe, type Value } from '../source/value.ts';
import { Environment, unixLines } from './compile/environment.ts';
import { type Expression, Runtime, type Template } from './compile/runtime.ts';
import { Fault } from './fault.ts';
import { fileOptions } from './file-options.ts';
import { finalize } from './finalize.ts';
import { guardVerdict } from './guards.ts';
import { positioned } from './position.ts';
import { truthy } from './python/compare.ts';
import { str } from './python/print.ts';
import { referencedNames } from './references.ts';
import {
  isTemplate,
  type Templar,
  type TemplarOptions,
  type TemplateFileOptions,
  type Variables,
} from './templar.ts';

export type { Templar, TemplarOptions, Variables };
export { isTemplate };

/** Makes a Templar; it keeps what it compiles, so one serves a whole run. */
export function createTemplar(options: TemplarOptions): Templar {
  return new JinjaTemplar(options);
}

const NATIVE = { noLookups: false, copies: false, isNative: true };

class JinjaTemplar implements Templar {
  private readonly env: Environment;

  constructor(options: TemplarOptions) {
    this.env = new Environment(options, this);
  }

  render(value: Value, vars: Variables, at?: Position): Value {
    if (typeof value === 'string') return isTemplate(value) ? this.renderText(value, vars, at) : value;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value))
      return value.map((item, i) => this.render(item, vars, positionOf(value, i) ?? at));
    if (value instanceof Map) return this.renderDict(value, vars, at);
    if (value instanceof Tuple) return value.items.map(item => this.render(item, vars, at));
    if (value instanceof Secret) return this.env.options.decrypt(value.ciphertext);
    return value;
  }

  private renderDict(dict: Dict, vars: Variables, at: Position | undefined): Value {
    // a lazy mapping renders what it holds by itself
    if (dict instanceof LazyMapping) return dict;
    const rendered: Dict = new Map();
    let foreign = hasForeignKeys(dict);
    for (const [key, value] of dict) {
      const place = positionOf(dict, key) ?? at;
      const name = this.render(key, vars, place);
      foreign ||= name instanceof Unsafe;
      rendered.set(name instanceof Unsafe ? name.text : name, this.render(value, vars, place));
    }
    return foreign ? withForeignKeys(rendered) : rendered;
  }

  private renderText(text: string, vars: Variables, at: Position | undefined): Value {
    const template = positioned(at, NOWHERE, () => this.env.template(text));
    const rt = new Runtime(this.env, vars, { ...NATIVE, copies: template.mutates });
    const value = positioned(at, rt, () => {
      if (template.single) {
        const { single } = template;
        const value = this.finished(rt, single);
        if (typeof value !== 'string') return value;
        const meantAsText = single.isText || (single.name !== undefined && vars.isText?.(single.name));
        return (meantAsText ? undefined : structure(value)) ?? keepNewlines(text, value, '\n');
      }
      const out = rt.output();
      template.run(rt, out);
      const value = out.value;
      if (typeof value !== 'string') return finalize(value);
      return structure(value) ?? keepNewlines(text, value, '\n');
    });
    return rt.taint.unsafe ? sealed(value) : value;
  }

  private finished(rt: Runtime, expression: Expression): Value {
    const value = expression.evaluate(rt);
    if (typeof value !== 'object' || value === null) return value;
    rt.site = undefined;
    return expression.isPath && (Array.isArray(value) || value instanceof Map) ? value : finalize(value);
  }

  evaluate(expression: string, vars: Variables, at?: Position): Value {
    const compiled = positioned(at, NOWHERE, () => this.env.expression(expression));
    const rt = new Runtime(this.env, vars, { ...NATIVE, copies: compiled.mutates });
    const value = positioned(at, rt, () => this.finished(rt, compiled));
    return rt.taint.unsafe ? sealed(value) : value;
  }

  test(condition: Value, vars: Variables, at?: Position): boolean {
    if (Array.isArray(condition)) {
      return condition.every((part, i) => this.test(part, vars, positionOf(condition, i) ?? at));
    }
    if (condition === null || condition === '') return true;
    if (typeof condition === 'boolean') return condition;
    try {
      return this.testOne(condition, vars, at);
    } catch (error) {
      throw error instanceof SourceError ? ofCondition(error, condition) : error;
    }
  }

  private testOne(condition: Value, vars: Variables, at: Position | undefined): boolean {
    if (typeof condition === 'string' && !isTemplate(condition))
      return this.holds(condition, vars, at, false);
    const rendered = this.render(condition, vars, at);
    if (rendered instanceof Unsafe && rendered.text !== '') throw unsafeCondition(rendered, at);
    if (rendered instanceof Unsafe) return false;
    if (typeof rendered !== 'string' || rendered === '') return truthy(rendered);
    return this.holds(rendered, vars, at, true);
  }

  /** `noLookups` for text that came out of a template. */
  private holds(expression: string, vars: Variables, at: Position | undefined, noLookups: boolean): boolean {
    const compiled = positioned(at, NOWHERE, () => this.env.condition(expression));
    const rt = new Runtime(this.env, vars, { ...NATIVE, noLookups, copies: compiled.mutates });
    return positioned(at, rt, () => {
      try {
        return truthy(compiled.evaluate(rt));
      } catch (error) {
        const verdict = error instanceof Fault ? guardVerdict(error, expression) : undefined;
        if (verdict === undefined) throw error;
        return verdict;
      }
    });
  }

  renderFile(text: string, vars: Variables, options: TemplateFileOptions = {}): string {
    const { source, lex, newline } = positioned(undefined, NOWHERE, () =>
      fileOptions(unixLines(text), options),
    );
    const template = positioned(undefined, NOWHERE, () => this.env.fileTemplate(source, lex, newline));
    const rt = new Runtime(this.env, vars, { noLookups: false, isNative: false, copies: template.mutates });
    return positioned(undefined, rt, () => {
      const out = rt.output();
      template.run(rt, out);
      return keepNewlines(source.text, out.text, newline);
    });
  }

  check(value: Value, at?: Position): void {
    const errors: SourceError[] = [];
    this.collect(value, at, errors);
    if (errors.length > 0) throw new SourceErrors(errors);
  }

  private collect(value: Value, at: Position | undefined, errors: SourceError[]): void {
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) this.collect(item, positionOf(value, i) ?? at, errors);
    } else if (value instanceof Map) {
      for (const [key, item] of value) {
        this.collect(key, at, errors);
        this.collect(item, positionOf(value, key) ?? at, errors);
      }
    } else if (isTemplate(value)) {
      this.attempt(errors, at, () => this.env.template(value));
    }
  }

  /** Compiles, and notes the mistakes: of the syntax, else every name that nobody knows. */
  private attempt(
    errors: SourceError[],
    at: Position | undefined,
    compile: () => Template | Expression,
  ): void {
    const note = <T>(work: () => T): T | undefined => {
      try {
        return positioned(at, NOWHERE, work);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        errors.push(error);
        return undefined;
      }
    };
    for (const fault of note(compile)?.unknown ?? [])
      note(() => {
        throw fault;
      });
  }

  checkExpression(expression: string, at?: Position): void {
    const errors: SourceError[] = [];
    this.attempt(errors, at, () => this.env.condition(expression));
    if (errors.length > 0) throw new SourceErrors(errors);
  }

  references(source: Value, kind: 'template' | 'expression'): ReadonlySet<string> {
    return positioned(undefined, NOWHERE, () => referencedNames(source, kind));
  }

  lookup(name: string, terms: readonly Value[], options: Dict, vars: Variables): Value[] {
    const rt = new Runtime(this.env, vars, NATIVE);
    const values = positioned(undefined, rt, () => {
      const open = (value: Value) => rt.open(value);
      const settings = new Map([...options].map(([key, value]) => [key, open(value)]));
      return this.env.lookup(rt, name, terms.map(open), settings).map(finalize);
    });
    return rt.taint.unsafe ? values.map(sealed) : values;
  }
}

/** A mistake in a condition, as Ansible tells it. */
function ofCondition(error: SourceError, condition: Value): SourceError {
  const text = str(condition);
  const inner = error.code === 'UNDEFINED_VARIABLE' ? `error while evaluating conditional (${text}): ` : '';
  return error.within(words => `The conditional check '${text}' failed. The error was: ${inner}${words}`);
}

/** The words are Ansible's. */
function unsafeCondition({ text }: Unsafe, at: Position | undefined): SourceError {
  return new SourceError(
    'TEMPLATE_RUNTIME',
    `Conditional is marked as unsafe, and cannot be evaluated: ${jsonText(text.slice(0, 80))}`,
    at,
    'what a host or a file says is data, never an expression; compare it with what you expect of it',
  );
}

/** The list, mapping or truth value that a text spells. */
function structure(text: string): Value | undefined {
  const value = parseStructure(text);
  return value === undefined ? undefined : finalize(value);
}

const NOWHERE = { site: undefined };

/** Ansible gives a text back the newlines at its end that rendering took away. */
function keepNewlines(source: string, text: string, newline: string): string {
  if (!source.endsWith('\n')) return text;
  const missing = newlinesAtEnd(source) - newlinesAtEnd(text);
  return missing > 0 ? text + newline.repeat(missing) : text;
}

function newlinesAtEnd(text: string): number {
  return /\n*$/.exec(text)?.[0].length ?? 0;
}
