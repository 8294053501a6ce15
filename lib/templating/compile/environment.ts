import { jsonText } from '../../source/json.ts';
import { PythonRegex, type RegexFlags } from '../../source/python/python-regex.ts';
import type { Dict, Value } from '../../source/value.ts';
import { Fault, type Source } from '../fault.ts';
import type { FilterEntry } from '../filters/filter.ts';
import { findFilter, nearFilter } from '../filters/index.ts';
import { findGlobal } from '../globals.ts';
import { findLookup, nearLookup } from '../lookups/index.ts';
import { defined } from '../python/undefined.ts';
import { parseBare, parseTemplate } from '../syntax/statements.ts';
import { DEFAULT_DELIMITERS, type LexOptions } from '../syntax/tokens.ts';
import type { TemplarOptions, TemplateFileOptions, Variables } from '../templar.ts';
import { findTemplateFile } from '../template-files.ts';
import { findTest, nearTest } from '../tests/index.ts';
import type { TestEntry } from '../tests/test.ts';
import { Cache } from './cache.ts';
import { withLabel } from './label.ts';
import type { Expression, Filter, Runtime, Surroundings, Template, Test } from './runtime.ts';
import { compileBare, compileTemplate } from './template.ts';

export const PLAYBOOK_TEXT: LexOptions = {
  delimiters: DEFAULT_DELIMITERS,
  trimBlocks: true,
  lstripBlocks: false,
  rawBackslashes: true,
};

const PLAIN: LexOptions = { ...PLAYBOOK_TEXT, rawBackslashes: false };

/** How the Templar renders on behalf of lookups and included files. */
export interface Renderer {
  render(value: Value, vars: Variables): Value;
  renderFile(text: string, vars: Variables, options: TemplateFileOptions): string;
}

/** Everything templates can refer to, and the templates compiled so far. */
export class Environment implements Surroundings {
  readonly options: TemplarOptions;
  private readonly renderer: Renderer;
  private readonly templates = new Cache<Template>();
  private readonly expressions = new Cache<Expression>();
  private readonly conditions = new Cache<Expression>();
  private readonly regexes = new Cache<PythonRegex>();

  constructor(options: TemplarOptions, renderer: Renderer) {
    this.options = options;
    this.renderer = renderer;
  }

  regex(pattern: string, flags: RegexFlags): PythonRegex {
    const key = `${flags.ignoreCase ? 'i' : ''}${flags.multiline ? 'm' : ''}/${pattern}`;
    return this.regexes.get(key, () => new PythonRegex(pattern, flags));
  }

  /** A text of a playbook, compiled. */
  template(text: string): Template {
    return this.templates.get(text, () => this.compile({ text: unixLines(text) }, PLAYBOOK_TEXT));
  }

  /** A bare expression, as inside `{{ }}` of a playbook. */
  expression(text: string): Expression {
    return this.expressions.get(text, () => {
      const source = { text: unixLines(text) };
      return compileBare(this.options, source, parseBare(source, PLAYBOOK_TEXT));
    });
  }

  /** A condition; as inside `{% if %}`, where backslashes in texts are escapes. */
  condition(text: string): Expression {
    return this.conditions.get(text, () => {
      const source = { text: unixLines(text) };
      return compileBare(this.options, source, parseBare(source, PLAIN));
    });
  }

  /** A text with delimiters and trimming of its own. */
  fileTemplate(source: Source, options: LexOptions, newline: string): Template {
    const key = `${jsonText([options, newline, source.file ?? ''])}${source.text}`;
    return this.templates.get(`\0${key}`, () => this.compile(source, options, newline));
  }

  private compile(source: Source, options: LexOptions, newline = '\n'): Template {
    const body = parseTemplate(source, options);
    const text = (data: string) => (newline === '\n' ? data : data.replaceAll('\n', newline));
    const own = body.map(part => (part.kind === 'text' ? { ...part, text: text(part.text) } : part));
    return compileTemplate(this.options, source, own);
  }

  /** A template file by the name given to include or import; undefined when it does not exist. */
  loadTemplate(name: string, vars: Variables): Template | undefined {
    const file = findTemplateFile(this.options, vars, name);
    if (file === undefined) return undefined;
    const source = { text: unixLines(this.options.readFile(file).toString('utf8')), file };
    return this.fileTemplate(source, PLAIN, '\n');
  }

  findFilter(name: string): FilterEntry | undefined {
    return findFilter(name);
  }

  findTest(name: string): TestEntry | undefined {
    return findTest(name);
  }

  /** A filter by the name that `map` was given. */
  filter(name: string): Filter {
    const entry = findFilter(name);
    if (!entry) throw unknown('UNKNOWN_FILTER', `there is no filter "${name}"`, nearFilter(name));
    return (rt, value, args, named) => {
      return withLabel('the filter', name, () =>
        entry.run(rt, entry.lenient ? value : defined(value), args, named),
      );
    };
  }

  /** A test by the name that `select` was given. */
  test(name: string): Test {
    const entry = findTest(name);
    if (!entry) throw unknown('UNKNOWN_TEST', `there is no test "${name}"`, nearTest(name));
    return (rt, value, args, named) => {
      return withLabel('the test', name, () =>
        entry.run(rt, entry.lenient ? value : defined(value), args, named),
      );
    };
  }

  lookup(rt: Runtime, name: string, terms: readonly Value[], options: Dict): Value[] {
    const entry = findLookup(name);
    if (!entry) throw unknown('UNKNOWN_LOOKUP', `there is no lookup "${name}"`, nearLookup(name));
    if (!entry.plain) rt.noteUnsafe();
    return withLabel('the lookup', name, () => entry.run(rt, terms, options).map(value => rt.open(value)));
  }

  global(name: string, rt: Runtime): Value | undefined {
    return findGlobal(name, rt);
  }

  render(value: Value, vars: Variables): Value {
    return this.renderer.render(value, vars);
  }

  renderFile(text: string, vars: Variables, options: TemplateFileOptions): string {
    return this.renderer.renderFile(text, vars, options);
  }
}

function unknown(
  code: 'UNKNOWN_FILTER' | 'UNKNOWN_TEST' | 'UNKNOWN_LOOKUP',
  message: string,
  near: string | undefined,
): Fault {
  return new Fault(code, message, { hint: near && `did you mean "${near}"?` });
}

/** Line ends as templates see them. */
export function unixLines(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}
