import { fieldsOf, isObject, parseJson } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import { ModuleError } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import type { Records } from '../kit/reply.ts';

/** What `docker inspect` says about one thing. */
export type Inspected = Readonly<Record<string, Json>>;

/** Put before a script that uses docker; `see NAME WORDS…` prints what `docker WORDS…` says as a record. */
export const DOCKER = `${needsProgram('docker')}
see() { begin "$1"; shift; docker "$@"; }`;

/** The first thing that `docker inspect` shows in a record; undefined when docker knows no such thing. */
export function inspected(reply: Records, name: string): Inspected | undefined {
  if (reply.rc === 96) throw new ModuleError(reply.stderr.trim());
  const text = reply.output(name)?.trim() ?? '';
  let list: Json;
  try {
    list = text === '' ? [] : parseJson(text);
  } catch {
    throw new ModuleError(`docker inspect printed something else than JSON: ${text.slice(0, 200)}`);
  }
  const first = Array.isArray(list) ? list[0] : undefined;
  if (first !== undefined && first !== null) return fieldsOf(first);
  // Docker exits alike when it knows no such thing and when its daemon does not answer: only its words differ.
  if (!/no such|not known|not found/i.test(reply.stderr))
    throw new ModuleError(`docker does not answer: ${reply.stderr.trim() || `exit code ${reply.rc}`}`);
  return undefined;
}

/** A value somewhere inside of what docker shows. */
export function inside(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let at = value;
  for (const key of path) {
    if (!isObject(at)) return undefined;
    at = at[key];
  }
  return at;
}

/** Name of an image with its tag or digest: `nginx` → `nginx:latest`. */
export function imageReference(name: string, tag = 'latest'): string {
  if (name === '' || /^-|\s/.test(name)) throw new ModuleError(`"${name}" is not a valid image name`);
  if (name.includes('@') || /^(sha256:)?[0-9a-f]{64}$/.test(name)) return name;
  if (/:[^/]+$/.test(name)) return name;
  return tag.startsWith('sha256:') ? `${name}@${tag}` : `${name}:${tag}`;
}
