import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, SourceError } from '../../lib/source/errors.ts';
import { didYouMean } from '../../lib/source/suggest.ts';
import { type Dict, keyPositionOf, positionOf, toPlain, type Value } from '../../lib/source/value.ts';
import { parseYaml } from '../../lib/source/yaml/yaml.ts';
import type { Check, HostCheck, Severity, Sight, Subjects } from '../check.ts';
import { KINDS, type Kind, type Spec } from './kinds.ts';

export const SUBJECTS: readonly Subjects[] = ['all', 'storage', 'nodes', 'primary', 'replicas', 'backup'];
export const SEVERITIES: readonly Severity[] = ['danger', 'fault', 'warning'];
/** What every entry may say of itself. */
export const COMMON: Readonly<Record<string, string>> = {
  hosts: `the hosts that it concerns: ${SUBJECTS.join(', ')} (default: what the file says at its top, else all; for sql nodes).`,
  severity: `${SEVERITIES.join(', ')} (default: fault).`,
  title: 'what the report says (default: kind and name).',
  todo: 'what to do when it fails.',
};
const MODULES = ['.js', '.mjs', '.ts', '.mts'];

/** The checks of a folder, by the names of its files: YAML in the spirit of goss, and modules that export checks. */
export async function readOwnChecks(dir: string): Promise<readonly Check[]> {
  if (!existsSync(dir)) return [];
  const checks: Check[] = [];
  for (const name of readdirSync(dir).sort()) {
    const file = join(dir, name);
    if (/\.ya?ml$/.test(name)) checks.push(...checksOf(parseYaml(readFileSync(file, 'utf8'), file), file));
    else if (MODULES.includes(extname(name)) && !/\.(test|d)\.m?ts$/.test(name))
      checks.push(...(await moduleChecks(file)));
  }
  const seen = new Map<string, number>();
  return checks.map(check => {
    const count = (seen.get(check.id) ?? 0) + 1;
    seen.set(check.id, count);
    return count === 1 ? check : { ...check, id: `${check.id}-${count}` as Check['id'] };
  });
}

/** The checks of one YAML file; throws with the place of what is wrong. */
export function checksOf(document: Value, file: string): readonly Check[] {
  if (document === null) return [];
  if (!(document instanceof Map))
    throw wrong('a file of checks is a mapping of kinds', positionOf(document) ?? { file, line: 1, col: 1 });
  known(document, [...Object.keys(KINDS), 'hosts'], 'there is no kind of check');
  const on = choice(document, 'hosts', SUBJECTS);
  return [...document].flatMap(([kind, entries]) => {
    if (kind === 'hosts' || entries === null) return [];
    if (!(entries instanceof Map))
      throw wrong(
        `"${String(kind)}" is a mapping: a name and what to expect of it`,
        positionOf(document, kind),
      );
    return [...entries].map(([name, entry]) => checkOf(String(kind), String(name), entries, entry, on));
  });
}

function checkOf(
  kindName: string,
  name: string,
  entries: Dict,
  entry: Value,
  fileOn: Subjects | undefined,
): Check {
  const kind = KINDS[kindName]!;
  const key = [...entries.keys()].find(k => String(k) === name)!;
  const at = keyPositionOf(entries, key);
  if (entry !== null && !(entry instanceof Map))
    throw wrong(`what to expect of "${name}" is a mapping`, positionOf(entries, key) ?? at);
  const dict: Dict = entry instanceof Map ? entry : new Map();
  known(
    dict,
    [...Object.keys(kind.keys), ...Object.keys(COMMON)],
    `a check of the kind "${kindName}" has no key`,
  );
  for (const [field, { type }] of Object.entries(kind.keys)) {
    const value = dict.get(field);
    if (value !== undefined && !isOf(value, type))
      throw wrong(`${kindName} "${name}": ${field} is ${TYPES[type]}`, positionOf(dict, field));
  }
  const spec = toPlain(dict) as Spec;
  const on =
    choice(dict, 'hosts', SUBJECTS) ??
    (kind.sql ? nodesOnly(fileOn) : fileOn) ??
    (kind.sql ? 'nodes' : 'all');
  if (kind.sql && (on === 'all' || on === 'storage'))
    throw wrong(
      'a query needs a server: hosts is nodes, primary or replicas',
      positionOf(dict, 'hosts') ?? at,
    );
  const place = at ? `${at.file}:${at.line}` : 'the file';
  return {
    id: `own.${kindName}.${slug(name)}`,
    title: text(dict, 'title') ?? `${kindName} ${name}`,
    proves: `What ${place} says of the ${kindName} ${name}.`,
    expects: JSON.stringify(Object.fromEntries(Object.entries(spec).filter(([k]) => !(k in COMMON)))),
    todo: text(dict, 'todo') ?? `See ${place}.`,
    severity: choice(dict, 'severity', SEVERITIES) ?? 'fault',
    on,
    tags: ['own'],
    ...asksOf(kind, name, spec),
    judge: sight => kind.judge(sight, name, spec),
  };
}

const asksOf = (kind: Kind, name: string, spec: Spec) => ({
  ...(kind.asks && { asks: kind.asks(name, spec) }),
  ...(kind.sql && { sql: kind.sql(name, spec) }),
});

const nodesOnly = (on: Subjects | undefined) => (on === 'all' || on === 'storage' ? undefined : on);

const slug = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40) || 'x';

const wrong = (message: string, at: ReturnType<typeof positionOf>) =>
  new SourceError('BAD_VALUE', message, at);

function known(dict: Dict, keys: readonly string[], what: string): void {
  for (const key of dict.keys()) {
    if (keys.includes(String(key))) continue;
    const hint = didYouMean(String(key), keys);
    throw wrong(
      `${what} "${String(key)}"${hint === undefined ? '' : `, ${hint}`}; there are ${keys.join(', ')}`,
      keyPositionOf(dict, key),
    );
  }
}

const TYPES = {
  boolean: 'true or false',
  text: 'a text',
  number: 'a whole number',
  texts: 'a text, or a list of texts',
  any: 'a value',
};

function isOf(value: Value, type: keyof typeof TYPES): boolean {
  const plainText = (v: Value) => ['string', 'number', 'bigint'].includes(typeof v);
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'number':
      return typeof value === 'bigint' || Number.isInteger(value);
    case 'text':
      return plainText(value);
    case 'texts':
      return plainText(value) || (Array.isArray(value) && value.every(plainText));
    case 'any':
      return value !== null;
  }
}

function text(dict: Dict, key: string): string | undefined {
  const value = dict.get(key);
  return value === undefined || value === null ? undefined : String(value);
}

function choice<T extends string>(dict: Dict, key: string, values: readonly T[]): T | undefined {
  const value = text(dict, key);
  if (value === undefined) return undefined;
  const found = values.find(v => v === value);
  if (found !== undefined) return found;
  const hint = didYouMean(value, values);
  throw wrong(
    `${key} is "${value}"${hint === undefined ? '' : `, ${hint}`}; expected ${values.join(', ')}`,
    positionOf(dict, key),
  );
}

/** A check as a module exports it: like those of this suite, with defaults for what can be left out. */
export type OwnCheck = Pick<HostCheck, 'title' | 'judge'> &
  Partial<Omit<HostCheck, 'id'>> & { readonly id: string };

async function moduleChecks(file: string): Promise<readonly Check[]> {
  const fail = (message: string) => wrong(message, { file, line: 1, col: 1 });
  const loaded = await import(pathToFileURL(file).href).catch((error: unknown) => {
    const old = /Unknown file extension/.test(messageOf(error));
    throw fail(
      old
        ? 'this Node.js reads no TypeScript: it needs 22.18, or a module of JavaScript (.mjs)'
        : `it cannot be loaded: ${messageOf(error)}`,
    );
  });
  const exported: unknown = (loaded as { default?: unknown }).default;
  if (!Array.isArray(exported)) throw fail('a module of checks has a list of checks as its default export');
  return exported.map((entry, i) =>
    moduleCheck(entry as Partial<OwnCheck> | null, message => fail(`check ${i + 1}: ${message}`)),
  );
}

function moduleCheck(entry: Partial<OwnCheck> | null, fail: (message: string) => SourceError): Check {
  const { id, title, judge, on = 'all', severity = 'fault' } = entry ?? {};
  if (typeof id !== 'string' || !/^own\.[a-z0-9.-]+$/.test(id))
    throw fail('its id is a text such as own.disk-age: "own." and small letters');
  if (typeof title !== 'string' || typeof judge !== 'function')
    throw fail(`${id} needs a title and a function judge(at)`);
  if (!SUBJECTS.includes(on)) throw fail(`${id}: on is one of ${SUBJECTS.join(', ')}`);
  if (!SEVERITIES.includes(severity)) throw fail(`${id}: severity is one of ${SEVERITIES.join(', ')}`);
  return {
    proves: title,
    expects: title,
    todo: 'See the module of the check.',
    tags: ['own'],
    ...entry,
    id: id as Check['id'],
    title,
    on,
    severity,
    judge: guarded(judge),
  };
}

/** What a check of one's own throws is a fault that it found, and no reason to end the suite. */
const guarded = (judge: (at: Sight) => void) => (at: Sight) => {
  try {
    judge(at);
  } catch (error) {
    // These are the suite's own: an answer that is missing, or is the fault.
    if (error instanceof Error && ('waitsFor' in error || 'fault' in error)) throw error;
    at.check(false, 'a check that works', messageOf(error));
  }
};
