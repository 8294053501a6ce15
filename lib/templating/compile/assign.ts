import type { Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { iterate } from '../python/iterate.ts';
import { Namespace } from '../python/objects.ts';
import { typeName } from '../python/types.ts';
import type { Target } from '../syntax/ast.ts';
import type { Runtime } from './runtime.ts';

/** Gives a value to the names on the left of an assignment. */
export function assign(rt: Runtime, target: Target, value: Value): void {
  switch (target.kind) {
    case 'name':
      rt.writable.set(target.name, value);
      return;
    case 'attribute': {
      rt.site = target.site;
      const object = rt.scope?.get(target.object);
      if (object instanceof Namespace) {
        object.set(target.name, value);
        return;
      }
      const what = object === undefined ? 'undefined' : typeName(object);
      throw fault(
        `"${target.object}" is ${what}, so "${target.object}.${target.name}" can not be set`,
        'only attributes of a namespace() can be set',
      );
    }
    case 'tuple': {
      const items = iterate(value);
      if (items.length !== target.items.length) {
        throw fault(`${items.length} values can not be given to ${target.items.length} names`);
      }
      for (const [i, item] of target.items.entries()) assign(rt, item, items[i] as Value);
    }
  }
}
