import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { argumentNames } from './args.ts';
import { allModules, findModule } from './index.ts';
import { type Module, overlap } from './module.ts';

const isModule = (value: unknown): value is Module =>
  typeof value === 'object' && value !== null && 'kind' in value && 'args' in value && 'summary' in value;

/** Every module that some file of the folder exports. */
async function modulesOfFolder(): Promise<Map<Module, string>> {
  const found = new Map<Module, string>();
  for (const file of readdirSync(import.meta.dirname)) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file === 'index.ts') continue;
    const exports = (await import(`./${file}`)) as Record<string, unknown>;
    for (const value of Object.values(exports).flat()) if (isModule(value)) found.set(value, file);
  }
  return found;
}

describe('the list of modules', () => {
  it('holds every module of the folder, and nothing else', async () => {
    const inFolder = await modulesOfFolder();
    const names = [...inFolder.keys()].map(module => module.name).sort();
    expect(allModules().map(module => module.name)).to.deep.equal(names);
  });

  it('gives each name to one module', () => {
    const names = allModules().flatMap(module => [module.name, ...(module.aliases ?? [])]);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).to.deep.equal([]);
  });

  it('finds modules under every name they have', () => {
    for (const module of allModules()) {
      for (const name of [module.name, `ansible.builtin.${module.name}`, ...(module.aliases ?? [])])
        expect(findModule(name), name).to.equal(module);
    }
    expect(findModule('no_such_module')).to.equal(undefined);
  });

  it('documents every argument and every module', () => {
    for (const module of allModules()) {
      expect(module.summary, module.name).to.match(/\.$/);
      for (const [name, schema] of Object.entries(module.args.properties))
        expect((schema as { description?: string }).description, `${module.name}.${name}`).to.match(/\.$/);
    }
  });

  it('has rules and free-form texts that name real arguments', () => {
    for (const module of allModules()) {
      const known = new Set(argumentNames(module).keys());
      const rules = module.rules ?? {};
      const named = [
        ...(module.freeForm === undefined ? [] : [module.freeForm]),
        ...[rules.mutuallyExclusive, rules.requiredTogether, rules.requiredOneOf]
          .flatMap(r => r ?? [])
          .flat(),
        ...(rules.requiredIf ?? []).flatMap(([argument, , needed]) => [argument, ...needed]),
      ];
      for (const name of named) expect(known.has(name), `${module.name}: ${name}`).to.equal(true);
    }
  });
});

describe('overlapping names', () => {
  const cases: readonly [string, string, boolean][] = [
    ['/etc/hosts', '/etc/hosts', true],
    ['/etc', '/etc/hosts', true],
    ['/etc/hosts', '/etc/', true],
    ['/', '/etc', true],
    ['/etc', '/etcetera', false],
    ['/etc/a', '/etc/b', false],
    ['user:bob', 'user:bobby', false],
    ['user:bob', 'user:bob', true],
  ];
  for (const [a, b, expected] of cases) {
    it(`${a} and ${b}: ${expected}`, () => {
      expect(overlap(a, b)).to.equal(expected);
      expect(overlap(b, a)).to.equal(expected);
    });
  }
});
