import type { Value } from '../../source/value.ts';

/** Names that a template itself defines, inner blocks in front of outer ones. */
export class Scope {
  readonly parent: Scope | undefined;
  readonly own: Map<string, Value>;

  constructor(parent: Scope | undefined, own: Map<string, Value> = new Map()) {
    this.parent = parent;
    this.own = own;
  }

  get(name: string): Value | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const value = scope.own.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(name: string, value: Value): void {
    this.own.set(name, value);
  }

  *names(): Iterable<string> {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) yield* scope.own.keys();
  }
}
