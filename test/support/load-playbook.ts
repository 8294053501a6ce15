import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { allModules, findModule } from '../../lib/engine/module-list.ts';
import { A, Type } from '../../lib/modules/kit/arguments.ts';
import { defineAction, type Module } from '../../lib/modules/kit/define.ts';
import { PlaybookLoader } from '../../lib/playbook/loader.ts';
import type { Playbook } from '../../lib/playbook/types.ts';
import { type SourceError, SourceErrors } from '../../lib/source/errors.ts';
import { formatSourceError } from '../../lib/source/render.ts';
import type { Dict } from '../../lib/source/value.ts';
import { FileReader } from '../../lib/source/yaml/read-yaml.ts';
import { createTemplar } from '../../lib/templating/index.ts';
import { hintsBehind } from './mistake-text.ts';

/** A directory with some files, for a test; call `remove` when done. */
export function fileTree(files: Readonly<Record<string, string>>) {
  const dir = realpathSync(mkdtempSync(path.join(tmpdir(), 'playbook-')));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    writeFileSync(path.join(dir, name), text);
  }
  return { dir, remove: () => rmSync(dir, { recursive: true }) };
}

export function loaderFor(
  extraVars: Dict = new Map(),
  rolesPath: readonly string[] = [],
  warn?: (mistake: SourceError) => void,
): PlaybookLoader {
  const reader = new FileReader();
  return new PlaybookLoader({
    templar: createTemplar({
      searchPath: () => [],
      readFile: file => reader.read(file),
      decrypt: text => reader.vault.decrypt(text).toString('utf8'),
      env: {},
    }),
    files: reader,
    extraVars,
    rolesPath,
    ...(warn && { warn }),
    collectionsPath: [],
    findModule: name => STAND_INS.get(name.replace(/^ansible\.(builtin|legacy)\./, '')) ?? findModule(name),
    moduleNames: () => [...STAND_INS.keys(), ...allModules().map(({ name }) => name)],
  });
}

/** Small modules, so that these tests do not depend on the arguments of real ones. */
const STAND_INS: ReadonlyMap<string, Module> = new Map(
  [
    defineAction({
      name: 'command',
      traits: { takes: 'command' },
      summary: 'Runs a command.',
      freeForm: 'cmd',
      args: Type.Object({
        cmd: A.opt(A.str('Command.')),
        chdir: A.opt(A.path('Where.')),
        creates: A.opt(A.path('Made by it.')),
      }),
      *run() {
        return { changed: true };
      },
    }),
    defineAction({
      name: 'copy',
      summary: 'Copies a file.',
      args: Type.Object({
        src: A.opt(A.str('From.')),
        content: A.opt(A.str('Text.')),
        remote_src: A.opt(A.bool('On the host.')),
        dest: A.path('To.'),
        mode: A.opt(A.mode()),
      }),
      *run() {
        return { changed: true };
      },
    }),
  ].map(module => [module.name, module]),
);

/** The playbook `site.yml` of a tree of files, and what was found wrong, one line each, without the directory. */
export function loadTree(
  files: Readonly<Record<string, string>>,
  extraVars?: Dict,
): { readonly playbook: Playbook; readonly mistakes: string[]; readonly warnings: string[] } {
  const { dir, remove } = fileTree(files);
  const warnings: string[] = [];
  const text = (one: SourceError) =>
    hintsBehind(formatSourceError(one, () => undefined))
      .replaceAll(`${dir}/`, '')
      .replaceAll(dir, '.');
  try {
    const loader = loaderFor(extraVars, [], one => void warnings.push(text(one)));
    return { playbook: loader.loadPlaybook([path.join(dir, 'site.yml')]), mistakes: [], warnings };
  } catch (error) {
    if (!(error instanceof SourceErrors)) throw error;
    const mistakes = error.errors.map(text);
    return { playbook: { file: '', dir: '', plays: [], lastOfFile: new Set() }, mistakes, warnings };
  } finally {
    remove();
  }
}
