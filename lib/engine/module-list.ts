import { CLUSTER_MODULES } from '../cluster/modules/index.ts';
import { GENERAL_MODULES } from '../modules/index.ts';
import type { Module } from '../modules/kit/define.ts';
import { CONTROL_MODULES } from './control/index.ts';

/** Every module that a playbook may call. */
const MODULES: readonly Module[] = [...CONTROL_MODULES, ...GENERAL_MODULES, ...CLUSTER_MODULES];

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
