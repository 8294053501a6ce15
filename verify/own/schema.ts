import { KINDS } from './kinds.ts';
import { COMMON, SEVERITIES, SUBJECTS } from './read.ts';

type Schema = Readonly<Record<string, unknown>>;

const SCALAR = { type: ['string', 'number'] };
const TYPES: Readonly<Record<string, Schema>> = {
  boolean: { type: 'boolean' },
  text: SCALAR,
  number: { type: 'integer' },
  texts: { anyOf: [SCALAR, { type: 'array', items: SCALAR }] },
  any: {},
};
const CHOICES: Readonly<Record<string, readonly string[]>> = { hosts: SUBJECTS, severity: SEVERITIES };

/** JSON Schema of a file of own checks, for editors; made of the same table that the files are read by. */
export function ownSchema(): Schema {
  const common = Object.fromEntries(
    Object.entries(COMMON).map(([key, description]) => [
      key,
      CHOICES[key] ? { enum: CHOICES[key], description } : { type: 'string', description },
    ]),
  );
  const kinds = Object.entries(KINDS).map(([name, { what, keys }]) => {
    const own = Object.entries(keys).map(([key, { type, what: description }]) => [
      key,
      { ...TYPES[type], description },
    ]);
    const entry = {
      type: ['object', 'null'],
      additionalProperties: false,
      properties: { ...Object.fromEntries(own), ...common },
    };
    return [name, { type: ['object', 'null'], description: what, additionalProperties: entry }];
  });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'polarplay verify: own checks',
    type: 'object',
    additionalProperties: false,
    properties: { hosts: common.hosts, ...Object.fromEntries(kinds) },
  };
}
