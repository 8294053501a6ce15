import type { Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { equals } from '../python/compare.ts';
import { Callable, type Named } from '../python/objects.ts';
import { missing, orElse } from '../python/undefined.ts';

/** The `loop` object inside a for block. */
export class LoopState extends Callable {
  override readonly typeName = 'LoopContext';
  index0 = 0;
  private readonly items: readonly Value[];
  private readonly depth: number;
  private last: readonly Value[] | undefined;

  constructor(
    items: readonly Value[],
    depth: number,
    recurse: ((args: readonly Value[]) => Value) | undefined,
  ) {
    super('loop', (args: readonly Value[], _named: Named) => {
      if (!recurse) throw fault('the loop calls itself but is not marked "recursive"');
      return recurse(args);
    });
    this.items = items;
    this.depth = depth;
  }

  override attribute(name: string): Value | undefined {
    const { index0, items } = this;
    switch (name) {
      case 'index':
        return index0 + 1;
      case 'index0':
        return index0;
      case 'revindex':
        return items.length - index0;
      case 'revindex0':
        return items.length - index0 - 1;
      case 'first':
        return index0 === 0;
      case 'last':
        return index0 === items.length - 1;
      case 'length':
        return items.length;
      case 'depth':
        return this.depth;
      case 'depth0':
        return this.depth - 1;
      case 'previtem':
        return orElse(items[index0 - 1], () => missing('loop.previtem', 'there is no previous item'));
      case 'nextitem':
        return orElse(items[index0 + 1], () => missing('loop.nextitem', 'there is no next item'));
      case 'cycle':
        return new Callable('cycle', args => this.cycle(args));
      case 'changed':
        return new Callable('changed', args => this.changed(args));
      default:
        return undefined;
    }
  }

  private cycle(args: readonly Value[]): Value {
    const item = args[this.index0 % args.length];
    if (item === undefined) throw fault('loop.cycle needs something to choose from');
    return item;
  }

  private changed(args: readonly Value[]): boolean {
    const { last } = this;
    this.last = args;
    return (
      last === undefined ||
      last.length !== args.length ||
      args.some((arg, i) => !equals(arg, last[i] as Value))
    );
  }

  override toString(): string {
    return `<LoopContext ${this.index0 + 1}/${this.items.length}>`;
  }
}
