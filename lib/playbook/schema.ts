import { argumentNames } from '../modules/kit/arguments.ts';
import type { Module } from '../modules/kit/define.ts';
import { keywordProperties, keywordsOf, type Level, LOOP_CONTROL, VARS_PROMPT } from './keywords.ts';

type Schema = Readonly<Record<string, unknown>>;

/** JSON Schema of playbooks and task files for editors: keywords, modules and their arguments with descriptions. */
export function playbookSchema(modules: readonly Module[]): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'polarplay playbook, or a file of tasks',
    type: ['array', 'null'],
    items: { anyOf: ['play', 'import_playbook', 'task', 'block'].map(name => ({ $ref: `#/$defs/${name}` })) },
    $defs: {
      play: level('play', ['hosts'], {
        handlers: tasks('handler'),
        roles: { type: ['array', 'null'], items: ref('role') },
        vars_prompt: prompts(),
      }),
      import_playbook: level('import_playbook', ['import_playbook']),
      role: { anyOf: [{ type: 'string' }, { ...level('role', []), additionalProperties: true }] },
      block: level('block', ['block']),
      task: { anyOf: [ref('block'), taskSchema('task', modules)] },
      handler: taskSchema('handler', modules),
      ...Object.fromEntries(modules.map(module => [`module ${module.name}`, argumentsSchema(module)])),
    },
  };
}

const ref = (name: string): Schema => ({ $ref: `#/$defs/${name}` });
const tasks = (name: string): Schema => ({ type: ['array', 'null'], items: ref(name) });

function prompts(): Schema {
  const properties = keywordProperties(VARS_PROMPT);
  return {
    type: 'array',
    items: { type: 'object', properties, required: ['name'], additionalProperties: false },
  };
}

function level(
  name: Level,
  required: readonly string[],
  more: Readonly<Record<string, Schema>> = {},
): Schema {
  const properties = { ...keywordProperties(keywordsOf(name).values()), ...more };
  return { type: 'object', properties, required, additionalProperties: false };
}

function taskSchema(name: 'task' | 'handler', modules: readonly Module[]): Schema {
  const loopControl = {
    type: 'object',
    properties: keywordProperties(LOOP_CONTROL),
    additionalProperties: false,
  };
  const names = modules.flatMap(module =>
    [module.name, `ansible.builtin.${module.name}`, ...(module.aliases ?? [])].map(
      alias => [alias, ref(`module ${module.name}`)] as const,
    ),
  );
  return {
    type: 'object',
    properties: {
      ...keywordProperties(keywordsOf(name).values()),
      loop_control: loopControl,
      ...Object.fromEntries(names),
    },
    patternProperties: { '^with_': {}, '^\\w+\\.\\w+\\.\\w+': {} },
    additionalProperties: false,
  };
}

/** Arguments of a module; each may be a template, and all of them one text. */
function argumentsSchema(module: Module): Schema {
  const own = module.args.properties as Readonly<
    Record<string, { readonly description?: string; readonly enum?: readonly string[] }>
  >;
  const properties = Object.fromEntries(
    [...argumentNames(module)].map(([name, main]) => {
      const { description, enum: choices } = own[main] ?? {};
      return [name, { description, ...(choices && { examples: choices }) }];
    }),
  );
  const open = module.kind === 'control' && module.open === true;
  return {
    description: module.summary,
    anyOf: [
      { type: 'object', properties, additionalProperties: open },
      { type: ['string', 'number', 'null'] },
    ],
  };
}
