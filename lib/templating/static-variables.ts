import { SourceError } from '../source/errors.ts';
import { type Dict, Undefined, type Value } from '../source/value.ts';
import type { Templar, Variables } from './templar.ts';

/** Variables known before any host is: layers of authored values, the last one wins, rendered when read. */
export class StaticVariables implements Variables {
  private readonly templar: Templar;
  private readonly layers: readonly Dict[];
  private readonly open = new Set<string>();

  constructor(templar: Templar, layers: readonly Dict[]) {
    this.templar = templar;
    this.layers = layers;
  }

  get(name: string): Value {
    const layer = this.layers.findLast(vars => vars.has(name));
    if (!layer) return new Undefined(name);
    if (this.open.has(name)) throw new SourceError('RECURSIVE_VARIABLE', `"${name}" refers to itself`);
    this.open.add(name);
    try {
      return this.templar.render(layer.get(name) ?? null, this);
    } finally {
      this.open.delete(name);
    }
  }

  has(name: string): boolean {
    return this.layers.some(vars => vars.has(name));
  }

  *names(): Iterable<string> {
    const seen = new Set<Value>();
    for (const vars of this.layers) for (const name of vars.keys()) seen.add(name);
    for (const name of seen) if (typeof name === 'string') yield name;
  }
}
