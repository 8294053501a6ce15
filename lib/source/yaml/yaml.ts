import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  type Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { type Position, SourceError, SourceErrors } from '../errors.ts';
import { type Dict, keyPositionOf, positionOf, Secret, setOrigin, Unsafe, type Value } from '../value.ts';
import { floatValue, resolvePlain, toBool, toFloat, toInt } from './scalar.ts';
import { type ScalarText, withScalar } from './scalar-position.ts';
import { explain, unclosed as neverClosed } from './yaml-mistakes.ts';
import { parseText } from './yaml-text.ts';

/** Aliases may make a small file stand for a huge one; this many nodes are more than anybody writes. */
const MAX_NODES = 2_000_000;
const MAX_DEPTH = 500;

/** Hears of a key that is given twice, of which the last then counts; where nobody is to hear it is a mistake. */
export type OnDuplicate = (duplicate: SourceError) => void;

/** The one document of a YAML text, with the place of every key and value; null when there is none. Throws SourceErrors. */
export function parseYaml(text: string, file: string, onDuplicate?: OnDuplicate): Value {
  const documents = parseYamlDocuments(text, file, onDuplicate);
  if (documents.length > 1) {
    const at = secondDocument(text);
    const message = 'this file holds more than one YAML document';
    throw new SourceErrors([
      new SourceError(
        'YAML_SYNTAX',
        message,
        { file, line: at, col: 1, length: 3 },
        'remove the "---" in between',
      ),
    ]);
  }
  return documents[0] ?? null;
}

function secondDocument(text: string): number {
  const lines = text.split('\n');
  const first = lines.findIndex(
    line => line.trim() !== '' && !line.startsWith('#') && !line.startsWith('---'),
  );
  const second = lines.findIndex((line, i) => i > first && line.startsWith('---'));
  return second + 1;
}

/** Every document of a YAML text. */
export function parseYamlDocuments(text: string, file: string, onDuplicate?: OnDuplicate): Value[] {
  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  const parsed = parseText(source);
  const composer = new Composer(source, file, parsed.toSource, onDuplicate);
  if (parsed.error) composer.syntaxError(parsed.error, parsed.unclosed);
  const values = parsed.error ? [] : parsed.documents.map(document => composer.document(document));
  if (composer.errors.length > 0) throw new SourceErrors(composer.errors);
  return values;
}

type Keys = Map<Value, { key: Position; value: Position }>;

/** Turns parsed nodes into values of the language, by YAML 1.1 as PyYAML reads it. */
class Composer {
  readonly errors: SourceError[] = [];
  private readonly text: string;
  private readonly file: string;
  private readonly toSource: (offset: number) => number;
  private readonly onDuplicate: OnDuplicate | undefined;
  private readonly counter = new LineCounter();
  private anchors = new Map<string, { value: Value; nodes: number }>();
  private open = new Set<string>();
  private nodes = 0;
  private depth = 0;

  constructor(
    text: string,
    file: string,
    toSource: (offset: number) => number,
    onDuplicate: OnDuplicate | undefined,
  ) {
    this.onDuplicate = onDuplicate;
    this.text = text;
    this.file = file;
    this.toSource = toSource;
    this.counter.addNewLine(0);
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1))
      this.counter.addNewLine(at + 1);
  }

  syntaxError(error: YAMLError, unclosed: number | undefined): void {
    const offset = this.toSource(error.pos[0]);
    const mistake =
      unclosed === undefined
        ? explain(error.code, error.message, offset, this.text)
        : neverClosed(this.text[unclosed] ?? '', unclosed);
    const at = mistake.offset ?? offset;
    const length = at === offset ? this.toSource(error.pos[1]) - offset : 1;
    this.errors.push(new SourceError(mistake.code, mistake.message, this.place(at, length), mistake.hint));
  }

  document(document: Document.Parsed): Value {
    this.anchors = new Map();
    return document.contents === null ? null : this.value(document.contents as Node);
  }

  private place(offset: number, length = 1): Position {
    const { line, col } = this.counter.linePos(offset);
    const end = this.text.indexOf('\n', offset);
    const room = (end < 0 ? this.text.length : end) - offset;
    return {
      file: this.file,
      line: Math.max(1, line),
      col: Math.max(1, col),
      length: Math.max(1, Math.min(length, room)),
    };
  }

  private placeOf(node: Node | null, otherwise: Position): Position {
    if (!node?.range) return otherwise;
    const [start, end] = [this.toSource(node.range[0]), this.toSource(node.range[1])];
    if (isAlias(node)) return this.place(start, end - start);
    if (!isScalar(node)) return this.place(start);
    const position = this.place(start, end - start);
    const style = STYLES[node.type ?? 'PLAIN'];
    if (!style) return position;
    return withScalar(position, { style, source: this.text, start, end });
  }

  private fail(code: SourceError['code'], message: string, at: Position, hint?: string): null {
    this.errors.push(new SourceError(code, message, at, hint));
    return null;
  }

  private value(node: Node): Value {
    this.nodes += 1;
    const at = this.placeOf(node, { file: this.file, line: 1, col: 1 });
    if (this.nodes > MAX_NODES) return this.fail('BAD_VALUE', 'aliases make this file too large', at);
    if (isAlias(node)) return this.alias(node, at);
    const anchor = (node as Scalar | YAMLMap | YAMLSeq).anchor;
    if (anchor) this.open.add(anchor);
    const before = this.nodes;
    this.depth += 1;
    const value =
      this.depth > MAX_DEPTH ? this.fail('BAD_VALUE', 'nested too deeply', at) : this.tagged(node, at);
    this.depth -= 1;
    if (anchor) {
      this.open.delete(anchor);
      this.anchors.set(anchor, { value, nodes: this.nodes - before + 1 });
    }
    return value;
  }

  private alias(node: Alias, at: Position): Value {
    if (this.open.has(node.source))
      return this.fail('BAD_VALUE', `"*${node.source}" refers to a value it is part of`, at);
    const target = this.anchors.get(node.source);
    if (!target)
      return this.fail(
        'YAML_SYNTAX',
        `no anchor "&${node.source}" stands before this`,
        at,
        'quote a value that starts with "*"',
      );
    this.nodes += target.nodes;
    return target.value;
  }

  private tagged(node: Node, at: Position): Value {
    if (isMap(node)) return this.collection(node, at, () => this.map(node, at));
    if (isSeq(node)) return this.collection(node, at, () => this.list(node, at));
    return isScalar(node) ? this.scalar(node, at) : null;
  }

  private collection(node: Node, at: Position, build: () => Dict | Value[]): Value {
    const tag = node.tag ?? '';
    if (tag === '!unsafe') return toUnsafe(build());
    const known = ['', '!', `${YAML}map`, `${YAML}seq`, `${YAML}omap`, `${YAML}pairs`, `${YAML}set`];
    if (!known.includes(tag)) return this.fail('BAD_VALUE', `unknown tag "${shortTag(tag)}"`, at);
    return build();
  }

  private list(node: YAMLSeq, at: Position): Value[] {
    const items: Value[] = [];
    const keys: Keys = new Map();
    node.items.forEach((item, i) => {
      const place = this.placeOf(item as Node, at);
      keys.set(i, { key: place, value: place });
      items.push(this.value(item as Node));
    });
    setOrigin(items, { self: at, keys });
    return items;
  }

  private map(node: YAMLMap, at: Position): Dict {
    const merged: Dict = new Map();
    const own: Dict = new Map();
    const mergedKeys: Keys = new Map();
    const keys: Keys = new Map();
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      if (isMergeKey(pair.key)) this.merge(pair, merged, mergedKeys, at);
      else this.entry(pair, own, keys, at);
    }
    const dict: Dict = new Map([...merged, ...own]);
    setOrigin(dict, { self: at, keys: new Map([...mergedKeys, ...keys]) });
    return dict;
  }

  private entry(pair: Pair<Node, Node | null>, dict: Dict, keys: Keys, at: Position): void {
    const keyAt = this.placeOf(pair.key, at);
    if (isMap(pair.key) || isSeq(pair.key)) {
      this.complexKey(pair.key, keyAt);
      return;
    }
    const key = pair.key ? this.value(pair.key) : null;
    if (dict.has(key)) {
      const message = `found a duplicate dict key (${String(key)}), first in line ${keys.get(key)?.key.line}`;
      const duplicate = new SourceError('DUPLICATE_KEY', message, keyAt, 'remove one of the two');
      if (!this.onDuplicate) {
        this.errors.push(duplicate);
        return;
      }
      this.onDuplicate(duplicate);
    }
    keys.set(key, { key: keyAt, value: this.placeOf(pair.value, keyAt) });
    dict.set(key, pair.value ? this.value(pair.value) : null);
  }

  private complexKey(key: Node, at: Position): void {
    const [start = 0, end = start] = (key.range ?? []).map(this.toSource);
    const source = this.text.slice(start, end);
    if (source.startsWith('{') && this.text[start - 1] === '{') {
      const place = this.place(start - 1, source.length + 2);
      const hint = `write "{${source.replaceAll('"', "'")}}"`;
      this.fail('YAML_SYNTAX', 'a value that starts with "{{" must be quoted', place, hint);
    } else this.fail('BAD_VALUE', 'a list or mapping cannot be a key', at);
  }

  /** `<<`: keys of other mappings, below the mapping's own; the first of several wins. */
  private merge(pair: Pair<Node, Node | null>, merged: Dict, keys: Keys, at: Position): void {
    const place = this.placeOf(pair.value ?? pair.key, at);
    const source = pair.value ? this.value(pair.value) : null;
    const parts = source instanceof Map ? [source] : Array.isArray(source) ? source : undefined;
    if (!parts?.every(part => part instanceof Map)) {
      this.fail('WRONG_TYPE', '"<<" wants a mapping or a list of mappings', place);
      return;
    }
    for (const part of [...parts].reverse()) {
      for (const [key, value] of part as Dict) {
        merged.set(key, value);
        keys.set(key, { key: keyPositionOf(part, key) ?? place, value: positionOf(part, key) ?? place });
      }
    }
  }

  private scalar(node: Scalar, at: Position): Value {
    const text = String(node.value ?? '');
    const tag = node.tag ?? '';
    if (tag === '')
      return node.type === 'PLAIN' || node.type === undefined ? resolvePlain(text) : this.written(node, text);
    if (tag === '!unsafe') return new Unsafe(text);
    if (tag === '!vault' || tag === '!vault-encrypted') return new Secret(text, at);
    return this.explicit(shortTag(tag), text, at);
  }

  /** A block at the end of a file without a last line end has none either. */
  private written(node: Scalar, text: string): string {
    const block = node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED';
    const atEnd =
      block && this.toSource(node.range?.[1] ?? 0) >= this.text.length && !this.text.endsWith('\n');
    return atEnd && text.endsWith('\n') ? text.slice(0, -1) : text;
  }

  private explicit(tag: string, text: string, at: Position): Value {
    const convert = EXPLICIT[tag];
    if (!convert)
      return this.fail(
        'BAD_VALUE',
        `unknown tag "${tag}"`,
        at,
        'known are !vault, !unsafe, !!str, !!int, !!float, !!bool, !!null',
      );
    const value = convert(text);
    return value === undefined
      ? this.fail('BAD_VALUE', `"${text}" is not what its tag ${tag} says`, at)
      : value;
  }
}

const YAML = 'tag:yaml.org,2002:';

const STYLES: Readonly<Record<string, ScalarText['style']>> = {
  PLAIN: 'plain',
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'literal',
  BLOCK_FOLDED: 'folded',
};

const EXPLICIT: Readonly<Record<string, (text: string) => Value | undefined>> = {
  '!': text => text,
  '!!str': text => text,
  '!!null': () => null,
  '!!bool': toBool,
  '!!int': toInt,
  '!!float': text =>
    toFloat(text) ?? (toInt(text) === undefined ? undefined : floatValue(Number(toInt(text)))),
  '!!timestamp': resolvePlain,
  '!!binary': text => Buffer.from(text, 'base64').toString('utf8'),
};

function shortTag(tag: string): string {
  return tag.startsWith(YAML) ? `!!${tag.slice(YAML.length)}` : tag;
}

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.value === '<<' && (key.type ?? 'PLAIN') === 'PLAIN' && !key.tag;
}

function toUnsafe(value: Value): Value {
  if (typeof value === 'string') return new Unsafe(value);
  if (Array.isArray(value))
    value.forEach((item, i) => {
      value[i] = toUnsafe(item);
    });
  else if (value instanceof Map) for (const [key, item] of value) value.set(key, toUnsafe(item));
  return value;
}
