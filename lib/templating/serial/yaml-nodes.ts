import { Float, Secret, Tuple, Undefined, Unsafe, type Value } from '../../source/value.ts';
import { DateTime } from '../dates/datetime.ts';
import { fault } from '../fault.ts';
import { compare } from '../python/compare.ts';
import { reprFloat, str } from '../python/print.ts';
import { itemsOf, typeName } from '../python/types.ts';
import { undefinedFault } from '../python/undefined.ts';
import { readsAsOther } from './yaml-scalar.ts';

/** A value on its way to YAML text. */
export type YamlNode = (
  | {
      readonly kind: 'scalar';
      readonly text: string /** May stand without quotes. */;
      readonly isPlain: boolean;
    }
  | { readonly kind: 'list'; readonly items: readonly YamlNode[]; readonly isFlow: boolean }
  | {
      readonly kind: 'dict';
      readonly pairs: readonly (readonly [YamlNode, YamlNode])[];
      readonly isFlow: boolean;
    }
) & { anchor: string | undefined; isAlias?: boolean };

export interface NodeStyle {
  /** Undefined: collections of scalars only are written in one line. */
  readonly flow: boolean | undefined;
  readonly sortKeys: boolean;
}

/** Turns a value into nodes; a list or mapping that occurs again becomes an alias of the first. */
export function yamlNodes(value: Value, style: NodeStyle): YamlNode {
  return new NodeMaker(style).node(value);
}

class NodeMaker {
  private readonly style: NodeStyle;
  private readonly made = new Map<Value, YamlNode>();
  private anchors = 0;

  constructor(style: NodeStyle) {
    this.style = style;
  }

  node(value: Value): YamlNode {
    if (value instanceof Undefined) throw undefinedFault(value);
    const items = itemsOf(value);
    if (!items && !(value instanceof Map)) return scalar(value);
    const known = this.made.get(value);
    if (known) return this.alias(known);
    const node = items ? this.list(items) : this.dict(value as Map<Value, Value>);
    if (!(value instanceof Tuple && value.items.length === 0)) this.made.set(value, node);
    return node;
  }

  private alias(node: YamlNode): YamlNode {
    node.anchor ??= `id${String(++this.anchors).padStart(3, '0')}`;
    return { kind: 'scalar', text: node.anchor, isPlain: true, anchor: node.anchor, isAlias: true };
  }

  private isFlow(children: readonly YamlNode[]): boolean {
    return this.style.flow ?? children.every(child => child.kind === 'scalar' && !child.isAlias);
  }

  private list(values: readonly Value[]): YamlNode {
    const items = values.map(item => this.node(item));
    return { kind: 'list', items, isFlow: this.isFlow(items), anchor: undefined };
  }

  private dict(dict: Map<Value, Value>): YamlNode {
    const entries = [...dict];
    if (this.style.sortKeys) sortIfPossible(entries);
    const pairs = entries.map(([key, item]) => [this.node(key), this.node(item)] as const);
    return { kind: 'dict', pairs, isFlow: this.isFlow(pairs.flat()), anchor: undefined };
  }
}

/** Keys without a common order stay as they are. */
function sortIfPossible(entries: [Value, Value][]): void {
  const types = new Set(entries.map(([key]) => (typeof key === 'boolean' ? 'number' : typeof key)));
  if (types.size > 1 || types.has('object')) return;
  entries.sort(([a], [b]) => compare(a, b));
}

function scalar(value: Value): YamlNode {
  const plain = (text: string): YamlNode => ({ kind: 'scalar', text, isPlain: true, anchor: undefined });
  if (typeof value === 'string') {
    return { kind: 'scalar', text: value, isPlain: !readsAsOther(value), anchor: undefined };
  }
  if (value === null) return plain('null');
  if (typeof value === 'boolean') return plain(String(value));
  if (typeof value === 'bigint') return plain(value.toString());
  if (typeof value === 'number') return plain(Number.isInteger(value) ? str(value) : yamlFloat(value));
  if (value instanceof Float) return plain(yamlFloat(value.value));
  if (value instanceof Secret || value instanceof Unsafe) return scalar(str(value));
  if (value instanceof DateTime) return plain(value.toString());
  throw fault(`${typeName(value)} can not be written as YAML`);
}

function yamlFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  const text = reprFloat(value);
  return text.includes('.') ? text : text.replace('e', '.0e');
}
