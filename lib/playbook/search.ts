import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { RoleInstance } from './types.ts';

/** What stands in a directory of its own in roles and beside playbooks. */
export type FileKind = 'files' | 'templates' | 'vars' | 'tasks' | 'handlers';

/** Where a task stands: enough to know where its relative file names may lead. */
export interface SearchOrigin {
  readonly role: RoleInstance | undefined;
  readonly includedFrom: readonly string[];
  readonly playDir: string;
}

/**
 * Directories for relative file names, nearest first: the role and the roles above it, then the directory of the
 * task's file and of those that include it, then the play's.
 */
export function searchPath({ role, includedFrom, playDir }: SearchOrigin, kind: FileKind): string[] {
  const roles = rolesUp(role).map(({ path }) => path);
  const including = [...includedFrom].reverse().map(file => path.dirname(file));
  const directories = [...roles, ...including, playDir];
  const nearFirst = kind === 'tasks' || kind === 'handlers' ? [...including, ...directories] : directories;
  return [...new Set(nearFirst.flatMap(directory => [path.join(directory, kind), directory]))];
}

/** The role and those it was reached through, innermost first. */
export function rolesUp(role: RoleInstance | undefined): RoleInstance[] {
  return role ? [role, ...rolesUp(role.parent)] : [];
}

/** The file a name stands for, with the places looked at when there is none. */
export function findFile(
  from: SearchOrigin,
  kind: FileKind,
  name: string,
): { readonly file: string | undefined; readonly searched: readonly string[] } {
  const plain = name.startsWith('~') ? path.join(homedir(), name.slice(1)) : name;
  const searched = path.isAbsolute(plain)
    ? [plain]
    : searchPath(from, kind).map(directory => path.resolve(directory, plain));
  return { file: searched.find(candidate => existsSync(candidate)), searched };
}
