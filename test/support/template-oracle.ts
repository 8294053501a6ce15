import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SourceError } from '../../lib/source/errors.ts';
import { Undefined, type Value } from '../../lib/source/value.ts';
import { createTemplar, isTemplate, type Templar, type Variables } from '../../lib/templating/index.ts';
import { repr } from '../../lib/templating/python/print.ts';
import { readJson } from '../../lib/templating/serial/json-read.ts';

export const HERE = join(import.meta.dirname, '../../lib/templating/testdata');

/** What rendering came to: a value as Python's repr writes it, the kind of mistake, or its words. */
export type Outcome =
  | { readonly value: string }
  | { readonly error: 'syntax' | 'undefined' | 'runtime' }
  | { readonly message: string };

export type Expected = Readonly<Record<string, Readonly<Record<string, Outcome>>>>;

export const templar: Templar = createTemplar({
  searchPath: (_vars, kind) => [join(HERE, kind)],
  readFile: path => readFileSync(path),
  decrypt: text => text,
  env: { HOME: '/root' },
});

/** The variables of the cases, rendered when they are asked for. */
export function caseVariables(): Variables {
  const text = readFileSync(join(HERE, 'variables.json'), 'utf8');
  const dict = readJson(text) as Map<Value, Value>;
  const rendered = new Map<string, Value>();
  const vars: Variables = {
    get: name => {
      const known = rendered.get(name);
      if (known !== undefined) return known;
      const value = dict.get(name);
      if (value === undefined) return new Undefined(name);
      const result = templar.render(value, vars);
      rendered.set(name, result);
      return result;
    },
    has: name => dict.has(name),
    names: () => [...dict.keys()].filter(name => typeof name === 'string'),
  };
  return vars;
}

/** Evaluates one line of a case file. */
export function evaluate(file: string, line: string): Outcome {
  const text = line.replaceAll('⏎', '\n');
  const vars = caseVariables();
  try {
    if (file === 'conditions') return { value: repr(templar.test(text, vars)) };
    if (file === 'files') return { value: repr(templar.renderFile(text, vars)) };
    return { value: repr(isTemplate(text) ? templar.render(text, vars) : text) };
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return file === 'messages' ? { message: error.words } : { error: kindOf(error) };
  }
}

function kindOf({ code }: SourceError): 'syntax' | 'undefined' | 'runtime' {
  if (code === 'UNDEFINED_VARIABLE') return 'undefined';
  return code === 'TEMPLATE_SYNTAX' || code.startsWith('UNKNOWN_') ? 'syntax' : 'runtime';
}
