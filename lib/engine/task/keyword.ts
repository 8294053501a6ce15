import type { Authored } from '../../playbook/types.ts';
import { type Position, SourceError } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { type Json, OMIT, toPlain } from '../../source/value.ts';
import type { Templar, Variables } from '../../templating/templar.ts';

/** The value of a keyword now. `omit` counts as not written. Undefined when nobody wrote it; null is a value. */
export function keywordValue(
  templar: Templar,
  authored: Authored | undefined,
  scope: Variables,
): Json | undefined {
  const value = authored && templar.render(authored.value, scope, authored.at);
  if (value === OMIT) return keywordValue(templar, authored?.outer, scope);
  return value === undefined ? undefined : toPlain(value);
}

/** A numeric keyword. Throws SourceError for any other value. */
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

/** A boolean keyword. Throws SourceError, in Ansible's words, for a text that is neither true nor false. */
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
