import type { PythonRegex, RegexFlags } from '../source/python/python-regex.ts';
import type { Value } from '../source/value.ts';
import type { Named } from './python/objects.ts';
import type { TemplarOptions, TemplateFileOptions, Variables } from './templar.ts';

/** What filters, tests and lookups may use of the template that runs them. */
export interface Context {
  /** The names the template sees at this place, its own ones included. */
  readonly vars: Variables;
  readonly options: TemplarOptions;
  /** A regular expression of Python, translated once. */
  regex(pattern: string, flags: RegexFlags): PythonRegex;
  hasFilter(name: string): boolean;
  hasTest(name: string): boolean;
  applyFilter(name: string, value: Value, args: readonly Value[], named: Named): Value;
  applyTest(name: string, value: Value, args: readonly Value[], named: Named): boolean;
  /** Renders the text of a template file with more names than the template's own. */
  renderFile(text: string, extra: Named, options: TemplateFileOptions): string;
  /** Renders the templates inside a value. */
  render(value: Value): Value;
}
