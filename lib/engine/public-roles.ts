import type { VarLayer } from '../inventory/types.ts';
import type { RoleInstance } from '../playbook/types.ts';
import { adoptOrigin, type Dict } from '../source/value.ts';

/** Variables of all public roles of a play, those of a later role above those of the ones before it: made once for all tasks. */
export class PublicRoles {
  readonly vars: VarLayer = { source: 'vars of the roles', vars: new Map() };
  readonly defaults: VarLayer = { source: 'defaults of the roles', vars: new Map() };
  private seen = 0;

  /** Takes in the roles that joined the list since it was asked last. */
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
