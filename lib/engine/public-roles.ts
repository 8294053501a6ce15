import type { VarLayer } from '../inventory/types.ts';
import type { RoleInstance } from '../playbook/types.ts';
import { adoptOrigin, type Dict } from '../source/value.ts';

/** Variables of all public roles of a play; later roles win. Made once for all tasks. */
export class PublicRoles {
  readonly vars: VarLayer = { source: 'vars of the roles', vars: new Map() };
  readonly defaults: VarLayer = { source: 'defaults of the roles', vars: new Map() };
  private seen = 0;

  /** Adds the roles that joined the list since the last call. */
  from(roles: readonly RoleInstance[]): this {
    for (; this.seen < roles.length; this.seen++) {
      const role = roles[this.seen]!;
      if (!role.public) continue;
      for (const { vars } of role.own.vars) layOver(this.vars.vars, vars);
      for (const { vars } of role.own.defaults) layOver(this.defaults.vars, vars);
    }
    return this;
  }
}

function layOver(below: Dict, above: Dict): void {
  for (const [name, value] of above) {
    below.set(name, value);
    adoptOrigin(below, name, above);
  }
}
