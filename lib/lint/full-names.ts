import { CLUSTER_MODULES } from '../cluster/modules/index.ts';
import { allModules } from '../engine/module-list.ts';

/** Modules of Ansible itself that we do not have. */
const OTHER_BUILTINS = ['expect', 'subversion', 'sysvinit'];

const OWN: ReadonlySet<string> = new Set(CLUSTER_MODULES.map(({ name }) => name));

const inCollection = (name: string): boolean => /^(?!ansible\.(builtin|legacy)\.)\w+\.\w+\.\w+$/.test(name);

/** The whole name of each module by its short ones: `copy` is `ansible.builtin.copy`. Ours have none. */
const FULL: ReadonlyMap<string, string> = new Map([
  ...OTHER_BUILTINS.map(name => [name, `ansible.builtin.${name}`] as const),
  ...allModules()
    .filter(({ name }) => !OWN.has(name))
    .flatMap(({ name, aliases = [] }) => {
      const full = aliases.find(inCollection);
      const short = [name, ...aliases.filter(alias => !alias.includes('.'))];
      return short.map(one => [one, full ?? `ansible.builtin.${one}`] as const);
    }),
]);

/** The whole name of a module that is written short; undefined for ours, and for those that nobody here knows. */
export const fullName = (short: string): string | undefined => FULL.get(short);

export const isOwnModule = (name: string): boolean => OWN.has(name);
