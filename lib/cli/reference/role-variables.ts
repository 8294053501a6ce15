import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, parse, parseDocument, stringify } from 'yaml';
import { jsonText } from '../../source/json.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';

export interface OptionSpec {
  readonly type?: string;
  readonly elements?: string;
  readonly choices?: readonly unknown[];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly required?: boolean;
}

/** A variable of a role, from its default and its argument specs. */
export interface RoleVariable {
  readonly role: string;
  readonly name: string;
  readonly description: string;
  /** As it is written; a template is worked out on each host. */
  readonly defaultText: string;
  /** The value itself, where it is a plain one. */
  readonly defaultValue: unknown;
  /** None for a variable that is worked out from others. */
  readonly spec: OptionSpec | undefined;
  /** A value that an inventory of ours gives it. */
  readonly example: string | undefined;
}

export interface Role {
  readonly name: string;
  readonly summary: string;
  readonly variables: readonly RoleVariable[];
}

/** The roles of a folder, each with its variables in the order of their defaults. */
export function rolesIn(folder: string): readonly Role[] {
  const examples = valuesOfSamples();
  return readdirSync(folder)
    .filter(role => existsSync(join(folder, role, 'defaults/main.yml')))
    .sort()
    .map(role => {
      const { summary, options } = specsOf(join(folder, role, 'meta/argument_specs.yml'));
      const variables = defaultsOf(join(folder, role, 'defaults/main.yml')).map(one => ({
        ...one,
        role,
        spec: options[one.name],
        example: examples.get(one.name),
      }));
      return { name: role, summary, variables };
    })
    .filter(({ variables }) => variables.length > 0);
}

/** Type or choices in words. */
export const typeText = ({ type = 'str', elements, choices }: OptionSpec): string =>
  choices ? choices.map(String).join(', ') : `${type}${elements ? ` of ${elements}` : ''}`;

function specsOf(file: string): {
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
} {
  if (!existsSync(file)) return { summary: '', options: {} };
  const { argument_specs } = parse(readFileSync(file, 'utf8')) as {
    argument_specs: Record<string, { short_description?: string; options: Record<string, OptionSpec> }>;
  };
  const points = Object.values(argument_specs);
  return {
    summary: points[0]?.short_description ?? '',
    options: Object.assign({}, ...points.map(({ options }) => options)),
  };
}

/** Variables with the comment that stands above them: the one place that describes them. */
function defaultsOf(
  file: string,
): readonly Pick<RoleVariable, 'name' | 'description' | 'defaultText' | 'defaultValue'>[] {
  const document = parseDocument(readFileSync(file, 'utf8'));
  if (!isMap(document.contents)) return [];
  let above = document.commentBefore ?? '';
  return document.contents.items.map((pair, index) => {
    const key = pair.key as { value?: unknown; commentBefore?: string | null; spaceBefore?: boolean };
    const own = key.commentBefore ?? (index === 0 ? (document.contents!.commentBefore ?? above) : '');
    // A comment speaks of all variables below it up to an empty line.
    if (own || key.spaceBefore) above = own;
    const isPlain = isScalar(pair.value) && !String(pair.value.value).includes('{{');
    return {
      name: String(key.value),
      description: above
        .trim()
        .replace(/^#?\s*/gm, '')
        .replaceAll('\n', ' '),
      defaultText:
        (isScalar(pair.value)
          ? jsonText(pair.value.value)
          : stringify(pair.value, { collectionStyle: 'flow', lineWidth: 0 }).trim()) ?? '',
      defaultValue: isPlain ? (pair.value as { value: unknown }).value : undefined,
    };
  });
}

/** The first value that a sample inventory gives each variable. */
function valuesOfSamples(): ReadonlyMap<string, string> {
  const folder = join(PACKAGE_ROOT, 'inventory');
  const values = new Map<string, string>();
  const collect = (value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [name, inner] of Object.entries(value)) {
      const text = stringify(inner, { collectionStyle: 'flow', lineWidth: 0 }).trim();
      if (!values.has(name) && !['all', 'children', 'hosts', 'vars'].includes(name)) values.set(name, text);
      collect(inner);
    }
  };
  if (existsSync(folder))
    for (const file of readdirSync(folder).sort()) collect(parse(readFileSync(join(folder, file), 'utf8')));
  return values;
}
