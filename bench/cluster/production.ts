import type { Inventory } from '../../lib/inventory/types.ts';
import { UsageError } from '../../lib/source/errors.ts';

/** A cluster that people depend on gets load only when somebody says so. */
export function refuseProduction(inventory: Inventory, allowed: boolean): void {
  if (allowed) return;
  for (const host of inventory.hosts.keys())
    for (const { vars } of inventory.layers(host, []))
      if (vars.get('production') === true)
        throw new UsageError(
          `${host} is marked production: true in the inventory, and a benchmark takes all it can get: --allow-load if that is all right now`,
          5,
        );
}
