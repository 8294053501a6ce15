import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Position } from '../../source/errors.ts';
import { didYouMean } from '../../source/suggest.ts';
import { displayPath, isDirectory, isFile } from '../../source/yaml/read-yaml.ts';
import type { Load } from '../load-state.ts';
import type { RoleInstance } from '../types.ts';

export interface RolePlace {
  readonly name: string;
  readonly fullName: string;
  readonly path: string;
}

const COLLECTION_NAME = /^[A-Za-z_]\w*\.[A-Za-z_]\w*\.[\w.]+$/;

/** Where to look for a role besides the loader's own directories. */
export interface RoleSearch {
  readonly playDir: string;
  readonly parent: RoleInstance | undefined;
  readonly collections: readonly string[];
}

/** Finds a role by name (`nginx`), path (`../roles/nginx`) or collection name (`ns.coll.nginx`). */
export function findRole(load: Load, name: string, at: Position, search: RoleSearch): RolePlace | undefined {
  const inCollection = collectionRole(load, name, search);
  if (inCollection) return inCollection;
  const directories = roleDirectories(load, search);
  const places = [
    ...directories.map(directory => path.resolve(directory, name)),
    path.resolve(expandHome(name)),
  ];
  const found = places.find(isDirectory);
  if (found !== undefined) {
    const title = directories.some(directory => path.resolve(directory, name) === found)
      ? name
      : path.basename(name);
    return { name: title, fullName: title, path: found };
  }
  const known = directories.flatMap(directory =>
    path.basename(directory) === 'roles' && isDirectory(directory) ? readdirSync(directory) : [],
  );
  const places4 = [...new Set(directories)].map(displayPath).slice(0, 4).join(', ');
  load.problems.add(
    'UNKNOWN_ROLE',
    `no role "${name}"`,
    at,
    didYouMean(name, known) ?? `looked in ${places4}`,
  );
  return undefined;
}

const expandHome = (file: string) => (file.startsWith('~/') ? path.join(homedir(), file.slice(2)) : file);

function roleDirectories(load: Load, { playDir, parent }: RoleSearch): string[] {
  const standard = [path.join(homedir(), '.ansible/roles'), '/usr/share/ansible/roles', '/etc/ansible/roles'];
  return [
    path.join(playDir, 'roles'),
    path.join(load.baseDir, 'roles'),
    // The layout of this project: playbooks/ beside roles/, and parts of playbooks below it.
    ...[playDir, path.dirname(playDir)]
      .filter(directory => path.basename(directory) === 'playbooks')
      .map(directory => path.join(directory, '../roles')),
    ...load.options.rolesPath,
    ...standard,
    ...(parent ? [path.dirname(parent.path)] : []),
    playDir,
  ].map(directory => path.resolve(expandHome(directory)));
}

function collectionRole(load: Load, name: string, search: RoleSearch): RolePlace | undefined {
  const full = COLLECTION_NAME.test(name)
    ? [name]
    : search.collections.filter(one => one.includes('.')).map(one => `${one}.${name}`);
  for (const fullName of full) {
    const [namespace = '', collection = '', ...role] = fullName.split('.');
    for (const root of collectionRoots(load, namespace, collection, search)) {
      const place = path.join(root, 'roles', ...role);
      if (isDirectory(place)) return { name: role.join('.'), fullName, path: place };
    }
  }
  return undefined;
}

/** Directories in which a collection may lie: installed ones, then a checkout that we stand inside of. */
export function collectionRoots(
  load: Load,
  namespace: string,
  collection: string,
  { playDir, parent }: Pick<RoleSearch, 'playDir' | 'parent'>,
): string[] {
  const installed = [
    path.join(playDir, 'collections'),
    path.join(load.baseDir, 'collections'),
    ...load.options.collectionsPath,
    path.join(homedir(), '.ansible/collections'),
    '/usr/share/ansible/collections',
  ].map(directory => path.join(directory, 'ansible_collections', namespace, collection));
  const own = load.options.ownCollection;
  if (own?.name === `${namespace}.${collection}`) installed.push(own.path);
  const starts = [playDir, load.baseDir, ...(parent ? [parent.path] : [])];
  return [...installed, ...starts.flatMap(start => checkouts(load, start, namespace, collection))];
}

/** Parents of a directory that are the collection's checkout (`galaxy.yml` says so), or hold `ansible_collections`. */
function checkouts(load: Load, start: string, namespace: string, collection: string): string[] {
  const found: string[] = [];
  for (let directory = path.resolve(start); ; directory = path.dirname(directory)) {
    if (isCollection(load, directory, namespace, collection)) found.push(directory);
    if (path.basename(directory) === 'ansible_collections')
      found.push(path.join(directory, namespace, collection));
    if (path.dirname(directory) === directory) return found;
  }
}

function isCollection(load: Load, directory: string, namespace: string, collection: string): boolean {
  const file = path.join(directory, 'galaxy.yml');
  if (!isFile(file)) return false;
  const galaxy = load.problems.attempt(() => load.options.files.yaml(file));
  return galaxy instanceof Map && galaxy.get('namespace') === namespace && galaxy.get('name') === collection;
}

/** A file of a role: `tasks/main.yml`, or the one asked for, which must exist. */
export function roleFile(
  load: Load,
  rolePath: string,
  kind: string,
  from: string | undefined,
  at: Position,
): string | undefined {
  const base = path.join(rolePath, kind, from ?? 'main');
  const extensions = from === undefined ? ['.yml', '.yaml', '.json', ''] : ['', '.yml', '.yaml', '.json'];
  const file = extensions.map(extension => base + extension).find(isFile);
  if (file === undefined && from !== undefined) {
    load.problems.add(
      'FILE_NOT_FOUND',
      `role has no file "${kind}/${from}"`,
      at,
      `looked for ${displayPath(base)}.yml`,
    );
  }
  return file;
}
