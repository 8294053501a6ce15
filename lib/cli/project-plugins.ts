import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDirectory } from '../source/yaml/read-yaml.ts';
import type { PluginKind } from '../templating/templar.ts';

/**
 * Finds the names of a project's own plugins in Python: they can't run here, and they are no typing error. A
 * lookup is named by its file, filters and tests by a text in one. `places` have folders such as `filter_plugins`,
 * `folders` are those of the settings. Looks only when it is asked.
 */
export function projectPlugins(
  places: readonly string[],
  folders: Readonly<Record<PluginKind, readonly string[]>>,
): (kind: PluginKind, name: string) => boolean {
  const texts = new Map<PluginKind, readonly string[]>();
  const foldersOf = (kind: PluginKind) => [
    ...folders[kind],
    ...places.map(place => join(place, `${kind}_plugins`)),
  ];
  const textsOf = (kind: PluginKind) => {
    const known = texts.get(kind) ?? foldersOf(kind).flatMap(pythonTexts);
    texts.set(kind, known);
    return known;
  };
  return (kind, name) =>
    kind === 'lookup'
      ? foldersOf(kind).some(folder => existsSync(join(folder, `${name}.py`)))
      : textsOf(kind).some(text => text.includes(`'${name}'`) || text.includes(`"${name}"`));
}

function pythonTexts(dir: string): string[] {
  if (!isDirectory(dir)) return [];
  const files = readdirSync(dir).filter(name => name.endsWith('.py'));
  return files.map(name => readFileSync(join(dir, name), 'utf8'));
}

/** The directories in a directory; none when it does not exist. */
export function subdirectories(dir: string): string[] {
  return isDirectory(dir)
    ? readdirSync(dir)
        .map(name => join(dir, name))
        .filter(isDirectory)
    : [];
}
