import { readFileSync } from 'node:fs';
import { SourceError } from '../lib/source/errors.ts';
import { didYouMean } from '../lib/source/suggest.ts';
import { keyPositionOf, positionOf, type Value } from '../lib/source/value.ts';
import { parseYaml } from '../lib/source/yaml/yaml.ts';
import type { Finding } from './findings.ts';

/** A fault that somebody has decided to live with, until a day. */
export interface Waiver {
  readonly id: string;
  /** One host; undefined: all. */
  readonly host: string | undefined;
  readonly reason: string;
  /** The last day it holds, such as 2027-01-31. */
  readonly expires: string;
}

const KEYS: Readonly<Record<keyof Waiver, string>> = {
  id: 'The check, as "verify --list" names it.',
  host: 'The one host it is about; all of them without it.',
  reason: 'Why the fault may stay, for those who read the report.',
  expires: 'The last day it holds, such as 2027-01-31.',
};

/** JSON Schema of a waivers file, for editors. */
export function waiversSchema(): object {
  const properties = Object.entries(KEYS).map(([key, description]) => [
    key,
    {
      type: 'string',
      minLength: 1,
      description,
      ...(key === 'expires' && { pattern: '^\\d{4}-\\d\\d-\\d\\d' }),
    },
  ]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'polarplay verify: waivers',
    type: ['array', 'null'],
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['id', 'reason', 'expires'],
      properties: Object.fromEntries(properties),
    },
  };
}

/** Reads a waivers file: a list of mappings, each with an id, a reason and the day it expires. */
export function readWaivers(file: string, ids: readonly string[]): readonly Waiver[] {
  const entries = parseYaml(readFileSync(file, 'utf8'), file);
  if (entries === null) return [];
  if (!Array.isArray(entries))
    throw new SourceError('BAD_VALUE', 'a waivers file is a list', positionOf(entries));
  return entries.map(entry => waiverOf(entry, ids));
}

function waiverOf(entry: Value, ids: readonly string[]): Waiver {
  if (!(entry instanceof Map)) throw new SourceError('BAD_VALUE', 'a waiver is a mapping', positionOf(entry));
  for (const key of entry.keys()) {
    if (Object.hasOwn(KEYS, String(key))) continue;
    const hint = didYouMean(String(key), Object.keys(KEYS));
    throw new SourceError(
      'BAD_VALUE',
      `a waiver has no key "${String(key)}"${hint === undefined ? '' : `, ${hint}`}`,
      keyPositionOf(entry, key),
    );
  }
  const text = (key: string) => {
    const value = entry.get(key);
    if (value !== undefined && value !== null && String(value) !== '') return String(value);
    throw new SourceError('BAD_VALUE', `a waiver needs "${key}"`, positionOf(entry));
  };
  const id = text('id');
  if (!ids.includes(id)) {
    const hint = didYouMean(id, ids);
    const message = `there is no check "${id}"${hint === undefined ? '' : `, ${hint}`}`;
    throw new SourceError('BAD_VALUE', message, positionOf(entry, 'id'));
  }
  const expires = text('expires').slice(0, 10);
  if (!/^\d{4}-\d\d-\d\d$/.test(expires) || Number.isNaN(Date.parse(expires)))
    throw new SourceError(
      'BAD_VALUE',
      `"${expires}" is not a day such as 2027-01-31`,
      positionOf(entry, 'expires'),
    );
  return { id, host: entry.has('host') ? text('host') : undefined, reason: text('reason'), expires };
}

/** A failed finding all of whose faults are waived today; one whose waiver has expired says so. */
export function waive(finding: Finding, waivers: readonly Waiver[], today: string): Finding {
  if (finding.verdict !== 'failed') return finding;
  const about = waivers.filter(waiver => waiver.id === finding.id);
  const held = about.filter(waiver => waiver.expires >= today);
  const left = finding.faults.filter(
    fault => !held.some(waiver => waiver.host === undefined || waiver.host === fault.host),
  );
  if (left.length === 0 && held.length > 0) {
    const { todo: _, ...rest } = finding;
    return { ...rest, verdict: 'waived', reason: held[0]!.reason, expires: held[0]!.expires };
  }
  const expired = about.find(waiver => waiver.expires < today);
  const note = expired ? ` (Its waiver expired on ${expired.expires}: ${expired.reason})` : '';
  return { ...finding, faults: left, todo: `${finding.todo}${note}` };
}
