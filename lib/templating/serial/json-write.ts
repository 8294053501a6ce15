import { Float, Secret, Tuple, Undefined, Unsafe, type Value } from '../../source/value.ts';
import { DateTime } from '../dates/datetime.ts';
import { fault } from '../fault.ts';
import { compare } from '../python/compare.ts';
import { reprFloat, str } from '../python/print.ts';
import { typeName } from '../python/types.ts';
import { undefinedFault } from '../python/undefined.ts';

export interface JsonStyle {
  /** What one level is indented by; undefined keeps all on one line. */
  readonly indent?: string | undefined;
  readonly sortKeys?: boolean;
  readonly itemSeparator?: string;
  readonly keySeparator?: string;
  /** Characters beyond ASCII are escaped. */
  readonly ascii?: boolean;
}

/** Python's json.dumps. */
export function writeJson(value: Value, style: JsonStyle = {}): string {
  const { indent, sortKeys = false, keySeparator = ': ', ascii = true } = style;
  const itemSeparator = style.itemSeparator ?? (indent === undefined ? ', ' : ',');
  return new JsonWriter({ indent, sortKeys, keySeparator, itemSeparator, ascii }).value(value, '');
}

type Style = { readonly [K in keyof JsonStyle]-?: JsonStyle[K] };

class JsonWriter {
  private readonly style: Style;

  constructor(style: Style) {
    this.style = style;
  }

  value(value: Value, indent: string): string {
    switch (typeof value) {
      case 'string':
        return quote(value, this.style.ascii);
      case 'boolean':
      case 'bigint':
        return String(value);
      case 'number':
        return Number.isInteger(value) ? String(BigInt(value)) : reprFloat(value);
    }
    if (value === null) return 'null';
    if (value instanceof Float) return jsonFloat(value.value);
    if (Array.isArray(value)) return this.list(value, indent);
    if (value instanceof Tuple) return this.list(value.items, indent);
    if (value instanceof Map) return this.dict(value, indent);
    if (value instanceof Undefined) throw undefinedFault(value);
    if (value instanceof DateTime) return quote(value.iso('T'), this.style.ascii);
    if (value instanceof Secret || value instanceof Unsafe) return quote(str(value), this.style.ascii);
    throw fault(`${typeName(value)} can not be written as JSON`);
  }

  private list(items: readonly Value[], indent: string): string {
    const inner = indent + (this.style.indent ?? '');
    return this.wrapped(
      '[',
      ']',
      indent,
      items.map(item => this.value(item, inner)),
    );
  }

  private dict(dict: Map<Value, Value>, indent: string): string {
    const inner = indent + (this.style.indent ?? '');
    const pairs = [...dict];
    if (this.style.sortKeys) pairs.sort(([a], [b]) => compare(a, b));
    const parts = pairs.map(([key, value]) => {
      return `${quote(keyText(key), this.style.ascii)}${this.style.keySeparator}${this.value(value, inner)}`;
    });
    return this.wrapped('{', '}', indent, parts);
  }

  private wrapped(open: string, close: string, indent: string, parts: readonly string[]): string {
    if (parts.length === 0) return open + close;
    if (this.style.indent === undefined) return open + parts.join(this.style.itemSeparator) + close;
    const inner = `\n${indent}${this.style.indent}`;
    return `${open}${inner}${parts.join(this.style.itemSeparator + inner)}\n${indent}${close}`;
  }
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return reprFloat(value);
}

function keyText(key: Value): string {
  if (typeof key === 'string') return key;
  if (key === null) return 'null';
  if (typeof key === 'boolean') return String(key);
  if (typeof key === 'number' || typeof key === 'bigint' || key instanceof Float) return str(key);
  throw fault(`a ${typeName(key)} can not be the key of a JSON object`);
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function quote(text: string, ascii: boolean): string {
  const pattern = ascii ? /["\\]|[^\x20-\x7e]/g : /["\\]|[\x00-\x1f]/g;
  const escaped = (char: string) => SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `"${text.replace(pattern, escaped)}"`;
}
