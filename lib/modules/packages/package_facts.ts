import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { addTo, emptyRecord } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';

type Package = { [field: string]: Json };

interface Manager {
  readonly name: string;
  /** Succeeds where the manager is the host's. */
  readonly test: string;
  readonly list: string;
  readonly parse: (row: string) => Package | undefined;
}

const fields = (row: string) => row.split('\t');

const MANAGERS: readonly Manager[] = [
  {
    name: 'apt',
    test: 'command -v dpkg-query && [ -s /var/lib/dpkg/status ]',
    list: `dpkg-query -W -f='\${binary:Package}\\t\${Version}\\t\${Architecture}\\t\${Section}\\t\${db:Status-Status}\\n'`,
    parse: row => {
      const [name = '', version = '', arch = '', category = '', status] = fields(row);
      // Only packages of another architecture carry it in their name.
      return status === 'installed'
        ? { name: partAt(name.split(':'), 0), version, arch, category }
        : undefined;
    },
  },
  {
    name: 'rpm',
    test: 'command -v rpm',
    list: `rpm -qa --qf '%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%{EPOCH}\\t%{ARCH}\\n'`,
    parse: row => {
      const [name = '', version = '', release = '', epoch = '', arch = ''] = fields(row);
      if (name === '') return undefined;
      return {
        name,
        version,
        release,
        epoch: /^\d+$/.test(epoch) ? Number(epoch) : null,
        arch: arch === '(none)' ? null : arch,
      };
    },
  },
  {
    name: 'pacman',
    test: 'command -v pacman',
    list: 'pacman -Q',
    parse: row => {
      const [name = '', version = ''] = row.split(' ');
      return name === '' ? undefined : { name, version };
    },
  },
  {
    name: 'apk',
    test: 'command -v apk',
    list: 'apk info -v',
    parse: row => {
      const found = /^(.+)-([^-]+)-([^-]+)$/.exec(row);
      return found
        ? { name: partAt(found, 1), version: partAt(found, 2), release: partAt(found, 3) }
        : undefined;
    },
  },
];

function packagesOf(manager: Manager, text: string): Map<string, Package[]> {
  const found = new Map<string, Package[]>();
  for (const row of text.split('\n')) {
    const entry = manager.parse(row);
    if (!entry) continue;
    const name = String(entry.name);
    addTo(found, name, { ...entry, source: manager.name });
  }
  return found;
}

export const packageFacts = defineAction({
  name: 'package_facts',
  summary: 'Reads which packages are installed into the fact `packages`.',
  examples: `
- name: Learn which packages are installed
  package_facts: {}
- name: Refuse a host that has another server
  assert:
    that: "'postgresql-14' not in ansible_facts.packages"
    fail_msg: remove postgresql-14 first
`,
  args: Type.Object({
    manager: A.list('Package managers to ask, in order: apt, rpm, pacman, apk, or auto.', {
      default: ['auto'],
    }),
    strategy: A.choice(['first', 'all'], 'Stop at the first manager the host has, or ask all.', {
      default: 'first',
    }),
  }),
  returns: {
    ansible_facts:
      'packages: name → list of installed versions, each with name, version, arch, source and the like.',
  },
  differences: ['The origin of a Debian package is not given.'],
  readOnly: true,
  batch: true,

  *run({ manager, strategy }) {
    const names = manager.flatMap(name =>
      name === 'auto' ? MANAGERS.map(m => m.name) : [name.toLowerCase()],
    );
    const unknown = names.filter(name => !MANAGERS.some(m => m.name === name));
    if (unknown.length > 0)
      throw new ModuleError(`Unsupported package managers requested: ${unknown.join(', ')}`);
    const wanted = [...new Set(names)].map(name =>
      defined(
        MANAGERS.find(m => m.name === name),
        'the arguments allow these names only',
      ),
    );
    const stop = strategy === 'first' ? '; exit 0' : '';
    const script = wanted.map(
      m => `if { ${m.test}; } >/dev/null 2>&1; then begin ${m.name}; ${m.list}${stop}; fi`,
    );
    const records = yield* ask(script.join('\n'));
    const told = wanted.filter(m => records.has(m.name));
    if (told.length === 0)
      throw new ModuleError(
        `Could not detect a supported package manager from the following list: ${names.join(', ')}`,
      );
    const packages = emptyRecord<Json>();
    for (const m of told) {
      const found = packagesOf(m, records.text(m.name) ?? '');
      for (const [key, list] of found) packages[key] = list;
    }
    return { changed: false, ansible_facts: { packages } };
  },
});
