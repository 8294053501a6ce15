import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { hintsBehind } from '../../test/support/mistake-text.ts';
import { SourceErrors, UsageError } from '../source/errors.ts';
import { formatSourceError } from '../source/render.ts';
import type { Dict, Value } from '../source/value.ts';
import { Vault } from '../source/vault.ts';
import { FileReader } from '../source/yaml/read-yaml.ts';
import { loadInventory } from './load-inventory.ts';
import type { Inventory } from './types.ts';

const dir = realpathSync(mkdtempSync(path.join(tmpdir(), 'inventory-')));
after(() => rmSync(dir, { recursive: true }));

function write(name: string, text: string, mode = 0o644): string {
  const file = path.join(dir, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

function mistakes(name: string, text: string, mode?: number): string[] {
  const file = write(name, text, mode);
  try {
    loadInventory([file], new FileReader());
  } catch (error) {
    if (error instanceof SourceErrors)
      return error.errors.map(one =>
        hintsBehind(formatSourceError(one, () => undefined)).replaceAll(`${dir}/`, ''),
      );
    throw error;
  } finally {
    rmSync(file);
  }
  return [];
}

const load = (text: string): Inventory => loadInventory([write('hosts', text)], new FileReader());

describe('mistakes in inventories', () => {
  const INI: readonly (readonly [string, string])[] = [
    ['[web\nh', 'hosts:1:1 BAD_INVENTORY "[web": "[" is never closed'],
    [
      '[we b]\nh',
      'hosts:1:1 BAD_INVENTORY "[we b]" is not a section, write [group], [group:vars] or [group:children], without spaces',
    ],
    [
      '[web:childen]\nh',
      'hosts:1:1 BAD_INVENTORY unknown kind of section ":childen", did you mean "children"?',
    ],
    [
      'h a',
      'hosts:1:1 BAD_INVENTORY expected name=value, not "a", one host a line; quote values with spaces',
    ],
    ['\n  h a="b', 'hosts:2:3 BAD_INVENTORY a quote is opened and never closed'],
    ['w[1:3', 'hosts:1:1 BAD_INVENTORY "w[1:3": "[" is never closed'],
    ['w[3:a]', 'hosts:1:1 BAD_INVENTORY "w[3:a]": a range wants numbers or single letters'],
    ['w[c:a]', 'hosts:1:1 BAD_INVENTORY "w[c:a]": the end of the range lies before its beginning'],
    [
      'w[01:100]',
      'hosts:1:1 BAD_INVENTORY "w[01:100]": with leading zeros, both ends of a range must be of one length',
    ],
    ['w[1:]', 'hosts:1:1 BAD_INVENTORY "w[1:]": the end of the range is missing'],
    ['w[1:9999999]', 'hosts:1:1 BAD_INVENTORY "w[1:9999999]": more than 100000 hosts in one range'],
    ['[a:vars]\nx', 'hosts:2:1 BAD_INVENTORY expected name=value, not "x"'],
    ['[a:vars]\nx=1', 'hosts:1:1 BAD_INVENTORY variables for "a", which is not a group'],
    ['[a:children]\nb', 'hosts:2:1 BAD_INVENTORY "b" is not a group'],
    [
      '[a:children]\nb\n[b:children]\na',
      'hosts:4:1 BAD_INVENTORY groups "b" and "a" contain each other, take one of the two out of "children"',
    ],
    [
      '[a:children]\na',
      'hosts:2:1 BAD_INVENTORY group "a" is a child of itself, take one of the two out of "children"',
    ],
  ];
  for (const [text, expected] of INI)
    it(JSON.stringify(text), () => expect(mistakes('hosts', text)).to.deep.equal([expected]));

  const YAML: readonly (readonly [string, string])[] = [
    ['web:\n  host: {a: }', 'x.yml:2:3 UNKNOWN_KEY group "web" has no "host", did you mean "hosts"?'],
    ['all:\n  childern: {}', 'x.yml:2:3 UNKNOWN_KEY group "all" has no "childern", did you mean "children"?'],
    [
      'web:\n  hosts: [a, b]',
      'x.yml:2:10 BAD_INVENTORY "hosts" of group "web" must be a mapping, write each name with a colon after it, without "- "',
    ],
    [
      'web:\n  vars: x',
      'x.yml:2:9 BAD_INVENTORY "vars" of group "web" must be a mapping, write "name: value" lines',
    ],
    [
      'web: a',
      'x.yml:1:6 BAD_INVENTORY group "web" must be a mapping, below it come "hosts:", "vars:" and "children:"',
    ],
    ['web:\n  hosts:\n    5: ', 'x.yml:3:5 BAD_INVENTORY the name of a host must be text, not 5, quote it'],
    [
      'web:\n  hosts:\n    a: b',
      'x.yml:3:8 BAD_INVENTORY variables of host "a" must be a mapping, write "name: value" lines below it',
    ],
    [
      'web:\n  hosts:\n    "a[1:b]": ',
      'x.yml:3:5 BAD_INVENTORY "a[1:b]": a range wants numbers or single letters',
    ],
    [
      'a: {children: {b: {children: {a: }}}}',
      'x.yml:1:16 BAD_INVENTORY groups "a" and "b" contain each other, take one of the two out of "children"',
    ],
    [
      'plugin: aws_ec2',
      'x.yml:1:9 BAD_INVENTORY the inventory plugin "aws_ec2" is not supported, "constructed" is, use an executable inventory that prints JSON',
    ],
    [
      'plugin: constructed\ngroup: {a: b}',
      'x.yml:2:1 UNKNOWN_KEY "constructed" has no "group", did you mean "groups"?',
    ],
    [
      'plugin: constructed\ngroups: {a: b ==}',
      'x.yml:2:17 TEMPLATE_SYNTAX unexpected end of the text, expected an expression',
    ],
    [
      'plugin: constructed\ngroups: [a]',
      'x.yml:2:9 BAD_INVENTORY "groups" must be a mapping of names to expressions',
    ],
    [
      'plugin: constructed\nkeyed_groups: [a]',
      'x.yml:2:16 BAD_INVENTORY an entry of "keyed_groups" must be a mapping with "key"',
    ],
    [
      'plugin: constructed\nkeyed_groups: [{key: a, default_value: b, trailing_separator: false}]',
      'x.yml:2:16 BAD_INVENTORY "default_value" and "trailing_separator" exclude each other',
    ],
    [
      '- a',
      'x.yml:1:1 BAD_INVENTORY an inventory must be a mapping of groups, begin it with "all:" and "hosts:" below',
    ],
    ['a: {{ b }}', 'x.yml:1:4 YAML_SYNTAX a value that starts with "{{" must be quoted, write "{{ b }}"'],
  ];
  for (const [text, expected] of YAML)
    it(JSON.stringify(text), () => expect(mistakes('x.yml', text)).to.deep.equal([expected]));

  const PROGRAMS: readonly (readonly [string, number, string])[] = [
    [
      '#!/bin/sh\necho',
      0o644,
      'inv:1:1 BAD_INVENTORY a program as inventory must be executable, run chmod +x inv',
    ],
    ['#!/bin/sh\necho x', 0o755, 'inv:1:1 BAD_INVENTORY "inv --list" prints no JSON'],
    ['#!/bin/sh\necho oops >&2; exit 3', 0o755, 'inv:1:1 BAD_INVENTORY "inv --list" ended with 3: oops'],
    [
      '#!/bin/sh\necho "{\\"g\\": {\\"hosts\\": 5}}"',
      0o755,
      'inv:1:1 BAD_INVENTORY "hosts" of group "g" must be a list',
    ],
    ['#!/bin/sh\necho "[]"', 0o755, 'inv:1:1 BAD_INVENTORY "inv --list" must print a JSON object'],
  ];
  for (const [text, mode, expected] of PROGRAMS) {
    it(JSON.stringify(text), () =>
      expect(mistakes('inv', text, mode)[0]).to.satisfy((line: string) => line.startsWith(expected)),
    );
  }

  it('expands ranges in lists, and leaves other brackets', () => {
    const { hosts } = loadInventory(['web1,db[1:3],[::1]:22,odd[x]'], new FileReader());
    expect([...hosts.keys()]).to.deep.equal(['web1', 'db1', 'db2', 'db3', '::1', 'odd[x]']);
  });

  it('of a source that is not there', () => {
    expect(() => loadInventory([path.join(dir, 'nothing')], new FileReader())).to.throw(
      UsageError,
      'does not exist',
    );
  });

  it('in a file of variables', () => {
    write('group_vars/all.yml', '- 1\n');
    const inventory = load('a\n');
    expect(() => inventory.layers('a', [])).to.throw('a file of variables must hold a mapping');
    rmSync(path.join(dir, 'group_vars'), { recursive: true });
  });
});

describe('an inventory', () => {
  it('grows while a run goes on', () => {
    const inventory = load('[web]\na\n');
    inventory.addHost('new', ['web', 'made'], new Map<Value, Value>([['x', 1]]));
    inventory.addHost('loose', [], new Map());
    expect(inventory.select('web')).to.deep.equal(['a', 'new']);
    expect(inventory.select('made')).to.deep.equal(['new']);
    expect(inventory.select('ungrouped')).to.deep.equal(['loose']);
    expect([...(inventory.hosts.get('new')?.groups ?? [])]).to.deep.equal(['all', 'made', 'web']);
    inventory.addHost('loose', ['web'], new Map());
    expect(inventory.select('ungrouped')).to.deep.equal([]);
    inventory.addToGroup('a', 'os_debian', ['os']);
    expect(inventory.select('os')).to.deep.equal(['a']);
    expect(inventory.groups.get('os')?.children).to.deep.equal(['os_debian']);
  });

  it('says which parts of a pattern match nothing', () => {
    const unmatched: string[] = [];
    load('[web]\na\n').select('web:nope:z*:all', part => unmatched.push(part));
    expect(unmatched).to.deep.equal(['nope', 'z*']);
  });

  it('reads patterns from a file', () => {
    const file = write('limit.retry', 'a\n# c\n\nb\n');
    expect(load('a\nb\nc\n').select(`@${file}`)).to.deep.equal(['a', 'b']);
    expect(() => load('a\n').select('@/nothing/here')).to.throw(UsageError);
  });

  it('refuses patterns that make no sense', () => {
    const inventory = load('[web]\na\n');
    expect(() => inventory.select('~(')).to.throw('is not a regular expression');
    expect(() => inventory.select('web[5]')).to.throw('asks for more hosts');
  });

  it('decrypts files of variables', () => {
    const vault = new Vault([{ id: 'default', password: Buffer.from('pw') }]);
    write('host_vars/a.yml', vault.encrypt(Buffer.from('secret: 5\n')));
    const inventory = loadInventory([write('hosts', 'a\n')], new FileReader(vault));
    const layer = inventory.layers('a', []).find(({ source }) => source.endsWith('host_vars/a.yml'));
    expect(layer?.vars.get('secret')).to.equal(5);
    expect(() => load('a\n').layers('a', [])).to.throw('no vault password');
    rmSync(path.join(dir, 'host_vars'), { recursive: true });
  });

  it('names the place of every layer', () => {
    const inventory = load('[web]\na x=1\n[web:vars]\ny=1\n');
    expect(inventory.layers('a', []).map(({ source }) => source)).to.deep.equal([
      'inventory, group web',
      'inventory, host a',
    ]);
    expect(inventory.layers('localhost', [])).to.deep.equal([]);
  });
});

describe('the inventory plugin constructed', () => {
  const HOSTS = 'web1 n=5 tier=front\ndb1 tier=\n';
  const build = (text: string, extraVars: Dict = new Map()): Inventory => {
    const files = [write('hosts', HOSTS), write('made.yml', `plugin: constructed\n${text}`)];
    return loadInventory(files, new FileReader(), { extraVars });
  };
  const refusal = (text: string): string => {
    try {
      build(text);
    } catch (error) {
      if (error instanceof SourceErrors) return error.errors.map(({ message }) => message).join('\n');
      throw error;
    }
    return 'accepted';
  };

  it('leaves out what a host has no variable for', () => {
    const made = build('compose: {twice: n * 2}\ngroups: {big: n > 3}');
    expect(made.hosts.get('web1')?.vars.get('twice')).to.equal(10);
    expect(made.hosts.get('db1')?.vars.has('twice')).to.equal(false);
    expect(made.hostsOf('big')).to.deep.equal(['web1']);
  });

  it('says where that happens if it is strict', () => {
    expect(refusal('strict: true\ncompose: {twice: n * 2}')).to.match(
      /^"twice" can't be computed for host "db1": .*\bn\b.* is undefined/,
    );
    expect(refusal('strict: true\nkeyed_groups: [{key: tier}]')).to.equal('"tier" is empty for host "db1"');
  });

  it('takes extra vars if it is told to', () => {
    const extra: Dict = new Map([['limit', 4]]);
    const rule = 'groups: {big: (n | default(0)) > limit}';
    expect(build(`use_extra_vars: true\n${rule}`, extra).hostsOf('big')).to.deep.equal(['web1']);
    expect(build(rule, extra).hostsOf('big')).to.deep.equal([]);
  });

  it('refuses a key that is no text', () => {
    expect(refusal('keyed_groups: [{key: n}]')).to.equal(
      'the key "n" gives a number, not a text, a list or a mapping',
    );
  });
});
