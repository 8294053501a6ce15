import { CONTROL_MODULES } from './control.ts';
import { FILE_MODULES } from './files.ts';
import type { Module } from './module.ts';
import { POLARDB_MODULES } from './polardb.ts';
import { SYSTEM_MODULES } from './system.ts';

/** Every module there is, by hand: a test compares the list with the folder. */
const MODULES: readonly Module[] = [
  ...CONTROL_MODULES,
  ...FILE_MODULES,
  ...SYSTEM_MODULES,
  ...POLARDB_MODULES,
];

const BY_NAME: ReadonlyMap<string, Module> = new Map(
  MODULES.flatMap(module => [module.name, ...(module.aliases ?? [])].map(name => [name, module] as const)),
);

/** The module an author means by `name`: short, `ansible.builtin.x`, `ansible.legacy.x` or a listed alias. */
export function findModule(name: string): Module | undefined {
  return BY_NAME.get(name) ?? BY_NAME.get(name.replace(/^ansible\.(builtin|legacy)\./, ''));
}

/** All modules, sorted by name. */
export function allModules(): readonly Module[] {
  return [...MODULES].sort((a, b) => (a.name < b.name ? -1 : 1));
}
