import type { Dict } from '../source/value.ts';

/** Variables from one source, with the place they came from; layers are listed lowest precedence first. */
export interface VarLayer {
  /** For people: "group_vars/all.yml", "inventory hosts.yaml, group nodes", "extra vars". */
  readonly source: string;
  readonly vars: Dict;
}

export interface Host {
  readonly name: string;
  /** Every group the host is in, ancestors included, `all` first, then by depth, priority and name. */
  readonly groups: readonly string[];
  readonly vars: Dict;
}

export interface Group {
  readonly name: string;
  /** Distance from `all`. */
  readonly depth: number;
  readonly priority: number;
  readonly vars: Dict;
  readonly children: readonly string[];
  /** Hosts named in the group itself, in the order written. */
  readonly hosts: readonly string[];
}

/** All targets and what is known of them from files. `add_host` and `group_by` make it grow during a run. */
export interface Inventory {
  /** In the order of the files. */
  readonly hosts: ReadonlyMap<string, Host>;
  readonly groups: ReadonlyMap<string, Group>;
  /** Directory of the first inventory source. */
  readonly dir: string | undefined;
  readonly files: readonly string[];

  /** Hosts below a group, in inventory order. `all` and `ungrouped` always exist. */
  hostsOf(group: string): readonly string[];

  /**
   * Hosts that a pattern selects (`web:&prod:!w3`, `~re`, `w[1:3]`, globs, commas), in inventory order.
   * Throws SourceError BAD_PATTERN for a syntax error; names that match nothing are given to `onUnmatched`.
   */
  select(pattern: string, onUnmatched?: (part: string) => void): readonly string[];

  /**
   * Variables of one host from the inventory's `all` vars up to the playbook's host_vars, in Ansible's order: groups
   * in inventory files, group_vars/all, other group_vars, the host in inventory files, host_vars; at each step the
   * files beside the inventory before those beside the playbook.
   * `playbookDirs` are the directories whose group_vars and host_vars count besides the inventory's own.
   * An implicit localhost (not in the inventory) gets the layers of `all` only.
   */
  layers(host: string, playbookDirs: readonly string[]): readonly VarLayer[];

  /** Adds a host (or its groups and vars to an existing one). Missing groups are made. */
  addHost(name: string, groups: readonly string[], vars: Dict): boolean;
  addToGroup(host: string, group: string, parents: readonly string[]): boolean;
  /** Adds what was added here to an inventory that was read anew. */
  addAgainTo(inventory: Inventory): void;
}
