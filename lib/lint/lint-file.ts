import { isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Position } from '../source/errors.ts';
import type { Value } from '../source/value.ts';
import { displayPath } from '../source/yaml/read-yaml.ts';
import { resolvePlain } from '../source/yaml/scalar.ts';
import { parseText } from '../source/yaml/yaml-text.ts';
import type { Edit, Finding } from './finding.ts';

export type FileKind = 'playbook' | 'tasks' | 'handlers' | 'vars' | 'other';

type Place = Node | Pair | number | null | undefined;

/** One file under inspection: its text, its nodes, and where they stand. */
export class LintFile {
  /** As people read it. */
  readonly name: string;
  readonly path: string;
  readonly kind: FileKind;
  readonly text: string;
  readonly lines: readonly string[];
  /** What the documents hold; nothing when the text is not YAML. */
  readonly roots: readonly Node[];
  readonly isYaml: boolean;
  private readonly starts: readonly number[];
  private readonly toSource: (offset: number) => number;

  constructor(path: string, text: string, kind: FileKind) {
    this.path = path;
    this.name = displayPath(path);
    this.kind = kind;
    this.text = text;
    this.lines = text.split('\n');
    let at = 0;
    this.starts = this.lines.map(line => {
      const start = at;
      at += line.length + 1;
      return start;
    });
    const parsed = parseText(text);
    this.isYaml = parsed.error === undefined;
    this.toSource = parsed.toSource;
    this.roots = this.isYaml
      ? parsed.documents.flatMap(({ contents }) => (contents ? [contents as Node] : []))
      : [];
  }

  /** Where a node begins and ends in the text. */
  range(node: Node): readonly [start: number, end: number] {
    const [start, end] = node.range!;
    return [this.toSource(start), this.toSource(end)];
  }

  /** A node as it is written. */
  written(node: Node): string {
    return this.text.slice(...this.range(node));
  }

  place(of: Place): Position {
    const offset = typeof of === 'number' ? of : this.offset(of);
    const line = this.lineOf(offset);
    return { file: this.name, line, col: offset - this.starts[line - 1]! + 1 };
  }

  /** The line of an offset, from 1 on. */
  lineOf(offset: number): number {
    let low = 0;
    let high = this.starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  /** Where a line, counted from 1, begins. */
  startOf(line: number): number {
    return this.starts[line - 1] ?? this.text.length;
  }

  finding(
    rule: string,
    of: Place,
    message: string,
    more: Pick<Finding, 'advice' | 'lines'> & { readonly fix?: readonly Edit[] | undefined } = {},
  ): Finding {
    return { rule, at: this.place(of), message, ...more };
  }

  private offset(of: Node | Pair | null | undefined): number {
    const node = of && 'key' in of ? (of.key as Node) : (of as Node | undefined);
    return node?.range ? this.toSource(node.range[0]) : 0;
  }
}

/** A scalar's value, by YAML 1.1; undefined for anything else. */
export function scalarOf(node: unknown): Value | undefined {
  if (node === null) return null;
  if (!isScalar(node)) return undefined;
  const text = String(node.value ?? '');
  return isPlain(node) && !node.tag ? resolvePlain(text) : text;
}

/** A scalar's text; undefined for anything else. */
export const textOf = (node: unknown): string | undefined =>
  isScalar(node) ? String(node.value ?? '') : undefined;

export const isPlain = (node: Scalar): boolean => node.type === 'PLAIN' || node.type === undefined;

export const isTrue = (node: unknown): boolean => scalarOf(node) === true;

/** The pairs of a mapping, in their order, by the text of their keys. */
export function pairsOf(node: unknown): ReadonlyMap<string, Pair<Scalar, Node | null>> {
  if (!isMap(node)) return new Map();
  const pairs = (node as YAMLMap<Scalar, Node | null>).items;
  return new Map(pairs.filter(({ key }) => isScalar(key)).map(pair => [String(pair.key.value), pair]));
}

/** The items of a list; none for anything else. */
export const itemsOf = (node: unknown): readonly Node[] =>
  isSeq(node) ? ((node as YAMLSeq).items as Node[]) : [];

/** The mappings among the items of a list. */
export const mapsOf = (node: unknown): readonly YAMLMap[] => itemsOf(node).filter(item => isMap(item));
