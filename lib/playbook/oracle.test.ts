import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { fileTree, loaderFor } from '../../test/support/load-playbook.ts';
import { sectionsOf, titleOf } from './listing.ts';
import { isSelected, selectByTags, type TagChoice } from './tags.ts';
import type { Playbook, TaskNode } from './types.ts';

/** Trees of files whose `site.yml` both programs list; `tags` are choices to list it with. */
interface Case {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  readonly tags?: readonly TagChoice[];
}

const only = (...names: string[]): TagChoice => ({ only: names, skip: [] });
const skip = (...names: string[]): TagChoice => ({ only: [], skip: names });

const TAGGED = `- hosts: all
  tags: play
  tasks:
  - {name: plain, debug: }
  - {name: a, debug: , tags: a}
  - {name: ab, debug: , tags: "a, b"}
  - {name: always, debug: , tags: [always]}
  - {name: never, debug: , tags: [never, c]}
  - block:
    - {name: in, debug: , tags: d}
    - {name: in2, debug: }
    tags: [e]
- hosts: web
  tasks:
  - {name: untagged, debug: }
  - {name: tagged, debug: , tags: x}
  - {name: both, debug: , tags: [always, never]}
`;

const CASES: readonly Case[] = [
  {
    title: 'tags',
    files: { 'site.yml': TAGGED },
    tags: [only('a'), { only: ['tagged', 'never'], skip: ['d'] }],
  },
  {
    title: 'sections, roles and dependencies',
    files: {
      'site.yml': `- name: Whole
  hosts: all
  pre_tasks: [{name: pre, debug: }]
  roles:
  - {role: web, tags: [w, x]}
  - role: db
    when: no
    tags: d
  tasks: [{debug: }, {name: last, command: ls}]
  post_tasks: [{name: post, debug: , tags: p}]
  handlers: [{name: h, debug: }]
`,
      'roles/web/meta/main.yml': 'dependencies: [{role: base, tags: b}]\n',
      'roles/web/tasks/main.yml': '- {name: install, debug: , tags: i}\n- debug:\n',
      'roles/web/handlers/main.yml': '- {name: rh, debug: }\n',
      'roles/base/tasks/main.yaml': '- {name: base it, debug: }\n',
      'roles/db/tasks/main.yml': '- {name: db it, debug: }\n- import_tasks: more.yml\n  tags: m\n',
      'roles/db/tasks/more.yml': '- {name: more, debug: , tags: mm}\n- include_tasks: later.yml\n',
      'roles/db/tasks/later.yml': '- {name: later, debug: }\n',
    },
    tags: [only('b'), skip('i', 'p')],
  },
  {
    title: 'imports in directories',
    files: {
      'site.yml': `- hosts: all
  vars: {dir: sub}
  tasks:
  - import_tasks: sub/a.yml
    tags: t
  - name: tpl
    import_tasks: "{{ dir }}/b.yml"
  - include_tasks: "{{ x }}.yml"
  - name: named include
    include_tasks: {file: x.yml, apply: {tags: q}}
    tags: r
`,
      'sub/a.yml': '- {name: a, debug: }\n- import_tasks: b.yml\n',
      'sub/b.yml': '- {name: b, debug: }\n- import_tasks: deep/c.yml\n',
      'sub/deep/c.yml': '- {name: c, debug: }\n',
      'x.yml': '[]\n',
    },
    tags: [only('t')],
  },
  {
    title: 'imported playbooks',
    files: {
      'site.yml': `- import_playbook: plays/one.yml
  tags: [p, q]
- name: two
  hosts: web:!db
  tasks: [{debug: }]
- ansible.builtin.import_playbook: plays/three.yml
  vars: {file: x}
`,
      'plays/one.yml':
        '- hosts: db\n  tags: own\n  tasks: [{name: one, debug: , tags: t}]\n- import_playbook: inner.yml\n  tags: i\n',
      'plays/inner.yml': '- hosts: all\n  gather_facts: no\n  roles: [r]\n',
      'plays/roles/r/tasks/main.yml': '- {name: in r, debug: }\n',
      'plays/three.yml': '- hosts: all\n  tasks:\n  - import_tasks: "{{ file }}.yml"\n',
      'plays/x.yml': '- {name: x, debug: }\n',
    },
    tags: [only('i')],
  },
  {
    title: 'import_role and include_role',
    files: {
      'site.yml': `- hosts: all
  tasks:
  - import_role: {name: r}
    tags: a
  - name: other file
    import_role: {name: r, tasks_from: other.yml}
  - include_role: {name: r}
    tags: b
  - name: named
    include_role: {name: r, apply: {tags: c}}
`,
      'roles/r/tasks/main.yml': '- {name: m, debug: , tags: z}\n',
      'roles/r/tasks/other.yml':
        '- {name: o, debug: }\n- block: [{name: blk, debug: }]\n  rescue: [{name: res, debug: }]\n  tags: k\n',
      'roles/r/meta/main.yml': 'dependencies: [dep]\n',
      'roles/dep/tasks/main.yml': '- {name: d, debug: }\n',
    },
    tags: [only('k')],
  },
  {
    title: 'argument specs',
    files: {
      'site.yml': '- hosts: all\n  roles: [{role: r, tags: x}, s]\n',
      'roles/r/tasks/main.yml': '- {name: m, debug: }\n',
      'roles/r/meta/argument_specs.yml':
        'argument_specs:\n  main:\n    short_description: The r\n    options: {a: {type: str}}\n  other: {}\n',
      'roles/s/tasks/main.yml': '- {name: s, debug: }\n',
      'roles/s/meta/main.yml': 'argument_specs: {main: {options: {b: {type: int}}}}\n',
    },
    tags: [only('nothing')],
  },
  {
    title: 'old forms',
    files: {
      'site.yml': `- hosts: all
  user: root
  tasks:
  - action: command ls
  - local_action: command ls
  - {name: fq, ansible.builtin.command: ls}
  - action: {module: debug, msg: x}
  - meta: flush_handlers
  - {name: m, meta: noop}
  - command: ls creates=/x
    args: {chdir: /}
`,
    },
  },
];

const HAVE_ANSIBLE = spawnSync('ansible-playbook', ['--version']).status === 0;

describe('lists of tasks, against ansible-playbook --list-tasks', function () {
  this.timeout(120_000);
  before(function () {
    if (HAVE_ANSIBLE) return;
    console.log('      skipped: ansible-core is not installed; runs where it is');
    this.skip();
  });

  for (const { title, files, tags = [] } of CASES) {
    it(title, () => {
      const { dir, remove } = fileTree(files);
      try {
        const playbook = loaderFor().loadPlaybook([path.join(dir, 'site.yml')]);
        for (const choice of [only(), ...tags])
          expect(ours(playbook, choice), JSON.stringify(choice)).to.equal(theirs(dir, choice));
      } finally {
        remove();
      }
    });
  }
});

describe('choice by tags, against Ansible', () => {
  it('selects the same', function () {
    if (!HAVE_ANSIBLE) this.skip();
    const tags = fc.subarray(['a', 'b', 'always', 'never', 'tagged']);
    const wanted = fc.subarray(['a', 'b', 'c', 'always', 'never', 'tagged', 'untagged', 'all'], {
      maxLength: 3,
    });
    const cases = fc.sample(fc.tuple(tags, wanted, wanted), { numRuns: 3000, seed: 5 });
    const script = `
import sys, json
from ansible.playbook.task import Task
out = []
for tags, only, skip in json.load(sys.stdin):
    task = Task()
    task.tags = tags
    out.append(task.evaluate_tags(set(only) or {'all'}, set(skip), {}))
print(json.dumps(out))`;
    const { stdout } = spawnSync('/usr/bin/python3', ['-c', script], {
      input: JSON.stringify(cases),
      encoding: 'utf8',
    });
    const theirs = JSON.parse(stdout) as boolean[];
    const different = cases.filter(([tags, only, skip], i) => isSelected(tags, { only, skip }) !== theirs[i]);
    expect(different).to.deep.equal([]);
  });
});

function theirs(dir: string, choice: TagChoice): string {
  const options = [
    ...choice.only.flatMap(tag => ['--tags', tag]),
    ...choice.skip.flatMap(tag => ['--skip-tags', tag]),
  ];
  const { stdout, stderr, status } = spawnSync(
    'ansible-playbook',
    ['--list-tasks', '-i', 'web,db,', ...options, 'site.yml'],
    {
      cwd: dir,
      encoding: 'utf8',
      env: { ...process.env, ANSIBLE_NOCOLOR: '1', ANSIBLE_DEPRECATION_WARNINGS: '0' },
    },
  );
  if (status !== 0) throw new Error(`ansible-playbook failed: ${stderr}`);
  const inOrder = (_: string, before: string, tags: string) =>
    `${before}[${tags.split(',').sort().join(',')}]`;
  return stdout
    .replace(/^\nplaybook: .*\n/, '')
    .replace(/( {2}play #.*)\[(.*)\]$/gm, inOrder)
    .trimEnd();
}

function ours({ plays }: Playbook, choice: TagChoice): string {
  const parts = plays.map((play, i) => {
    const hosts = Array.isArray(play.hosts.value) ? play.hosts.value.join(',') : String(play.hosts.value);
    const lines = sectionsOf(play).flatMap(section => listed(selectByTags(section, choice)));
    const tags = [...play.keywords.tags].sort().join(',');
    return [`\n  play #${i + 1} (${hosts}): ${play.name}\tTAGS: [${tags}]`, '    tasks:', ...lines].join(
      '\n',
    );
  });
  return parts.join('\n').trimEnd();
}

/** As ansible-playbook does, without rescue and always, and with the role's name only before names. */
function listed(nodes: readonly TaskNode[]): string[] {
  return nodes.flatMap(node => {
    if (node.kind === 'block') return listed(node.block);
    const title = node.name === undefined ? node.moduleName : titleOf(node);
    return [`      ${title}\tTAGS: [${[...node.tags].sort().join(', ')}]`];
  });
}
