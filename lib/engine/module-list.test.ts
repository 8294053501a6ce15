import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { argumentNames } from '../modules/kit/arguments.ts';
import { type Module, TouchedNames } from '../modules/kit/define.ts';
import { allModules, findModule } from './module-list.ts';

const isModule = (value: unknown): value is Module =>
  typeof value === 'object' && value !== null && 'kind' in value && 'args' in value && 'summary' in value;

const FOLDERS = ['../modules', '../cluster/modules', './control'];

/** Every module that some file of the modules' folders exports. */
async function modulesOfFolders(): Promise<Map<Module, string>> {
  const found = new Map<Module, string>();
  for (const folder of FOLDERS) {
    for (const file of readdirSync(join(import.meta.dirname, folder), {
      recursive: true,
      encoding: 'utf8',
    })) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file.endsWith('index.ts')) continue;
      const exports = (await import(`${folder}/${file}`)) as Record<string, unknown>;
      for (const value of Object.values(exports).flat())
        if (isModule(value)) found.set(value, `${folder}/${file}`);
    }
  }
  return found;
}

/** Modules whose tests need one server, or make what another one uses: they share a test, which names them. */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  '../modules/databases/postgresql.test.ts': ['db', 'ext', 'ping', 'privs', 'user'].map(
    n => `postgresql_${n}`,
  ),
  '../modules/databases/mysql_query.test.ts': ['mysql_db', 'mysql_user'],
  '../modules/containers/docker_container.test.ts': ['docker_image'],
  '../modules/net/http.test.ts': ['get_url', 'uri'],
  '../modules/tls/tls.test.ts': [
    'openssh_keypair',
    'openssl_csr',
    'openssl_dhparam',
    'openssl_privatekey',
    'openssl_publickey',
    'x509_certificate',
  ],
};

/** The test of a module: beside it and of its name, or one that it shares. */
function testOf(name: string, file: string): string {
  const shared = Object.entries(SHARED).find(([, names]) => names.includes(name));
  return shared ? shared[0] : `${dirname(file)}/${name}.test.ts`;
}

describe('the list of modules', () => {
  it('has a test for each module that a host sees, of its name or shared by name', async () => {
    const wrong: string[] = [];
    for (const [module, file] of await modulesOfFolders()) {
      if (module.kind === 'control') continue;
      const test = join(import.meta.dirname, testOf(module.name, file));
      const text = existsSync(test) ? readFileSync(test, 'utf8') : '';
      const exported = module.name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
      // Some names are words of the language.
      if (!new RegExp(`\\b(${exported}|${module.name})\\w*\\b`).test(text))
        wrong.push(`${module.name} (${file}): write ${test}`);
    }
    expect(wrong).to.deep.equal([]);
  });

  it('holds every module of the folders, and nothing else', async () => {
    const inFolder = await modulesOfFolders();
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
      for (const [one, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const names = new TouchedNames();
        names.add(one);
        expect(names.overlaps(other)).to.equal(expected);
      }
    });
  }
});
