import { SourceErrors } from '../../source/errors.ts';
import type { Value } from '../../source/value.ts';
import { parseYamlDocuments } from '../../source/yaml/yaml.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import type { Named } from '../python/objects.ts';
import { str } from '../python/print.ts';
import { readJson } from '../serial/json-read.ts';
import { type JsonStyle, writeJson } from '../serial/json-write.ts';
import { writeYaml } from '../serial/yaml-write.ts';
import { type FilterTable, filter, needItems, needText, optionalInteger } from './filter.ts';

/** Arguments of Python's dump functions that change nothing here. */
const IGNORED: ReadonlySet<string> = new Set([
  'vault_to_text',
  'preprocess_unsafe',
  'allow_nan',
  'skipkeys',
  'check_circular',
  'default_style',
  'allow_unicode',
  'encoding',
  'line_break',
  'canonical',
  'tags',
  'version',
  'default',
]);

function onlyKnown(named: Named, known: readonly string[]): void {
  for (const name of named.keys()) {
    if (known.includes(name) || IGNORED.has(name)) continue;
    throw fault(`has no argument "${name}"`, `it knows: ${known.join(', ')}`);
  }
}

function indentText(value: Value | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : ' '.repeat(optionalInteger(value, 'indent') ?? 0);
}

function jsonStyle(named: Named, defaults: JsonStyle): JsonStyle {
  onlyKnown(named, ['indent', 'sort_keys', 'separators', 'ensure_ascii']);
  const separators = named.get('separators');
  const [item, key] = separators === undefined || separators === null ? [] : needItems(separators).map(str);
  const indent = named.has('indent') ? indentText(named.get('indent')) : defaults.indent;
  return {
    ...defaults,
    indent,
    sortKeys: truthy(named.get('sort_keys') ?? defaults.sortKeys ?? false),
    ascii: truthy(named.get('ensure_ascii') ?? true),
    ...(item === undefined ? {} : { itemSeparator: item }),
    ...(key === undefined ? {} : { keySeparator: key }),
  };
}

function toYaml(value: Value, indent: number, named: Named, flow: boolean | undefined): string {
  onlyKnown(named, ['indent', 'width', 'default_flow_style', 'sort_keys', 'explicit_start', 'explicit_end']);
  const wanted = named.get('default_flow_style');
  return writeYaml(value, {
    indent: optionalInteger(named.get('indent'), 'indent') ?? indent,
    width: optionalInteger(named.get('width'), 'width') ?? 80,
    flow: !named.has('default_flow_style') ? flow : wanted === null ? undefined : truthy(wanted ?? false),
    sortKeys: truthy(named.get('sort_keys') ?? true),
    explicitStart: truthy(named.get('explicit_start') ?? false),
    explicitEnd: truthy(named.get('explicit_end') ?? false),
  });
}

function fromYaml(text: string): Value[] {
  try {
    return parseYamlDocuments(text, 'the text');
  } catch (error) {
    if (!(error instanceof SourceErrors)) throw error;
    const [first] = error.errors;
    throw fault(
      `the YAML text is not valid: ${first?.message} (line ${first?.position?.line ?? 1})`,
      first?.hint,
    );
  }
}

/** JSON that can stand inside HTML. */
function htmlSafe(json: string): string {
  return json.replace(/[<>&']/g, char => `\\u00${char.charCodeAt(0).toString(16)}`);
}

export const serialFilters: FilterTable = {
  to_json: filter(['**named'], (value, [named]) => writeJson(value, jsonStyle(named, {}))),
  to_nice_json: filter(['indent?', 'sort_keys?', '**named'], (value, [indent = 4, sort = true, named]) => {
    const defaults = {
      indent: indentText(indent),
      sortKeys: truthy(sort),
      itemSeparator: ',',
      keySeparator: ': ',
    };
    return writeJson(value, jsonStyle(named, defaults));
  }),
  tojson: filter(['indent?'], (value, [indent]) => {
    return htmlSafe(writeJson(value, { sortKeys: true, indent: indentText(indent) }));
  }),
  from_json: filter([], value => readJson(needText(value, 'JSON'))),
  to_yaml: filter(['**named'], (value, [named]) => toYaml(value, 2, named, undefined)),
  to_nice_yaml: filter(['indent?', '**named'], (value, [indent, named]) => {
    return toYaml(value, optionalInteger(indent, 'indent') ?? 4, named, false);
  }),
  from_yaml: filter([], value => {
    if (typeof value !== 'string') return value;
    const documents = fromYaml(value);
    if (documents.length > 1) throw fault('the text holds more than one YAML document', 'use from_yaml_all');
    return documents[0] ?? null;
  }),
  from_yaml_all: filter([], value => (typeof value === 'string' ? fromYaml(value) : value)),
};
