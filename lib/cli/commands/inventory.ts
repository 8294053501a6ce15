import type { Inventory } from '../../inventory/types.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, parseFlags } from '../../source/flags.ts';
import { jsonText } from '../../source/json.ts';
import { emptyRecord } from '../../source/record.ts';
import { type Dict, type Json, toPlain, type Value } from '../../source/value.ts';
import { visible, visibleJson } from '../../source/visible.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';
import { openSession } from '../session.ts';
import { VAULT_FLAGS } from '../vault-secrets.ts';

const FLAGS = {
  inventory: HOST_FLAGS.inventory,
  limit: HOST_FLAGS.limit,
  list: { help: 'All groups, hosts and variables as JSON.' },
  graph: { help: 'Groups and hosts as a tree.' },
  host: { value: 'NAME', help: 'Variables of one host as JSON.' },
  vars: { help: 'Variables in the tree as well.' },
  'playbook-dir': { value: 'DIR', help: 'A directory whose group_vars and host_vars count too.' },
  ...VAULT_FLAGS,
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

/** `polarplay inventory`: what the inventory says, without contacting a host. */
export async function runInventoryCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(
      `polarplay inventory -i INVENTORY --list|--graph|--host NAME\n\n${flagsHelp(FLAGS)}\n`,
    );
    return 0;
  }
  const session = await openSession(flags);
  try {
    session.checkLimit();
    const { inventory } = session;
    const dirs = flags.text('playbook-dir') === undefined ? [] : [flags.text('playbook-dir')!];
    const host = flags.text('host');
    if (host !== undefined) {
      if (!inventory.hosts.has(host)) throw new UsageError(`no host "${host}" in the inventory`);
      print(hostVars(inventory, host, dirs));
    } else if (flags.has('graph')) process.stdout.write(visible(graph(inventory, flags.has('vars'), dirs)));
    else if (flags.has('list')) print(list(inventory, dirs, allowed(inventory, flags.text('limit'))));
    else throw new UsageError('one of --list, --graph and --host is needed', 5);
    return 0;
  } finally {
    await session.close();
  }
}

const print = (json: Json): void => void process.stdout.write(`${visibleJson(json, 4)}\n`);

const allowed = (inventory: Inventory, limit: string | undefined): ReadonlySet<string> =>
  new Set(limit === undefined ? inventory.hosts.keys() : inventory.select(limit));

function hostVars(inventory: Inventory, host: string, dirs: readonly string[]): Record<string, Json> {
  const merged: Dict = new Map<Value, Value>();
  for (const { vars } of inventory.layers(host, dirs))
    for (const [name, value] of vars) merged.set(name, value);
  return toPlain(merged) as Record<string, Json>;
}

function list(inventory: Inventory, dirs: readonly string[], hosts: ReadonlySet<string>): Json {
  const hostvars = emptyRecord<Json>();
  for (const host of inventory.hosts.keys()) {
    const vars = hosts.has(host) ? hostVars(inventory, host, dirs) : {};
    if (Object.keys(vars).length > 0) hostvars[host] = vars;
  }
  const groups = emptyRecord<Json>();
  for (const group of inventory.groups.values()) {
    const members = group.hosts.filter(host => hosts.has(host));
    groups[group.name] = {
      ...(group.children.length > 0 && { children: [...group.children] }),
      ...(members.length > 0 && { hosts: members }),
    };
  }
  return Object.assign(emptyRecord<Json>(), { _meta: { hostvars } }, groups);
}

function graph(inventory: Inventory, withVars: boolean, dirs: readonly string[]): string {
  const lines: string[] = [];
  const visit = (name: string, depth: number) => {
    const indent = '  |'.repeat(depth);
    lines.push(depth === 0 ? `@${name}:` : `${indent}--@${name}:`);
    const group = inventory.groups.get(name);
    for (const child of [...(group?.children ?? [])].sort()) visit(child, depth + 1);
    for (const host of [...(group?.hosts ?? [])].sort()) {
      lines.push(`${'  |'.repeat(depth + 1)}--${host}`);
      if (!withVars) continue;
      for (const [key, value] of Object.entries(hostVars(inventory, host, dirs))) {
        lines.push(`${'  |'.repeat(depth + 2)}--{${key} = ${jsonText(value)}}`);
      }
    }
  };
  visit('all', 0);
  return `${lines.join('\n')}\n`;
}
