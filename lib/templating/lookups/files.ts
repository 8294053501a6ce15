import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { parseStructure } from '../../source/python/python-literal.ts';
import type { Dict, Value } from '../../source/value.ts';
import { Undefined } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { Fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
import { strip } from '../python/text.ts';
import { itemsOf } from '../python/types.ts';
import { findFile } from '../template-files.ts';
import { templateVariables } from '../template-vars.ts';
import { globFiles } from './glob.ts';
import { type LookupTable, lookup } from './lookup.ts';

type Kind = 'files' | 'templates' | 'vars';

/** The file of a term, or an error that says where it was looked for. */
export function needFile({ options, vars }: Context, kind: Kind, name: string): string {
  const found = findFile(options, vars, kind, name);
  if (found !== undefined) return found;
  const places = isAbsolute(name) ? [] : options.searchPath(vars, kind);
  const hint = places.length > 0 ? `looked in: ${places.join(', ')}` : undefined;
  throw new Fault('FILE_NOT_FOUND', `the file "${name}" was not found: No such file or directory`, { hint });
}

function flag(options: Dict, name: string, other: boolean): boolean {
  return truthy(options.get(name) ?? other);
}

function readText(context: Context, name: string): string {
  return context.options.readFile(needFile(context, 'files', name)).toString('utf8');
}

function stripped(text: string, options: Dict): string {
  const left = flag(options, 'lstrip', false) ? strip(text, undefined, 'left') : text;
  return flag(options, 'rstrip', true) ? strip(left, undefined, 'right') : left;
}

function renderTemplate(context: Context, name: string, options: Dict): Value {
  const file = needFile(context, 'templates', name);
  const text = context.options.readFile(file).toString('utf8');
  const extra = templateVariables({ name, file, managed: context.options.managed });
  const own = options.get('template_vars');
  if (own instanceof Map) for (const [key, value] of own) extra.set(str(key), value);
  const setting = (key: string) => (options.has(key) ? str(options.get(key) ?? '') : undefined);
  const delimiters = {
    variableStart: setting('variable_start_string'),
    variableEnd: setting('variable_end_string'),
    commentStart: setting('comment_start_string'),
    commentEnd: setting('comment_end_string'),
  };
  const given = Object.fromEntries(Object.entries(delimiters).filter(([, value]) => value !== undefined));
  const rendered = context.renderFile(text, extra, { ...given, file });
  // Text that spells a list or mapping becomes one, also in Ansible.
  const isData =
    typeof rendered === 'string' && flag(options, 'convert_data', true) && /^\s*[[{]/.test(rendered);
  return (isData ? parseStructure(rendered) : undefined) ?? rendered;
}

/** Files that match: those of the first place that has the folder named in the term. */
function fileGlob({ options, vars }: Context, term: string): string[] {
  const folder = dirname(term);
  const places = isAbsolute(term)
    ? [folder]
    : options.searchPath(vars, 'files').flatMap(place => (folder === '.' ? [place] : [join(place, folder)]));
  for (const place of places) {
    const found = existsSync(place) ? globFiles(join(place, basename(term))) : [];
    if (found.length > 0) return found;
  }
  return [];
}

interface Candidates {
  readonly names: readonly string[];
  readonly skip: boolean;
}

function splitNames(value: Value | undefined): string[] {
  if (value === undefined || value === null) return [];
  const items = itemsOf(value);
  return items
    ? items.flatMap(item => splitNames(item))
    : str(value)
        .split(/[,;:]/)
        .map(part => part.trim());
}

/** The option of first_found by which a loop says where to look: `files` (as without it), `templates` or `vars`. */
export const SEARCHED_FOLDER = '_subdir';

/** Names that first_found tries, in order. */
function candidates(term: Value, options: Dict): Candidates {
  const items = itemsOf(term);
  if (items) {
    const parts = items.map(item => candidates(item, options));
    return { names: parts.flatMap(part => part.names), skip: parts.some(part => part.skip) };
  }
  if (!(term instanceof Map)) return withPaths([str(term)], options);
  return withPaths(splitNames(term.get('files')), new Map([...options, ...term]));
}

function withPaths(files: readonly string[], options: Dict): Candidates {
  const paths = splitNames(options.get('paths'));
  const names = paths.length === 0 ? files : paths.flatMap(path => files.map(file => join(path, file)));
  return { names, skip: flag(options, 'skip', false) };
}

function firstFound(context: Context, terms: readonly Value[], options: Dict): Value[] {
  const own = terms.length > 0 ? terms : [new Map<Value, Value>([['files', options.get('files') ?? []]])];
  const parts = own.map(term => candidates(term, options));
  const names = parts.flatMap(part => part.names);
  const folder = options.get(SEARCHED_FOLDER);
  const kind = folder === 'templates' || folder === 'vars' ? folder : 'files';
  for (const name of names) {
    const found = findFile(context.options, context.vars, kind, name);
    if (found !== undefined) return [found];
  }
  if (parts.some(part => part.skip)) return [];
  const hint = names.length > 0 ? `tried: ${names.join(', ')}` : 'no names were given';
  throw new Fault('FILE_NOT_FOUND', 'No file was found when using first_found.', { hint });
}

/** Lookups that read files of the control machine. */
export const fileLookups: LookupTable = {
  file: lookup((context, terms, options) =>
    terms.map(term => stripped(readText(context, str(term)), options)),
  ),
  unvault: lookup((context, terms) => terms.map(term => readText(context, str(term)))),
  template: lookup((context, terms, options) =>
    terms.map(term => renderTemplate(context, str(term), options)),
  ),
  fileglob: lookup((context, terms) => terms.flatMap(term => fileGlob(context, str(term)))),
  first_found: lookup((context, terms, options) => {
    const known = terms.filter(term => !(term instanceof Undefined));
    return firstFound(context, known, options);
  }),
};
