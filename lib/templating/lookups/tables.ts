import type { Dict, Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { toBool } from '../filters/values.ts';
import { truthy } from '../python/compare.ts';
import { toIndex } from '../python/numbers.ts';
import { repr, str } from '../python/print.ts';
import { needFile } from './files.ts';
import { type LookupTable, lookup } from './lookup.ts';

/** A term such as `key file=x.csv delimiter=,` split into its key and its options. */
function splitTerm(
  term: Value,
  options: Dict,
  names: readonly string[],
): { key: string; settings: Map<string, Value> } {
  const settings = new Map<string, Value>([...options].map(([name, value]) => [str(name), value]));
  const words: string[] = [];
  for (const match of str(term).matchAll(/("[^"]*"|'[^']*'|\S)+/g)) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(match[0]) ?? [];
    if (names.includes(name)) settings.set(name, value.replace(/^(["'])(.*)\1$/s, '$2'));
    else words.push(match[0]);
  }
  return { key: words.join(' '), settings };
}

/** The cells of a CSV text, quotes understood. */
function parseCsv(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endRow = () => {
    rows.push([...row, cell]);
    [row, cell] = [[], ''];
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (char === '"' && cell === '') quoted = true;
    else if (char === delimiter) {
      row.push(cell);
      cell = '';
    } else if (char === '\n') endRow();
    else if (char !== '\r') cell += char;
  }
  if (cell !== '' || row.length > 0) endRow();
  return rows;
}

/** The text of a file in the encoding that an option names. */
function readAs(context: Context, name: string, encoding: Value | undefined): string {
  const content = context.options.readFile(needFile(context, 'files', name));
  const wanted = str(encoding ?? 'utf-8');
  try {
    return new TextDecoder(wanted).decode(content);
  } catch {
    throw fault(`the encoding "${wanted}" is not known`);
  }
}

function cellOf(row: readonly string[], column: Value): string {
  const index = Number(str(column));
  if (!Number.isInteger(index))
    throw fault(`csvfile: invalid literal for int() with base 10: ${repr(column)}`);
  const cell = row.at(index);
  if (cell === undefined) throw fault('csvfile: list index out of range');
  return cell;
}

const CSV_OPTIONS = ['file', 'delimiter', 'col', 'default', 'keycol', 'encoding'];

function csvCell(context: Context, term: Value, options: Dict): Value[] {
  const { key, settings } = splitTerm(term, options, CSV_OPTIONS);
  const [unknown] = /(?<=^|\s)\w+(?==)/.exec(key) ?? [];
  if (unknown !== undefined)
    throw fault(`${unknown} is not a valid option`, `it knows ${CSV_OPTIONS.join(', ')}`);
  if (key === '') throw fault('Search key is required but was not found');
  const name = str(settings.get('file') ?? 'ansible.csv');
  const wanted = str(settings.get('delimiter') ?? 'TAB');
  const delimiter = wanted === 'TAB' || wanted === 't' || wanted === '\\t' ? '\t' : wanted;
  const keyColumn = toIndex(Number(settings.get('keycol') ?? 0), 'keycol');
  const text = readAs(context, name, settings.get('encoding'));
  const row = parseCsv(text, delimiter).find(cells => cells[keyColumn] === key);
  const cell = row ? cellOf(row, settings.get('col') ?? 1) : settings.get('default');
  return cell === undefined || cell === null ? [] : [cell];
}

interface IniRules {
  readonly file: string;
  readonly section: string;
  readonly isProperties: boolean;
  readonly caseSensitive: boolean;
  readonly allowNoValue: boolean;
}

type IniValues = Map<string, string | null>;

/** The values of one section of an INI file (or of a Java properties file), as Python's configparser reads them. */
function iniSection(text: string, rules: IniRules): IniValues {
  const fold = (name: string) => (rules.caseSensitive ? name : name.toLowerCase());
  const sections = new Map<string, IniValues>();
  const begin = (name: string) => {
    const values: IniValues = sections.get(name) ?? new Map();
    sections.set(name, values);
    return values;
  };
  let current = rules.isProperties ? begin(rules.section) : undefined;
  let lastKey: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const header = rules.isProperties ? null : /^\[([^\]]+)\]/.exec(line);
    if (/^\s*([#;]|$)/.test(line)) continue;
    if (/^\s/.test(line) && lastKey !== undefined && current) {
      current.set(lastKey, `${current.get(lastKey) ?? ''}\n${line.trim()}`);
    } else if (header) {
      current = begin(header[1] as string);
      lastKey = undefined;
    } else {
      if (!current) throw fault(`File contains no section headers. file: ${rules.file}, line: ${index + 1}`);
      const [, name = '', value] = /^\s*(.*?)\s*(?:[=:]\s*(.*?)\s*)?$/.exec(line) ?? [];
      const key = fold(name);
      if (value === undefined && !rules.allowNoValue)
        throw fault(
          `Source contains parsing errors: '${rules.file}' [line ${index + 1}]: ${name} has no value`,
        );
      if (current.has(key))
        throw fault(`Duplicate option in '${rules.file}': the option '${key}' stands there twice`);
      current.set(key, value ?? null);
      lastKey = key;
    }
  }
  const own = sections.get(rules.section);
  if (!own && rules.section !== 'DEFAULT') throw fault(`No section '${rules.section}' in ${rules.file}`);
  return new Map([...(sections.get('DEFAULT') ?? []), ...(own ?? [])]);
}

const INI_OPTIONS = [
  ...['type', 'file', 'section', 're', 'default', 'encoding', 'case_sensitive'],
  ...['allow_no_value', 'allow_none'],
];

/** `key section=x file=y`: the older form of the options. */
function iniTerm(term: Value, options: Dict): { key: string; settings: Map<string, Value> } {
  const text = str(term);
  const found = splitTerm(term, options, INI_OPTIONS);
  if (!/=|\s/.test(text.trim())) return { ...found, key: text };
  const [unknown] = /(?<=^|\s)[\w.-]+(?==)/.exec(found.key) ?? [];
  if (unknown !== undefined)
    throw fault(`${unknown} is not a valid option.`, `it knows ${INI_OPTIONS.join(', ')}`);
  const [key] = found.key.split(' ');
  if (key) return { ...found, key };
  throw fault(`No key to lookup was provided as first term with in string inline options: ${text}`);
}

function iniValue(context: Context, term: Value, options: Dict): Value[] {
  const { key, settings } = iniTerm(term, options);
  const file = str(settings.get('file') ?? 'ansible.ini');
  const isOn = (name: string) => truthy(toBool(settings.get(name) ?? false));
  const isProperties = settings.get('type') === 'properties';
  const rules = {
    file,
    section: isProperties ? 'java_properties' : str(settings.get('section') ?? 'global'),
    isProperties,
    caseSensitive: isOn('case_sensitive'),
    allowNoValue: isOn('allow_no_value') || isOn('allow_none'),
  };
  const values = iniSection(readAs(context, file, settings.get('encoding')), rules);
  const interpolated = (value: string | null) => (value === null ? null : interpolate(value, values));
  if (isOn('re')) {
    const pattern = context.regex(key, {});
    return [...values].filter(([name]) => pattern.match(name)).map(([, value]) => interpolated(value));
  }
  const name = rules.caseSensitive ? key : key.toLowerCase();
  const found = values.has(name) ? interpolated(values.get(name) ?? null) : (settings.get('default') ?? '');
  return found === null ? [] : [found];
}

/** `%(name)s` stands for another value of the section, `%%` for one percent sign. */
function interpolate(text: string, values: IniValues, depth = 0): string {
  if (depth > 10) throw fault('values of the INI file refer to each other without end');
  return text.replace(/%(?:%|\(([^)]+)\)s)/g, (whole, name?: string) => {
    if (name === undefined) return '%';
    const value = values.get(name) ?? values.get(name.toLowerCase());
    if (value === undefined) throw fault(`Bad value substitution: ${whole} names no option of the section`);
    return interpolate(value ?? '', values, depth + 1);
  });
}

/** Lookups in tables: CSV and INI files. */
export const tableLookups: LookupTable = {
  csvfile: lookup((context, terms, options) => terms.flatMap(term => csvCell(context, term, options))),
  ini: lookup((context, terms, options) => terms.flatMap(term => iniValue(context, term, options))),
};
