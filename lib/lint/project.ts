import { readdirSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { isMap, isSeq, type Node } from 'yaml';
import { fnmatch } from '../source/fnmatch.ts';
import { parseText } from '../source/yaml/yaml-text.ts';
import type { FileKind } from './lint-file.ts';
import { pairsOf } from './lint-file.ts';

/** Folders that hold other people's files. */
const NOT_OURS = new Set(['node_modules', 'venv', 'ansible_collections']);

/** The YAML files below a folder; hidden ones are none of the project's playbooks. */
export function filesBelow(folder: string, project: string, exclude: readonly string[]): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const path = join(folder, entry.name);
      if (entry.name.startsWith('.') || isExcluded(path, project, exclude)) return [];
      if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesBelow(path, project, exclude);
      return entry.isFile() && /\.ya?ml$/.test(entry.name) ? [path] : [];
    });
}

/** Whether `exclude_paths` names a file, a folder around it, or a pattern for it. */
export function isExcluded(path: string, project: string, exclude: readonly string[]): boolean {
  const name = relative(project, path);
  return exclude.some(one => {
    const bare = one.replace(/\/+$/, '').replace(/^\.\//, '');
    return name === bare || name.startsWith(`${bare}${sep}`) || fnmatch(bare).test(name);
  });
}

/** What a file is, by its place and, where that says nothing, by its text. */
export function kindOf(path: string, text: string): FileKind {
  const folders = path.split(sep).slice(0, -1);
  const within = (name: string) => folders.includes(name);
  const base = basename(path);
  if (within('molecule') || within('meta') || within('templates') || within('files')) return 'other';
  const value = roots(text);
  const items = value.flatMap(root => (isSeq(root) ? root.items : []));
  const isPlay = (item: unknown) =>
    ['hosts', 'import_playbook', 'ansible.builtin.import_playbook'].some(key => pairsOf(item).has(key));
  if (items.some(isPlay)) return 'playbook';
  const looksLikeTasks = items.length > 0 && items.every(item => isMap(item));
  if (looksLikeTasks && within('handlers')) return 'handlers';
  if (looksLikeTasks && (within('tasks') || items.some(item => pairsOf(item).has('name'))))
    return /^(requirements|galaxy)\./.test(base) ? 'other' : 'tasks';
  const isVars = ['defaults', 'vars', 'group_vars', 'host_vars'].some(within);
  return isVars && value.some(root => isMap(root)) ? 'vars' : 'other';
}

function roots(text: string): readonly Node[] {
  const parsed = parseText(text);
  return parsed.error ? [] : parsed.documents.flatMap(({ contents }) => (contents ? [contents as Node] : []));
}
