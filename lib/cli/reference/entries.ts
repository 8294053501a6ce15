import { allModules, findModule } from '../../engine/module-list.ts';
import type { Module } from '../../modules/kit/define.ts';
import { KEYWORDS, LOOP_CONTROL } from '../../playbook/keywords.ts';
import type { Entries } from '../../templating/reference/entry.ts';
import { valueOfExample } from '../../templating/reference/examples.ts';
import { FILTER_ENTRIES } from '../../templating/reference/filters.ts';
import { LOOKUP_ENTRIES } from '../../templating/reference/lookups.ts';
import { TEST_ENTRIES } from '../../templating/reference/tests.ts';
import { type Argument, argumentsOf, checkModeText } from './reference.ts';
import { type Role, type RoleVariable, rolesIn, typeText } from './role-variables.ts';
import type { Item, Page } from './terminal-page.ts';

export const KINDS = ['module', 'filter', 'test', 'lookup', 'keyword', 'role', 'variable'] as const;

export type Kind = (typeof KINDS)[number];

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Made only for the one that is asked for. */
  page(): Page;
}

/** Everything of a kind that can be looked up. */
export function entriesOf(kind: Kind, rolesDir: string): readonly Entry[] {
  switch (kind) {
    case 'module':
      return allModules().map(moduleEntry);
    case 'filter':
      return templateEntries(kind, FILTER_ENTRIES);
    case 'test':
      return templateEntries(kind, TEST_ENTRIES);
    case 'lookup':
      return templateEntries(kind, LOOKUP_ENTRIES);
    case 'keyword':
      return keywordEntries();
    case 'role':
      return rolesIn(rolesDir).map(roleEntry);
    case 'variable':
      return rolesIn(rolesDir).flatMap(({ variables }) => variables.map(variableEntry));
  }
}

/** The entry of a name; a module answers to its other names too. */
export function entryNamed(kind: Kind, name: string, rolesDir: string): Entry | undefined {
  const module = kind === 'module' ? findModule(name) : undefined;
  const short = name.replace(/^(\w+\.){2}(?=\w+$)/, '');
  return module ? moduleEntry(module) : entriesOf(kind, rolesDir).find(one => one.name === short);
}

const page = (kind: Kind, name: string, more: Partial<Page>): Page => ({
  kind,
  name,
  paragraphs: [],
  items: [],
  sections: [],
  ...more,
});

function moduleEntry(module: Module): Entry {
  const { name, summary, aliases = [], freeForm, returns = {}, differences = [], examples = '' } = module;
  return {
    name,
    summary,
    page: () =>
      page('module', name, {
        paragraphs: [
          summary,
          checkModeText(module),
          aliases.length > 0 ? `Also called ${aliases.join(', ')}.` : '',
          freeForm === undefined ? '' : `Text behind its name is the argument ${freeForm}.`,
        ],
        items: argumentsOf(module).map(argumentItem),
        sections: [
          { title: 'Returns', lines: Object.entries(returns).map(([key, text]) => `${key}: ${text}`) },
          { title: 'Differs from Ansible', lines: differences },
          { title: 'Examples', lines: examples === '' ? [] : examples.trim().split('\n'), isCode: true },
        ],
      }),
  };
}

const argumentItem = ({ name, description, type, fallback, aliases, isRequired }: Argument): Item => ({
  name,
  text: description,
  isRequired,
  facts: [
    ['type', type],
    ...(fallback === undefined ? [] : ([['default', fallback]] as const)),
    ...(aliases.length > 0 ? ([['also', aliases.join(', ')]] as const) : []),
  ],
});

function templateEntries(kind: Kind, entries: Entries): readonly Entry[] {
  return Object.entries(entries)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, [summary, example]]) => ({
      name,
      summary,
      page: () => page(kind, name, { paragraphs: [summary], sections: exampleOf(kind, example) }),
    }));
}

function exampleOf(kind: Kind, example: string | undefined): Page['sections'] {
  if (example === undefined) return [];
  const lines =
    kind === 'lookup' ? [`{{ ${example} }}`] : [`{{ ${example} }}`, `gives ${valueOfExample(example)}`];
  return [{ title: 'Example', lines }];
}

function keywordEntries(): readonly Entry[] {
  const all = [
    ...KEYWORDS.map(({ name, description, levels }) => ({ name, description, where: levels.join(', ') })),
    ...LOOP_CONTROL.map(({ name, description }) => ({ name, description, where: 'loop_control' })),
  ];
  return all
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, description, where }) => ({
      name,
      summary: description,
      page: () => page('keyword', name, { paragraphs: [description, `It belongs to: ${where}.`] }),
    }));
}

const roleEntry = ({ name, summary, variables }: Role): Entry => ({
  name,
  summary,
  page: () =>
    page('role', name, {
      paragraphs: [summary && `${summary}.`],
      items: variables.filter(({ spec }) => spec).map(variableItem),
    }),
});

const variableItem = ({ name, description, spec, defaultText, example }: RoleVariable): Item => ({
  name,
  text: description,
  isRequired: spec?.required === true,
  facts: [
    ['type', spec ? typeText(spec) : 'worked out from other variables'],
    ['default', defaultText],
    ...(example === undefined ? [] : ([['example', `${name}: ${example}`]] as const)),
  ],
});

const variableEntry = (variable: RoleVariable): Entry => ({
  name: variable.name,
  summary: variable.description.replace(/(?<=\.) .*/s, ''),
  page: () =>
    page('variable', variable.name, {
      paragraphs: [variable.description, `It belongs to the role ${variable.role}.`],
      sections: [
        { title: 'Value', lines: variableItem(variable).facts.map(([fact, value]) => `${fact}: ${value}`) },
      ],
    }),
});
