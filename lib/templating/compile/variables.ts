import { type Secret, Undefined, type Value } from '../../source/value.ts';
import { orElse } from '../python/undefined.ts';
import type { Variables } from '../templar.ts';
import type { Scope } from './scope.ts';

/** What a template imported without context sees. */
export const NO_VARIABLES: Variables = {
  get: name => new Undefined(name),
  has: () => false,
  names: () => [],
};

/** A template's own names on top of the variables. */
export class ScopedVariables implements Variables {
  private readonly scope: Scope;
  private readonly base: Variables;

  constructor(scope: Scope, base: Variables) {
    this.scope = scope;
    this.base = base;
  }

  get(name: string): Value {
    return orElse(this.scope.get(name), () => this.base.get(name));
  }

  has(name: string): boolean {
    return this.scope.get(name) !== undefined || this.base.has(name);
  }

  secretOf(name: string, keys: readonly Value[]): Secret | undefined {
    return this.scope.get(name) === undefined ? this.base.secretOf?.(name, keys) : undefined;
  }

  *names(): Iterable<string> {
    yield* this.scope.names();
    yield* this.base.names();
  }
}
