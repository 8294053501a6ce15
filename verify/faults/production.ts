import type { Inventory } from '../../lib/inventory/types.ts';
import type { Dict } from '../../lib/source/value.ts';

/** Only a plain no is taken for one: whoever writes anything else may mean a yes. */
const isNo = (value: unknown) => value === undefined || /^(false|no|off|0)$/i.test(String(value));

/** Who says that people depend on the cluster, by `production: true` anywhere; undefined when nobody does. */
export function productionMark(inventory: Inventory, extra: Dict): string | undefined {
  if (!isNo(extra.get('production'))) return '-e says production';
  for (const host of inventory.hosts.keys())
    for (const { vars } of inventory.layers(host, []))
      if (!isNo(vars.get('production'))) return `${host} is marked production in the inventory`;
  return undefined;
}
