import type { Authored } from '../../playbook/types.ts';
import { SourceError } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { type Json, OMIT, toPlain } from '../../source/value.ts';
import type { Templar, Variables } from '../../templating/templar.ts';

/** A keyword as it is here and now; undefined when nobody wrote it, or when it comes to `omit`. Null is a value. */
export function keywordValue(
  templar: Templar,
  authored: Authored | undefined,
  scope: Variables,
): Json | undefined {
  const value = authored && templar.render(authored.value, scope, authored.at);
  return value === undefined || value === OMIT ? undefined : toPlain(value);
}

/** A keyword that counts something. Throws SourceError when it comes to something else. */
export function keywordNumber(
  templar: Templar,
  authored: Authored | undefined,
  scope: Variables,
  fallback: number,
): number {
  const value = keywordValue(templar, authored, scope);
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!Number.isNaN(number)) return number;
  throw new SourceError('WRONG_TYPE', `expected a number, not ${jsonText(value)}`, authored?.at);
}

/** True for what Ansible's boolean keywords accept as yes. */
export function truthy(value: Json | undefined): boolean {
  if (typeof value === 'string')
    return ['yes', 'true', 'on', 'y', 't', '1'].includes(value.trim().toLowerCase());
  return value === true || value === 1;
}
