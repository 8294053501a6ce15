import { parse } from 'yaml';
import { type OptionSpec, rolesIn } from './role-variables.ts';

type Schema = Readonly<Record<string, unknown>>;

/** JSON Schema of an inventory in YAML, with the variables of our roles: type, default and meaning of each. */
export function inventorySchema(rolesDir: string): Schema {
  const vars = { type: ['object', 'null'], properties: { ...CONNECTION, ...roleVariables(rolesDir) } };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'polarplay inventory',
    type: 'object',
    additionalProperties: { $ref: '#/$defs/group' },
    $defs: {
      vars,
      group: {
        type: ['object', 'null'],
        additionalProperties: false,
        properties: {
          hosts: { type: ['object', 'null'], additionalProperties: { $ref: '#/$defs/vars' } },
          children: { type: ['object', 'null'], additionalProperties: { $ref: '#/$defs/group' } },
          vars: { $ref: '#/$defs/vars' },
        },
      },
    },
  };
}

const text = (description: string): Schema => ({ type: 'string', description });

const CONNECTION: Readonly<Record<string, Schema>> = {
  ansible_host: text('Address of the host, where its name is not one.'),
  ansible_port: {
    ...orTemplate({ type: 'integer', minimum: 1, maximum: 65535 }),
    description: 'Port of its SSH server.',
  },
  ansible_user: text('User to log in as.'),
  ansible_connection: { enum: ['ssh', 'local'], description: 'How the host is reached.' },
  ansible_ssh_private_key_file: text('Key to log in with.'),
  ansible_ssh_common_args: text('Options in the form of ssh(1), such as -o ProxyJump=bastion.'),
  ansible_become: { type: ['boolean', 'string'], description: 'Work as another user.' },
  ansible_become_user: text('The user to become.'),
  ansible_become_method: { enum: ['sudo', 'su', 'doas'], description: 'How to become that user.' },
};

/** Any value may be a template, whose type nobody knows yet. */
function orTemplate(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'string', pattern: '\\{[{%]' }] };
}

const TYPES: Readonly<Record<string, Schema>> = {
  int: { type: 'integer' },
  float: { type: 'number' },
  bool: { type: 'boolean' },
  str: { type: ['string', 'number', 'boolean', 'null'] },
  path: { type: 'string' },
};

function roleVariables(rolesDir: string): Record<string, Schema> {
  return Object.fromEntries(
    rolesIn(rolesDir)
      .flatMap(({ variables }) => variables)
      .flatMap(({ name, description, defaultValue, spec, example }) =>
        spec === undefined
          ? []
          : [
              [
                name,
                {
                  ...orTemplate(schemaOf(spec)),
                  description,
                  ...(defaultValue !== undefined && { default: defaultValue }),
                  ...(example !== undefined && { examples: [parse(example)] }),
                },
              ],
            ],
      ),
  );
}

function schemaOf({ type = 'str', elements, choices, options }: OptionSpec): Schema {
  if (choices) return { enum: choices };
  if (type === 'list')
    return { type: 'array', items: schemaOf({ type: elements ?? 'raw', ...(options && { options }) }) };
  if (type === 'dict')
    return options
      ? {
          type: 'object',
          properties: Object.fromEntries(
            Object.entries(options).map(([name, spec]) => [name, orTemplate(schemaOf(spec))]),
          ),
          required: Object.entries(options).flatMap(([name, spec]) => (spec.required ? [name] : [])),
          additionalProperties: false,
        }
      : { type: 'object' };
  return TYPES[type] ?? {};
}
