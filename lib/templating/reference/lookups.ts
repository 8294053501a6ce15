import type { Entries } from './entry.ts';

/** What each lookup gives, on the control machine, and an example that a test evaluates. */
export const LOOKUP_ENTRIES: Entries = {
  cartesian: ['Each item of a list with each of the others.', "query('cartesian', [1, 2], ['a'])"],
  config: ['A setting of Ansible.', undefined],
  csvfile: [
    'A cell of a table in a file, by the first column.',
    "lookup('csvfile', 'db1 file=hosts.csv delimiter=,')",
  ],
  dict: ['A mapping as keys and values.', "query('dict', {'a': 1})"],
  env: ['An environment variable.', "lookup('env', 'HOME')"],
  file: ['The content of a file below files/.', "lookup('file', 'banner.txt')"],
  fileglob: ['Files that a pattern means, below files/.', "query('fileglob', 'conf/*.conf')"],
  first_found: [
    'The first file of a list that is there.',
    "lookup('first_found', ['a.conf', 'default.conf'])",
  ],
  flattened: ['Lists as one list.', "query('flattened', [1, [2]])"],
  indexed_items: ['Items with their numbers.', "query('indexed_items', ['a'])"],
  ini: ['A value of an INI file.', "lookup('ini', 'user', section='client', file='my.cnf')"],
  inventory_hostnames: ['The hosts that a pattern means.', "query('inventory_hostnames', 'nodes:!rw1')"],
  items: ['The items as they are, lists among them opened once.', "query('items', [1, [2]])"],
  lines: ['The lines that a command prints.', "query('lines', 'ls')"],
  list: ['The terms as they are.', "query('list', 1, 2)"],
  nested: ['Each item of a list with each of the others.', "query('nested', [1, 2], ['a'])"],
  password: [
    'A password from a file, made at the first time.',
    "lookup('password', 'credentials/db length=20')",
  ],
  pipe: ['What a command prints.', "lookup('pipe', 'date')"],
  random_choice: ['One item by chance.', undefined],
  random_string: ['A text by chance, of so many characters.', undefined],
  sequence: ['Numbers from start to end, in a format.', "query('sequence', 'start=1 end=3')"],
  subelements: [
    'Each mapping of a list with each item of a list in it.',
    "query('subelements', [{'n': 1, 'l': [2]}], 'l')",
  ],
  template: ['A template file, filled in.', "lookup('template', 'motd.j2')"],
  together: ['The items of lists side by side.', "query('together', [1, 2], ['a', 'b'])"],
  unvault: ['The content of an encrypted file.', "lookup('unvault', 'secret.txt')"],
  url: ['What a server answers.', "lookup('url', 'http://localhost/health')"],
  varnames: ['The names of variables that match.', "query('varnames', '^db_')"],
  vars: ['The value of a variable by its name.', "lookup('vars', 'db_' ~ 'port', default=5432)"],
};
