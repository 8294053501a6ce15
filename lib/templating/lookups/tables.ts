import type { Dict, Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { toIndex } from '../python/numbers.ts';
import { str } from '../python/print.ts';
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
  const column = toIndex(Number(settings.get('col') ?? 1), 'col');
  const keyColumn = toIndex(Number(settings.get('keycol') ?? 0), 'keycol');
  const text = context.options.readFile(needFile(context, 'files', name)).toString('utf8');
  const row = parseCsv(text, delimiter).find(cells => cells[keyColumn] === key);
  const cell = row?.[column] ?? settings.get('default');
  return cell === undefined || cell === null ? [] : [cell];
}

interface IniRules {
  readonly section: string;
  readonly isProperties: boolean;
  readonly caseSensitive: boolean;
}

/** The values of one section of an INI file (or of a Java properties file). */
function iniSection(text: string, { section, isProperties, caseSensitive }: IniRules): Map<string, string> {
  const fold = (name: string) => (caseSensitive ? name : name.toLowerCase());
  const values = new Map<string, string>();
  let current = isProperties ? section : '';
  let lastKey: string | undefined;
  for (const line of text.split('\n')) {
    const header = isProperties ? null : /^\[([^\]]*)\]/.exec(line);
    const pair = /^([^\s=:#;][^=:]*?)\s*(?:[=:]\s*(.*?)\s*)?$/.exec(line);
    if (header) {
      current = header[1] ?? '';
      lastKey = undefined;
    } else if (/^\s*([#;]|$)/.test(line)) continue;
    else if (/^\s/.test(line) && lastKey !== undefined)
      values.set(lastKey, `${values.get(lastKey)}\n${line.trim()}`);
    else if (pair && (current === section || current === 'DEFAULT')) {
      const key = fold(pair[1] as string);
      if (current === section || !values.has(key)) values.set(key, pair[2] ?? '');
      lastKey = key;
    } else lastKey = undefined;
  }
  return values;
}

const INI_OPTIONS = [
  'type',
  'file',
  'section',
  're',
  'default',
  'encoding',
  'case_sensitive',
  'allow_no_value',
];

function iniValue(context: Context, term: Value, options: Dict): Value[] {
  const { key, settings } = splitTerm(term, options, INI_OPTIONS);
  const name = str(settings.get('file') ?? 'ansible.ini');
  const rules = {
    section: str(settings.get('section') ?? 'global'),
    isProperties: settings.get('type') === 'properties',
    caseSensitive: truthy(settings.get('case_sensitive') ?? false),
  };
  const text = context.options.readFile(needFile(context, 'files', name)).toString('utf8');
  const values = iniSection(text, rules);
  if (truthy(settings.get('re') ?? false) && settings.get('re') !== 'False') {
    const pattern = context.regex(key, {});
    return [...values].filter(([found]) => pattern.match(found)).map(([, value]) => value);
  }
  const found = values.get(rules.caseSensitive ? key : key.toLowerCase()) ?? settings.get('default') ?? '';
  return [found];
}

/** Lookups in tables: CSV and INI files. */
export const tableLookups: LookupTable = {
  csvfile: lookup((context, terms, options) => terms.flatMap(term => csvCell(context, term, options))),
  ini: lookup((context, terms, options) => terms.flatMap(term => iniValue(context, term, options))),
};
