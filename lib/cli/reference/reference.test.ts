import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { referencePages } from './reference.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('reference pages', () => {
  for (const [name, text] of Object.entries(referencePages(join(ROOT, 'roles')))) {
    it(`docs/${name} is what the code says (npm run build && npm run docs)`, () => {
      expect(readFileSync(join(ROOT, 'docs', name), 'utf8')).to.equal(text);
    });
  }
});

describe('argument specs of our roles', () => {
  const roles = readdirSync(join(ROOT, 'roles')).filter(role =>
    existsSync(join(ROOT, 'roles', role, 'meta/argument_specs.yml')),
  );

  it('stand with every role that has variables', () => {
    const withVariables = readdirSync(join(ROOT, 'roles')).filter(
      role => Object.keys(defaultsOf(role)).length > 0,
    );
    expect(roles).to.deep.equal(withVariables);
  });

  for (const role of roles) {
    it(`${role}: every option has its default, and so its description`, () => {
      expect(Object.keys(defaultsOf(role))).to.include.members(optionsOf(role));
    });
  }

  // Worked out from others; an operator has no reason to set them.
  const WORKED_OUT =
    /^(cluster_(exports|hostids|leaving|nodes|slots\w*)|polardb_primary_(host|address)|polardb_replica_\w+)$/;

  it('leave out only what is worked out from other variables', () => {
    const left = roles.flatMap(role => {
      const options = optionsOf(role);
      return Object.keys(defaultsOf(role)).filter(name => !options.includes(name) && !WORKED_OUT.test(name));
    });
    expect(left).to.deep.equal([]);
  });
});

function defaultsOf(role: string): Record<string, unknown> {
  const file = join(ROOT, 'roles', role, 'defaults/main.yml');
  return existsSync(file)
    ? ((parse(readFileSync(file, 'utf8')) as Record<string, unknown> | null) ?? {})
    : {};
}

function optionsOf(role: string): string[] {
  const { argument_specs } = parse(
    readFileSync(join(ROOT, 'roles', role, 'meta/argument_specs.yml'), 'utf8'),
  ) as { argument_specs: Record<string, { options: Record<string, unknown> }> };
  return Object.values(argument_specs).flatMap(({ options }) => Object.keys(options));
}
