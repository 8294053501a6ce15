import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type Json, toPlain, type Value } from '../source/value.ts';
import { FileReader } from '../source/yaml/read-yaml.ts';
import { loadInventory } from './load-inventory.ts';

interface Case {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  readonly sources: readonly string[];
  readonly patterns?: readonly string[];
}

const INI = `lone ansible_host=10.0.0.1
alias:2222 x=1
; comment
[web]
web[01:03].ex.org http_port=80 max='x y' flag=True  # a comment
web[5:9:2] l="['a', 1]"
[db]
db-[a:c] q="it's" esc=a\\ b
[empty]
[prod:children]
web
db
[prod:vars]
x=1.0
text=foo # bar
five=5 # five
list=[1, 'two']
bool=false
path=/a=b/c
tpl="{{ x }}"
oct=0644
[top:children]
prod
[all:vars]
everywhere=yes
`;

const YAML = `all:
  vars: {a: all, b: all, c: all}
  hosts:
    lone: {c: host}
  children:
    web:
      hosts:
        w[1:3]: {port: 80}
        w4:
      vars: {b: web}
    db:
      hosts: d1
      children:
        shard:
          hosts: {d2: , w1: }
          vars: {b: shard, ansible_group_priority: 5}
    zeta:
      vars: {b: zeta}
      hosts: {w1: }
    ungrouped:
      hosts: {u1: }
`;

const DYNAMIC = `#!/bin/sh
case $1 in
--list) cat <<'END'
{"g": {"hosts": ["a", "b"], "vars": {"x": 1}, "children": ["h"]}, "h": ["c"], "solo": {"y": 2}END_META}
END
;;
--host) echo "{\\"me\\": \\"$2\\"}";;
esac
`;

const CASES: readonly Case[] = [
  {
    title: 'INI',
    files: { hosts: INI },
    sources: ['hosts'],
    patterns: [
      ...[
        'all',
        '*',
        'web',
        'prod',
        'top',
        'web:db',
        'db:web',
        'web,db',
        'web:!web5',
        'prod:&web',
        'all:!prod',
        '!web',
        '&db',
      ],
      ...[
        'web[0]',
        'web[-1]',
        'web[1:]',
        'web[1:2]',
        'web[0:1]',
        'web*[0]',
        'web*',
        'w*',
        '*.ex.org',
        'web0[12]*',
        'web0[!1]*',
      ],
      ...[
        '~web\\d$',
        '~(lone|db-a)',
        'lone',
        'nope',
        'nope:web',
        'ungrouped',
        'empty',
        'localhost',
        'db-a:lone',
        'lone:db-a:lone',
      ],
      ...[
        'prod[2]',
        'all[0]',
        'all[-2]',
        'db[0]:web[0]',
        'web[0],db[1:]',
        'alias',
        'lone:localhost',
        'a?ias',
      ],
    ],
  },
  {
    title: 'YAML',
    files: { 'hosts.yml': YAML },
    sources: ['hosts.yml'],
    patterns: ['web', 'db', 'shard', 'w1', 'w?', 'all:!ungrouped', 'web:&shard', 'db[0]', 'z*', '*a*'],
  },
  {
    title: 'JSON',
    files: {
      'hosts.json': '{"web": {"hosts": {"a": {"x": 1.5, "y": [1, null]}}, "vars": {"z": "{{ a }}"}}}',
    },
    sources: ['hosts.json'],
  },
  {
    title: 'files of variables',
    files: {
      'inv/hosts':
        '[web]\nh1 a=line\nh2\n[db]\nh1\n[prod:children]\nweb\ndb\n[web:vars]\na=g\nb=g\nc=g\nd=g\n[all:vars]\na=all\ne=all\n',
      'inv/group_vars/all.yml': 'a: all file\ne: all file\nf: all file\n',
      'inv/group_vars/web/b.yml': 'c: dir b\nd: dir b\n',
      'inv/group_vars/web/a.yaml': 'c: dir a\nn: dir a\n',
      'inv/group_vars/web/sub/z': 'd: nested\n',
      'inv/group_vars/web/.hidden.yml': 'n: hidden\n',
      'inv/group_vars/web/old.yml~': 'n: old\n',
      'inv/group_vars/web/notes.txt': 'n: notes\n',
      'inv/group_vars/db': 'k: no extension\n',
      'inv/group_vars/prod.json': '{"j": "json", "c": "prod"}',
      'inv/host_vars/h1.yml': 'a: host file\nq: !!str 5\nm: 0644\n',
      'inv/host_vars/h2/x.yml': 'w: 1\n',
      'play/group_vars/all.yml': 'f: play all\ng: play all\n',
      'play/group_vars/web.yml': 'd: play web\n',
      'play/host_vars/h1.yaml': 'r: play host\nw: 2\n',
    },
    sources: ['inv/hosts'],
  },
  {
    title: 'a directory of inventories',
    files: {
      'inv/10-first': '[a]\nx v=1\n',
      'inv/20-second.yml': 'b: {hosts: {x: {v: 2}, y: }, vars: {from: second}}\n',
      'inv/ignored.ini': '[c]\nz\n',
      'inv/notes.md': '# x\n',
      'inv/sub/30-third': '[a]\ny\n[a:vars]\nfrom=third\n',
      'inv/group_vars/a.yml': 'g: 1\n',
      'inv/host_vars/y.yml': 'h: 1\n',
    },
    sources: ['inv'],
    patterns: ['a', 'b', 'all'],
  },
  {
    title: 'several sources, the later one wins',
    files: {
      'one/hosts': '[g]\nh v=1 w=1\n',
      'two/hosts': '[g]\nh v=2\ni\n',
      'one/group_vars/g.yml': 'x: one\ny: one\n',
      'two/group_vars/g.yml': 'x: two\n',
    },
    sources: ['one/hosts', 'two/hosts'],
    patterns: ['g', 'all'],
  },
  {
    title: 'a list',
    files: { 'group_vars/all.yml': 'x: 1\n' },
    sources: ['web1,web2:2200, 10.0.0.1 ,::1'],
    patterns: ['all', 'web*', '10.*'],
  },
  {
    title: 'a program with _meta',
    files: { 'inv.sh': DYNAMIC.replace('END_META', ', "_meta": {"hostvars": {"a": {"z": [1, "x"]}}}') },
    sources: ['inv.sh'],
    patterns: ['g', 'h', 'solo'],
  },
  {
    title: 'a program without _meta',
    files: { 'inv.sh': DYNAMIC.replace('END_META', '') },
    sources: ['inv.sh'],
  },
  {
    title: 'depth, priority and names decide between groups',
    files: {
      hosts:
        '[a]\nh\n[b]\nh\n[c:children]\na\n[d]\nh\n[a:vars]\nv=a\n[b:vars]\nv=b\nansible_group_priority=10\n[c:vars]\nv=c\nw=c\n[d:vars]\nw=d\nx=d\n[b:vars]\nx=b\n',
    },
    sources: ['hosts'],
  },
  {
    title: 'implicit localhost by its address',
    files: { hosts: 'a\n' },
    sources: ['hosts'],
    patterns: ['127.0.0.1'],
  },
  {
    title: 'localhost in the inventory',
    files: { hosts: 'localhost ansible_connection=ssh\n[g]\nother\n' },
    sources: ['hosts'],
    patterns: ['localhost', '127.0.0.1', 'all', 'all:!localhost'],
  },
  {
    title: 'a group of groups with hosts of its own',
    files: {
      'hosts.yaml':
        'top:\n  hosts: {t: }\n  children:\n    mid:\n      hosts: {m: }\n      children: {low: {hosts: {l: {k: v}, t: }}}\nlow:\n  vars: {late: yes}\n',
    },
    sources: ['hosts.yaml'],
    patterns: ['top', 'mid', 'low', 'all:!low'],
  },
  {
    title: 'sections in any order',
    files: { hosts: '[p:children]\nlater\n[later:vars]\nv=1\n[later]\nx\ny z=1\n[p]\nq\n' },
    sources: ['hosts'],
    patterns: ['p', 'later'],
  },
  {
    title: 'constructed groups and variables',
    files: {
      hosts:
        '[web]\nweb1.ex.org role=front disk=80\nweb2.ex.org role=front disk=20\n[db]\ndb1 role=data extra="{{ role }}-1"\n[db:vars]\nport=5432\n',
      'made.yml': [
        'plugin: ansible.builtin.constructed',
        'compose:',
        '  short: inventory_hostname_short ~ "!"',
        '  double: ((disk | int) * 2) | string',
        '  text: "\'a\' ~ role"',
        '  list: "[role, group_names]"',
        '  none: nothing.at.all',
        '  late: short',
        'groups:',
        '  not-a name: "inventory_hostname is match(\'web\')"',
        '  big: disk is defined and disk | int > 50',
        '  front: role == "front"',
        '  composed: text == "adata"',
        '  sql: "\'db\' in group_names"',
        '  never: nothing > 1',
        '',
      ].join('\n'),
    },
    sources: ['hosts', 'made.yml'],
    patterns: ['big', 'sql:front', 'composed', 'never', 'all'],
  },
  {
    title: 'keyed groups of texts, lists and mappings',
    files: {
      'hosts.yml':
        'all: {hosts: {h0: {os: "", kind: a-b, roles: [db, ""], tags: {name: h0, status: ""}, extra: "{{ kind }}"}, h1: {os: deb, roles: [], tags: {}}}}\n',
      'made.yml': [
        'plugin: constructed',
        'keyed_groups:',
        '  - {key: os, prefix: os, default_value: none}',
        '  - {key: os, parent_group: "{{ os }}_all"}',
        '  - {key: roles, prefix: role, default_value: storage, parent_group: roles}',
        '  - {key: tags, prefix: tag, trailing_separator: false}',
        '  - {key: tags, separator: ":"}',
        '  - {key: extra, prefix: extra, separator: ""}',
        '  - {key: nothing, prefix: x}',
        '  - {key: "\'7é.ü\'", separator: "", parent_group: "9 a"}',
        '',
      ].join('\n'),
      'plain.yml': 'plugin: constructed\nleading_separator: false\nkeyed_groups: [{key: os}, {key: kind}]\n',
    },
    sources: ['hosts.yml', 'made.yml', 'plain.yml'],
    patterns: ['os_deb', 'roles', 'deb'],
  },
  {
    title: 'a constructed inventory that sees files of variables',
    files: {
      'inv/10-hosts': '[stuff]\nh1\nh2\n',
      'inv/20-made.yml':
        'plugin: constructed\nuse_vars_plugins: true\nkeyed_groups: [{key: zone, prefix: z}, {key: rack}]\n',
      'inv/group_vars/stuff.yml': 'zone: north\n',
      'inv/host_vars/h2.yml': 'rack: r7\n',
      'two/made.yml': 'plugin: constructed\nkeyed_groups: [{key: zone, prefix: unseen}]\n',
    },
    sources: ['inv', 'two/made.yml'],
    patterns: ['z_north', '_r7'],
  },
];

const PYTHON = `
import sys, json, os
from ansible.parsing.dataloader import DataLoader
from ansible.inventory.manager import InventoryManager
from ansible.vars.manager import VariableManager
HIDDEN = {'playbook_dir','ansible_playbook_python','group_names','inventory_hostname','inventory_hostname_short','groups','omit','ansible_version','ansible_check_mode','ansible_diff_mode','ansible_config_file','ansible_forks','ansible_inventory_sources','ansible_run_tags','ansible_skip_tags','ansible_verbosity','inventory_file','inventory_dir','ansible_facts','environment'}
def plain(v):
    if isinstance(v, dict): return {str(k): plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)): return [plain(x) for x in v]
    return v
out = []
for case in json.load(sys.stdin):
    os.chdir(case['dir'])
    loader = DataLoader()
    loader.set_basedir(os.path.join(case['dir'], 'play'))
    inv = InventoryManager(loader=loader, sources=case['sources'])
    vm = VariableManager(loader=loader, inventory=inv)
    row = {'groups': {g: [h.name for h in grp.get_hosts()] for g, grp in inv.groups.items()}, 'vars': {}, 'patterns': {}}
    for h in inv.hosts.values():
        v = vm.get_vars(host=h, include_hostvars=False)
        row['vars'][h.name] = {k: plain(x) for k, x in v.items() if k not in HIDDEN}
        row['vars'][h.name]['(groups)'] = [g.name for g in sorted(h.get_groups(), key=lambda g: (g.depth, g.priority, g.name))]
    for p in case['patterns']:
        try: row['patterns'][p] = [h.name for h in inv.get_hosts(p)]
        except Exception as e: row['patterns'][p] = 'error'
    out.append(row)
print(json.dumps(out))
`;

interface Found {
  readonly groups: Record<string, string[]>;
  readonly vars: Record<string, Record<string, Json>>;
  readonly patterns: Record<string, string[] | 'error'>;
}

describe('inventories, against Ansible', function () {
  this.timeout(120_000);
  const dir = realpathSync(mkdtempSync(path.join(tmpdir(), 'inventory-')));
  let theirs: Found[] = [];

  before(function () {
    const python = '/usr/bin/python3';
    if (spawnSync(python, ['-c', 'import ansible']).status !== 0) {
      console.log('      skipped: ansible-core is not installed; runs where it is');
      this.skip();
    }
    const input = CASES.map(({ files, sources, patterns = [] }, i) => ({
      dir: writeFiles(path.join(dir, String(i)), files),
      sources,
      patterns,
    }));
    const run = spawnSync(python, ['-c', PYTHON], {
      input: JSON.stringify(input),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, PYTHONHASHSEED: '0' },
    });
    if (run.status !== 0) throw new Error(run.stderr);
    theirs = JSON.parse(run.stdout) as Found[];
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  for (const [i, { title, sources, patterns = [] }] of CASES.entries()) {
    it(title, () => {
      const ours = found(path.join(dir, String(i)), sources, patterns);
      expect(ours.groups).to.deep.equal(theirs[i]?.groups);
      expect(ours.vars).to.deep.equal(theirs[i]?.vars);
      expect(ours.patterns).to.deep.equal(theirs[i]?.patterns);
    });
  }
});

function writeFiles(dir: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(dir, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (text.startsWith('#!')) chmodSync(file, 0o755);
  }
  mkdirSync(path.join(dir, 'play'), { recursive: true });
  return dir;
}

function found(dir: string, sources: readonly string[], patterns: readonly string[]): Found {
  const absolute = sources.map(source => (source.includes(',') ? source : path.join(dir, source)));
  const inventory = loadInventory(absolute, new FileReader());
  const varsOf = (host: string): Record<string, Json> => {
    const merged = new Map<Value, Value>();
    for (const { vars } of inventory.layers(host, [path.join(dir, 'play')]))
      for (const [key, value] of vars) merged.set(key, value);
    merged.delete('inventory_file');
    merged.delete('inventory_dir');
    merged.set('(groups)', [...(inventory.hosts.get(host)?.groups ?? [])]);
    return toPlain(merged) as Record<string, Json>;
  };
  return {
    groups: Object.fromEntries(
      [...inventory.groups.keys()].map(group => [group, [...inventory.hostsOf(group)]]),
    ),
    vars: Object.fromEntries([...inventory.hosts.keys()].map(host => [host, varsOf(host)])),
    patterns: Object.fromEntries(
      patterns.map(pattern => [pattern, selected(() => inventory.select(pattern))]),
    ),
  };
}

function selected(select: () => readonly string[]): string[] | 'error' {
  try {
    return [...select()];
  } catch {
    return 'error';
  }
}
