import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');

/** An expression that cannot be anything but one word, words, or a number. */
const IS_WORDS = /\|\s*(quote|int|map\('quote'\)\s*\|\s*join\(' '\))\s*$/;

/** Expressions that stand in a command line as they are, and why they are safe there. */
const SAFE: Readonly<Record<string, string>> = {
  polardb_restore_pfs: 'words of vars/main.yml, quoted there',
  ansible_managed: 'a comment',
  '(ansible_virtualization_type in common_container_types) | string | lower': 'true or false',
};

/** Files that a shell script of the roles reads with `.`; the settings of the backup stand in a task. */
const SOURCED = ['roles/polardb_server/templates/guard.env.j2', 'roles/health/templates/health.env.j2'];
const SETTINGS = /^\w+=.*\{\{/m;

/** Every text in the data that a shell or `command` is given. */
function commandLines(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(commandLines);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'content' && typeof inner === 'string' && SETTINGS.test(inner)) return [inner];
    if (!/^(ansible\.builtin\.)?(shell|command|raw|script)$/.test(key)) return commandLines(inner);
    if (typeof inner === 'string') return [inner];
    return typeof inner === 'object' && inner !== null && 'cmd' in inner ? [String(inner.cmd)] : [];
  });
}

describe('roles and playbooks: values in command lines', () => {
  const files = ['roles', 'playbooks']
    .flatMap(top => readdirSync(join(ROOT, top), { recursive: true }).map(name => `${top}/${name}`))
    .filter(name => /^(roles\/[^/]+\/(tasks|handlers)|playbooks)\/.*\.yml$/.test(name));
  const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
  const lines = [
    ...files.flatMap(file =>
      commandLines(parse(read(file), { logLevel: 'silent' })).map(line => ({ file, line })),
    ),
    ...SOURCED.map(file => ({ file, line: read(file) })),
  ];
  const expressions = lines.flatMap(({ file, line }) =>
    [...line.matchAll(/\{\{(.*?)\}\}/gs)].map(match => ({ file, expression: match[1]!.trim() })),
  );
  const bare = expressions.filter(({ expression }) => !IS_WORDS.test(expression));

  it('are quoted, or cannot be code', () => {
    expect(expressions.length).to.be.greaterThan(30);
    const bad = bare.filter(({ expression }) => !(expression in SAFE));
    expect(bad.map(({ file, expression }) => `${file}: {{ ${expression} }}`)).to.deep.equal([]);
  });

  it('are not listed in vain', () => {
    const used = new Set(bare.map(({ expression }) => expression));
    expect(Object.keys(SAFE).filter(expression => !used.has(expression))).to.deep.equal([]);
  });
});
