import { homedir } from 'node:os';
import { expect } from 'chai';
import { loadTree } from '../../test/support/load-playbook.ts';

const play = (...lines: string[]) => ['- hosts: all', ...lines.map(line => `  ${line}`), ''].join('\n');
const tasks = (...lines: string[]) => play('tasks:', ...lines);

describe('mistakes in playbooks', () => {
  it('are left to the run where the author reckons with a failure', () => {
    for (const lines of [
      ['- debug: {mgs: x}', '  ignore_errors: true'],
      ['- debug: {mgs: x}', '  failed_when: false'],
      ['- block: [{debug: {mgs: x}}]', '  rescue: [{debug: {msg: x}}]'],
      ['- ignore_errors: true', '  block: [{debug: {mgs: x}}]'],
    ])
      expect(loadTree({ 'site.yml': tasks(...lines) }).mistakes, lines.join(' ')).to.deep.equal([]);
    const inRescue = tasks('- rescue: [{debug: {mgs: x}}]', '  block: []');
    expect(loadTree({ 'site.yml': inRescue }).warnings).to.have.lengthOf(1);
  });

  it('are warnings where a run may never come to them', () => {
    const bad = 'debug: {mgs: "{{ a | }}", msg: "{{ a | far.away.filter }}"}';
    const codes = (texts: readonly string[]) => texts.map(text => text.split(' ')[1]).sort();
    const three = ['TEMPLATE_SYNTAX', 'UNKNOWN_ARGUMENT', 'UNKNOWN_FILTER'];
    for (const lines of [
      [`- ${bad}`, '  when: false'],
      [`- block: [{${bad}}]`, '  when: x'],
      [`- ${bad}`, '  tags: never'],
      [`- ${bad}`, '  loop: "{{ x }}"'],
    ]) {
      const { mistakes, warnings } = loadTree({ 'site.yml': tasks(...lines) });
      expect([mistakes, codes(warnings)], lines.join(' ')).to.deep.equal([[], three]);
    }
    expect(codes(loadTree({ 'site.yml': tasks(`- ${bad}`) }).mistakes)).to.deep.equal(three);
    // The condition itself is evaluated.
    const { mistakes, warnings } = loadTree({ 'site.yml': tasks('- debug:', '  when: a = b') });
    expect([codes(mistakes), warnings]).to.deep.equal([['TEMPLATE_SYNTAX'], []]);
    const inPart = loadTree({ 'site.yml': tasks('- debug: {msg: "{{ 1 if a else b | nosuch }}"}') });
    expect([inPart.mistakes, codes(inPart.warnings)]).to.deep.equal([[], ['UNKNOWN_FILTER']]);
  });

  it('are not arguments that exclude each other when one may be omitted', () => {
    const both = (src: string) =>
      tasks(`- lineinfile: {path: /x, line: a, insertafter: b, insertbefore: ${src}}`);
    expect(loadTree({ 'site.yml': both('c') }).mistakes).to.have.lengthOf(1);
    expect(loadTree({ 'site.yml': both('"{{ c | default(omit) }}"') }).mistakes).to.deep.equal([]);
  });

  it('are files that are not there, unless the run may make them yet', () => {
    const missing = [
      '- include_tasks: no.yml',
      '- template: src=no.j2 dest=/x',
      '- unarchive: {src: no.tgz, dest: /x}',
    ];
    const { mistakes } = loadTree({ 'site.yml': tasks(...missing, '- script: no.sh a b') });
    expect(mistakes).to.have.lengthOf(4);
    expect(mistakes[1]).to.equal(
      'site.yml:4:15 FILE_NOT_FOUND no file "no.j2", looked for templates/no.j2, no.j2',
    );
    for (const lines of [
      ['- fetch: {src: /a, dest: b}'],
      ['- command: make', '  delegate_to: localhost'],
      ['- local_action: command make'],
    ]) {
      const made = loadTree({ 'site.yml': tasks(...lines, ...missing) });
      expect([made.mistakes, made.warnings.length], lines.join(' ')).to.deep.equal([[], 3]);
    }
    const fine = ['- copy: {content: x, dest: /x}', '- unarchive: {src: no.tgz, remote_src: yes, dest: /x}'];
    const there = loadTree({
      'site.yml': tasks(...fine, '- template: src=a.j2 dest=/x'),
      'templates/a.j2': '',
    });
    expect([there.mistakes, there.warnings]).to.deep.equal([[], []]);
  });

  const MISTAKES: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'unknown key of a play',
      play('gather_fact: no'),
      ['site.yml:2:3 UNKNOWN_KEY a play has no "gather_fact", did you mean "gather_facts"?'],
    ],
    [
      'no hosts',
      '- tasks: []\n',
      ['site.yml:1:3 MISSING_KEY this play names no hosts, add "hosts: all", or another pattern'],
    ],
    [
      'hosts that are nobody',
      '- hosts: [""]\n- hosts: ""\n- hosts: []\n',
      [1, 2, 3].map(
        line =>
          `site.yml:${line}:10 MISSING_KEY this play names no hosts, add "hosts: all", or another pattern`,
      ),
    ],
    [
      'no play',
      '[]\n',
      ['site.yml:1:1 MISSING_KEY a playbook must contain at least one play, begin it with "- hosts: …"'],
    ],
    [
      'a mapping as playbook',
      'hosts: all\n',
      ['site.yml:1:1 WRONG_TYPE a playbook must be a list of plays, begin it with "- hosts: …"'],
    ],
    [
      'text as play',
      '- all\n',
      ['site.yml:1:3 WRONG_TYPE a play must be a mapping, write "- hosts: …" and below it "tasks:"'],
    ],
    [
      'tasks that are not a list',
      play('tasks: {}'),
      ['site.yml:2:10 WRONG_TYPE "tasks" must be a list of tasks'],
    ],
    [
      'text as task',
      tasks('- x'),
      ['site.yml:3:5 WRONG_TYPE a task must be a mapping, write "- name: …" and below it the module'],
    ],
    [
      'no module',
      tasks('- name: x'),
      ['site.yml:3:5 MISSING_KEY this task names no module, add one, such as "command: ls"'],
    ],
    [
      'unknown module',
      tasks('- debgu: {}'),
      ['site.yml:3:5 UNKNOWN_MODULE no module "debgu", did you mean "debug"?'],
    ],
    [
      'misspelt keyword',
      tasks('- debug: msg=x', '  whn: y'),
      ['site.yml:4:5 UNKNOWN_KEY "whn" is neither a keyword of a task nor a module, did you mean "when"?'],
    ],
    [
      'argument too far left',
      tasks('- debug:', '  msg: x'),
      [
        'site.yml:4:5 UNKNOWN_KEY "msg" is neither a keyword of a task nor a module, indent it below "debug", whose argument it is',
      ],
    ],
    [
      'two modules',
      tasks('- debug: {}', '  fail: {}'),
      ['site.yml:4:5 CONFLICTING_KEYS one task calls two modules, "debug" and "fail", make two tasks of it'],
    ],
    [
      'action and a module',
      tasks('- action: debug', '  fail: {}'),
      ['site.yml:4:5 CONFLICTING_KEYS one task calls two modules, "debug" and "fail", make two tasks of it'],
    ],
    [
      'unknown argument',
      tasks('- debug: {mgs: x}'),
      ['site.yml:3:13 UNKNOWN_ARGUMENT module "debug" has no argument "mgs", did you mean "msg"?'],
    ],
    [
      'wrong type of an argument',
      tasks('- debug: {msg: x, verbosity: high}'),
      ['site.yml:3:32 WRONG_TYPE "verbosity" of module "debug" must be an integer, not "high"'],
    ],
    [
      'plain text for a module without',
      tasks('- debug: hello'),
      [
        'site.yml:3:12 BAD_VALUE module "debug" takes no plain text, write its arguments as "key: value" lines below it',
      ],
    ],
    [
      'the key that stands for plain text, for a module without',
      tasks('- debug: {_raw_params: hello}', '  when: false'),
      [
        'site.yml:3:26 BAD_VALUE module "debug" takes no plain text, write its arguments as "key: value" lines below it',
      ],
    ],
    [
      'the same in "args", for a module that is not available',
      tasks('- a.b.c:', '  args: {_raw_params: hello}'),
      [
        'site.yml:3:5 UNKNOWN_MODULE module "a.b.c" is not available, modules written in Python do not run here',
        'site.yml:4:25 BAD_VALUE module "a.b.c" takes no plain text, write its arguments as "key: value" lines below it',
      ],
    ],
    [
      'plain text for a module that Ansible lets run with it',
      tasks('- group_by: hello'),
      [
        'site.yml:3:15 BAD_VALUE module "group_by" takes no plain text, write its arguments as "key: value" lines below it',
        'site.yml:3:15 MISSING_ARGUMENT module "group_by" needs the argument "key"',
      ],
    ],
    [
      'a number for a module',
      tasks('- command: 1.0'),
      ['site.yml:3:14 WRONG_TYPE arguments of module "command" must be a mapping or text'],
    ],
    [
      'plain text in a task that never runs and may fail',
      tasks('- block:', '  - {ping: hello, ignore_errors: true}', '  rescue: []', '  when: false'),
      [
        'site.yml:4:14 BAD_VALUE module "ping" takes no plain text, write its arguments as "key: value" lines below it',
      ],
    ],
    [
      'a list for a module',
      tasks('- debug: [a]'),
      [
        'site.yml:3:12 WRONG_TYPE arguments of module "debug" must be a mapping or text, write "key: value" lines below "debug"',
      ],
    ],
    [
      'wrong type of a keyword',
      tasks('- debug:', '  become: maybe'),
      ['site.yml:4:13 WRONG_TYPE "become" must be true or false'],
    ],
    [
      'unknown key of loop_control',
      tasks('- debug:', '  loop: [1]', '  loop_control: {loop_vr: x}'),
      ['site.yml:5:20 UNKNOWN_KEY "loop_control" has no "loop_vr", did you mean "loop_var"?'],
    ],
    [
      'a bare name to loop over',
      tasks('- debug:', '  loop: items'),
      ['site.yml:4:11 WRONG_TYPE "loop" must be a list, or a template that gives one, write "{{ items }}"'],
    ],
    [
      'two loops',
      tasks('- debug:', '  loop: [1]', '  with_items: [2]'),
      ['site.yml:5:5 CONFLICTING_KEYS a task has one loop, not "loop" and "with_items"'],
    ],
    [
      'an empty loop',
      tasks('- debug:', '  with_items:'),
      ['site.yml:4:5 WRONG_TYPE "with_items" wants something to loop over'],
    ],
    [
      'rescue without block',
      tasks('- rescue: []'),
      ['site.yml:3:5 MISSING_KEY "rescue" and "always" belong to a "block", add "block:"'],
    ],
    [
      'loop on a block',
      tasks('- block: []', '  loop: [1]'),
      ['site.yml:4:5 UNKNOWN_KEY a block has no "loop", it belongs to a task'],
    ],
    [
      'a file that is not there',
      tasks('- import_tasks: x.yml'),
      ['site.yml:3:19 FILE_NOT_FOUND no file "x.yml", looked for tasks/x.yml, x.yml'],
    ],
    [
      'an import that loops',
      tasks('- import_tasks: x.yml', '  loop: [1]'),
      ['site.yml:4:11 CONFLICTING_KEYS "import_tasks" cannot loop, use "include_tasks"'],
    ],
    [
      'a keyword on an include',
      tasks('- include_tasks: "{{ x }}"', '  become: yes'),
      [
        'site.yml:4:5 UNKNOWN_KEY "include_tasks" takes no "become", put it under "apply" of the include to give it to the included tasks',
      ],
    ],
    [
      'an argument on an include',
      tasks('- include_tasks: {file: "{{ x }}", x: 1}'),
      [
        'site.yml:3:38 UNKNOWN_ARGUMENT "include_tasks" has no argument "x", give variables under "vars" of the task',
      ],
    ],
    [
      'a role that is not there',
      tasks('- import_role: {name: x}'),
      [
        'site.yml:3:18 UNKNOWN_ROLE no role "x", looked in roles, ~, /usr/share/ansible/roles, /etc/ansible/roles',
      ],
    ],
    [
      'a role without name',
      play('roles: [{when: x}]'),
      ['site.yml:2:11 WRONG_TYPE a role must be a name, or a mapping with "role"'],
    ],
    [
      'a role as handler',
      play('handlers:', '- include_role: {name: x}'),
      ['site.yml:3:19 BAD_VALUE a handler cannot include a role, use include_tasks'],
    ],
    [
      'listen outside of handlers',
      tasks('- debug:', '  listen: x'),
      [
        'site.yml:4:5 UNKNOWN_KEY "listen" is neither a keyword of a task nor a module, it belongs to a handler',
      ],
    ],
    [
      'a variable of a host in an import',
      tasks('- import_tasks: "{{ os }}.yml"'),
      [
        `site.yml:3:23 UNDEFINED_VARIABLE 'os' is undefined, imports are read before any host is contacted: only play vars and extra vars are known, include_tasks and include_role can use all`,
      ],
    ],
    [
      'a playbook that is not there',
      '- import_playbook: x.yml\n',
      ['site.yml:1:20 FILE_NOT_FOUND no playbook "x.yml", looked in .'],
    ],
    [
      'a playbook that imports itself',
      '- import_playbook: site.yml\n',
      ['site.yml:1:1 INCLUDE_LOOP "site.yml" imports itself'],
    ],
    [
      'unknown key of vars_prompt',
      play('vars_prompt: [{name: x, promt: y}]'),
      ['site.yml:2:27 UNKNOWN_KEY "vars_prompt" has no "promt", did you mean "prompt"?'],
    ],
    [
      'vars that are not a mapping',
      play('vars: [a]'),
      ['site.yml:2:10 WRONG_TYPE "vars" must be a mapping, write "name: value" lines below it'],
    ],
    [
      'a quote never closed',
      tasks('- debug: msg="x'),
      ['site.yml:3:12 BAD_VALUE a quote or a template is opened and never closed, quote the whole line'],
    ],
  ];
  for (const [title, text, expected] of MISTAKES)
    it(title, () => {
      const home = homedir();
      const { mistakes } = loadTree({ 'site.yml': text });
      expect(mistakes.map(line => line.replaceAll(`${home}/.ansible/roles`, '~'))).to.deep.equal(expected);
    });

  it('are found in all files at once', () => {
    const { mistakes } = loadTree({
      'site.yml': '- hosts: all\n  roles: [a]\n  tasks:\n  - nix: {}\n- import_playbook: other.yml\n',
      'other.yml': play('foo: bar'),
      'roles/a/tasks/main.yml': '- debug: {x: y}\n',
      'roles/a/handlers/main.yml': '- {}\n',
      'roles/a/defaults/main.yml': '- 1\n',
      'roles/a/meta/main.yml': 'dependencies: [b]\n',
    });
    expect(mistakes.map(line => line.split(' ').slice(0, 2).join(' '))).to.have.members([
      'roles/a/meta/main.yml:1:16 UNKNOWN_ROLE',
      'roles/a/defaults/main.yml:1:1 WRONG_TYPE',
      'roles/a/tasks/main.yml:1:11 UNKNOWN_ARGUMENT',
      'roles/a/handlers/main.yml:1:3 MISSING_KEY',
      'site.yml:4:5 UNKNOWN_MODULE',
      'other.yml:2:3 UNKNOWN_KEY',
    ]);
  });

  it('says where imports go round in a circle', () => {
    const { mistakes } = loadTree({
      'site.yml': tasks('- import_tasks: a.yml'),
      'a.yml': '- import_tasks: b.yml\n',
      'b.yml': '- import_tasks: a.yml\n',
    });
    expect(mistakes).to.deep.equal([
      'b.yml:1:17 INCLUDE_LOOP "a.yml" imports itself, use include_tasks with a condition that ends it',
    ]);
  });

  it('says where roles depend on each other', () => {
    const { mistakes } = loadTree({
      'site.yml': play('roles: [a]'),
      'roles/a/meta/main.yml': 'dependencies: [b]\n',
      'roles/b/meta/main.yml': 'dependencies: [a]\n',
    });
    expect(mistakes).to.deep.equal([
      'roles/b/meta/main.yml:1:16 INCLUDE_LOOP role "a" depends on itself, take it out of the dependencies of one of the roles',
    ]);
  });
});
