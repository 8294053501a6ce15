import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { TemplarOptions, Variables } from './templar.ts';

/** The file that a name in a lookup means: itself when absolute, else the first one found on the search path. */
export function findFile(
  options: TemplarOptions,
  vars: Variables,
  kind: 'files' | 'templates' | 'vars',
  name: string,
): string | undefined {
  if (isAbsolute(name)) return existsSync(name) ? name : undefined;
  const candidates = options.searchPath(vars, kind).map(dir => join(dir, name));
  return candidates.find(path => existsSync(path));
}

/** The template file that include, import or extends means. */
export function findTemplateFile(options: TemplarOptions, vars: Variables, name: string): string | undefined {
  return findFile(options, vars, 'templates', name);
}
