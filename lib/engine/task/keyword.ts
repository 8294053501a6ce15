import type { Authored } from '../../playbook/types.ts';
import { type Position, SourceError } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { type Json, OMIT, toPlain } from '../../source/value.ts';
import type { Templar, Variables } from '../../templating/templar.ts';

/** A keyword as it is here and now; one that comes to `omit` counts as not written. Undefined where nobody wrote it; null is a value. */
export function keywordValue(
  templar: Templar,
  authored: Authored | undefined,
  scope: Variables,
): Json | undefined {
  const value = authored && templar.render(authored.value, scope, authored.at);
  if (value === OMIT) return keywordValue(templar, authored?.outer, scope);
  return value === undefined ? undefined : toPlain(value);
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

const NO = ['no', 'false', 'off', 'n', 'f', '0', ''];

/** The truth that a keyword comes to. Throws SourceError, in Ansible's words, for a text that is neither. */
export function trueOrFalse(value: Json, at: Position | undefined): boolean {
  const isTrue = truthy(value);
  if (isTrue || typeof value !== 'string' || NO.includes(value.trim().toLowerCase())) return isTrue;
  const message = `The value '${value}' is not a valid boolean.`;
  throw new SourceError('WRONG_TYPE', message, at, 'write true or false');
}

/** True for what Ansible's boolean keywords accept as yes. */
export function truthy(value: Json | undefined): boolean {
  if (typeof value === 'string')
    return ['yes', 'true', 'on', 'y', 't', '1'].includes(value.trim().toLowerCase());
  return value === true || value === 1;
}
