import { Opaque, Tuple, type Value } from '../../source/value.ts';

export type Named = ReadonlyMap<string, Value>;

/** A Python object other than the plain data types. What it does not offer here can not be reached by a template. */
export abstract class PyObject extends Opaque {
  /** The attribute of that name, undefined when there is none. */
  attribute(_name: string): Value | undefined {
    return undefined;
  }
  /** Equality with another object; identity unless a type says more. */
  equals(other: Value): boolean {
    return this === other;
  }
  /** Negative, zero or positive; undefined when the two have no order. */
  order(_other: Value): number | undefined {
    return undefined;
  }
  truthy(): boolean {
    return true;
  }
  add(_other: Value): Value | undefined {
    return undefined;
  }
  subtract(_other: Value): Value | undefined {
    return undefined;
  }
}

/** Something a template can call: a global function, a macro, a method taken without its parentheses. */
export class Callable extends PyObject {
  override readonly typeName: string = 'function';
  readonly name: string;
  readonly call: (args: readonly Value[], named: Named) => Value;
  constructor(name: string, call: (args: readonly Value[], named: Named) => Value) {
    super();
    this.name = name;
    this.call = call;
  }
  override toString(): string {
    return `<function ${this.name}>`;
  }
}

/** What `namespace()` makes: the one object whose attributes a template may set. */
export class Namespace extends PyObject {
  override readonly typeName = 'Namespace';
  private readonly entries: Map<string, Value>;
  constructor(entries: Named) {
    super();
    this.entries = new Map(entries);
  }
  override attribute(name: string): Value | undefined {
    return this.entries.get(name);
  }
  set(name: string, value: Value): void {
    this.entries.set(name, value);
  }
  override toString(): string {
    return '<Namespace>';
  }
}

/** A tuple whose items have names as well, such as a group of `groupby`. */
export class NamedTuple extends Tuple {
  private readonly names: readonly string[];
  constructor(names: readonly string[], items: readonly Value[]) {
    super(items);
    this.names = names;
  }
  field(name: string): Value | undefined {
    return this.items[this.names.indexOf(name)];
  }
}

/** The exported names of an imported template. */
export class TemplateModule extends PyObject {
  override readonly typeName = 'TemplateModule';
  private readonly names: Named;
  private readonly text: string;
  constructor(names: Named, text: string) {
    super();
    this.names = names;
    this.text = text;
  }
  override attribute(name: string): Value | undefined {
    return this.names.get(name);
  }
  override toString(): string {
    return this.text;
  }
}

/** `cycler(a, b, …)`: each `.next()` gives the following item. */
export class Cycler extends PyObject {
  override readonly typeName = 'Cycler';
  private readonly items: readonly Value[];
  private index = 0;
  constructor(items: readonly Value[]) {
    super();
    this.items = items;
  }
  override attribute(name: string): Value | undefined {
    switch (name) {
      case 'current':
        return this.items[this.index] ?? null;
      case 'next':
        return new Callable('next', () => {
          const item = this.items[this.index] ?? null;
          this.index = (this.index + 1) % this.items.length;
          return item;
        });
      case 'reset':
        return new Callable('reset', () => {
          this.index = 0;
          return null;
        });
      default:
        return undefined;
    }
  }
  override toString(): string {
    return '<Cycler>';
  }
}
