import { homedir } from 'node:os';
import { expect } from 'chai';
import { coerceArguments } from '../modules/args.ts';
import type { ModuleContext } from '../modules/module.ts';
import { type Json, toPlain } from '../source/value.ts';
import {
  tasksOf as listTasks,
  matchesStart,
  missingHandlers,
  titleOf,
  unavailableModules,
} from './listing.ts';
import { eachTask } from './task-list.ts';
import { loadTree } from './testing.ts';
import type { Task } from './types.ts';

const play = (...lines: string[]) => ['- hosts: all', ...lines.map(line => `  ${line}`), ''].join('\n');
const tasks = (...lines: string[]) => play('tasks:', ...lines);

/** The tasks section of `site.yml` with these lines, and other files beside it. */
function tasksOf(lines: readonly string[], files: Readonly<Record<string, string>> = {}): Task[] {
  const { playbook, mistakes } = loadTree({ ...files, 'site.yml': tasks(...lines) });
  expect(mistakes).to.deep.equal([]);
  return [...eachTask(playbook.plays[0]?.tasks ?? [])];
}

function oneTask(...lines: string[]): Task {
  const [task] = tasksOf(lines);
  if (!task) throw new Error('no task');
  return task;
}

const values = (list: readonly { readonly value: unknown }[]) => list.map(({ value }) => value);

describe('mistakes in playbooks', () => {
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
      'tasks that are no list',
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
      tasks('- include_tasks: x.yml', '  become: yes'),
      [
        'site.yml:4:5 UNKNOWN_KEY "include_tasks" takes no "become", put it under "apply" of the include to give it to the included tasks',
      ],
    ],
    [
      'an argument on an include',
      tasks('- include_tasks: {file: x.yml, x: 1}'),
      [
        'site.yml:3:34 UNKNOWN_ARGUMENT "include_tasks" has no argument "x", give variables under "vars" of the task',
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
      'a block as handler',
      play('handlers:', '- block: []'),
      [
        'site.yml:3:5 BAD_VALUE a handler cannot be a block, write its tasks as handlers that listen to one topic',
      ],
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
        'site.yml:3:23 UNDEFINED_VARIABLE "os" is undefined, imports are read before any host is contacted: only play vars and extra vars are known, include_tasks and include_role can use all',
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
      'vars that are no mapping',
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

describe('forms of a task', () => {
  const FORMS: readonly (readonly [string, string[], string, Record<string, unknown>])[] = [
    ['a mapping', ['- copy: {src: a, dest: b}'], 'copy', { src: 'a', dest: 'b' }],
    ['k=v', ['- copy: src=a dest="b c"'], 'copy', { src: 'a', dest: 'b c' }],
    ['a full name', ['- ansible.builtin.copy: src=a dest=b'], 'copy', { src: 'a', dest: 'b' }],
    ['a legacy name', ['- ansible.legacy.copy: src=a dest=b'], 'copy', { src: 'a', dest: 'b' }],
    ['action as text', ['- action: copy src=a dest=b'], 'copy', { src: 'a', dest: 'b' }],
    ['action as mapping', ['- action: {module: copy, src: a, dest: b}'], 'copy', { src: 'a', dest: 'b' }],
    [
      'action with args',
      ['- action: {module: copy src=a, args: {dest: b}}'],
      'copy',
      { src: 'a', dest: 'b' },
    ],
    ['args below', ['- copy: src=a', '  args: {src: z, dest: b}'], 'copy', { src: 'a', dest: 'b' }],
    ['no arguments', ['- debug:'], 'debug', {}],
    ['meta', ['- meta: flush_handlers'], 'meta', { action: 'flush_handlers' }],
    ['facts', ['- set_fact: a=1 b=yes'], 'set_fact', { a: '1', b: 'yes' }],
  ];
  for (const [title, lines, module, args] of FORMS) {
    it(title, () => {
      const task = oneTask(...lines);
      expect(task.module.name).to.equal(module);
      expect(Object.fromEntries(task.args)).to.deep.equal(args);
    });
  }

  it('local_action runs on the control machine', () => {
    const task = oneTask('- local_action: copy src=a dest=b', '  delegate_to: other');
    expect(task.delegateTo?.value).to.equal('localhost');
    expect(Object.fromEntries(task.args)).to.deep.equal({ src: 'a', dest: 'b' });
  });

  it('arguments in one template are kept for the run', () => {
    expect(oneTask('- copy: "{{ all }}"').argsTemplate?.value).to.equal('{{ all }}');
    const task = oneTask('- copy: src=a', '  args: "{{ more }}"');
    expect(task.argsTemplate?.value).to.equal('{{ more }}');
    expect(Object.fromEntries(task.args)).to.deep.equal({ src: 'a' });
  });

  it('keeps what is evaluated later, with its place', () => {
    const task = oneTask(
      '- debug:',
      '  register: r',
      '  until: r is success',
      '  retries: 5',
      '  delay: 1',
      '  changed_when: no',
      '  failed_when: [a, b]',
      '  async: 10',
      '  poll: 0',
    );
    expect(task.register).to.equal('r');
    expect(task.until).to.deep.include({ value: 'r is success' });
    expect(task.until?.at).to.include({ line: 5, col: 12 });
    expect(
      [task.retries, task.delay, task.changedWhen, task.failedWhen, task.async, task.poll].map(
        one => one?.value,
      ),
    ).to.deep.equal([5, 1, false, ['a', 'b'], 10, 0]);
  });

  it('knows all of a loop', () => {
    const { loop } = oneTask(
      '- debug:',
      '  with_dict: "{{ d }}"',
      '  loop_control:',
      '    loop_var: x',
      '    index_var: i',
      '    label: "{{ x.key }}"',
      '    pause: 2',
      '    extended: yes',
      '    extended_allitems: no',
      '    break_when: x.key == 3',
    );
    expect(loop).to.deep.include({ kind: 'dict', loopVar: 'x', indexVar: 'i', extendedAllitems: false });
    expect(
      [loop?.items, loop?.label, loop?.pause, loop?.extended, loop?.breakWhen].map(one => one?.value),
    ).to.deep.equal(['{{ d }}', '{{ x.key }}', 2, true, 'x.key == 3']);
    expect(oneTask('- debug:', '  loop: [1, 2]').loop).to.deep.include({
      kind: 'loop',
      loopVar: 'item',
      extendedAllitems: true,
    });
  });
});

describe('what tasks inherit', () => {
  it('joins conditions, tags, variables and environments, outermost first', () => {
    const [task] = tasksOf([
      '- block:',
      '  - debug:',
      '    when: [c, d]',
      '    tags: "t2, t3"',
      '    vars: {x: 2}',
      '    environment: {B: 2}',
      '  when: a',
      '  tags: [t1, t2]',
      '  vars: {x: 1}',
      '  environment: {A: 1}',
      '  notify: n',
      '  become_user: u',
    ]);
    expect(values(task?.when ?? [])).to.deep.equal(['a', 'c', 'd']);
    expect(task?.tags).to.deep.equal(['t1', 't2', 't3']);
    expect(task?.vars.map(({ vars }) => vars.get('x'))).to.deep.equal([1, 2]);
    expect(
      values(task?.environment ?? []).map(value => [...(value as Map<string, number>).keys()]),
    ).to.deep.equal([['A'], ['B']]);
    expect(values(task?.notify ?? [])).to.deep.equal(['n']);
    expect(task?.becomeUser?.value).to.equal('u');
  });

  it('takes the innermost of what can only be one', () => {
    const { playbook } = loadTree({
      'site.yml': play(
        'become: yes',
        'remote_user: a',
        'no_log: yes',
        'tasks:',
        '- block:',
        '  - debug:',
        '    no_log: no',
        '  remote_user: b',
      ),
    });
    const [task] = [...eachTask(playbook.plays[0]?.tasks ?? [])];
    expect([task?.become, task?.remoteUser, task?.noLog].map(one => one?.value)).to.deep.equal([
      true,
      'b',
      false,
    ]);
  });

  it('gives all of an import to what it imports, and of an include what stands around it', () => {
    const [imported, include] = tasksOf(
      [
        '- import_tasks: a.yml',
        '  when: x',
        '  become: yes',
        '  vars: {v: 1}',
        '  tags: t',
        '- block:',
        '  - include_tasks: a.yml',
        '    when: y',
        '    tags: u',
        '  when: z',
      ],
      { 'a.yml': '- debug: msg=1\n' },
    );
    expect(values(imported?.when ?? [])).to.deep.equal(['x']);
    expect([imported?.become?.value, imported?.tags, imported?.vars[0]?.vars.get('v')]).to.deep.equal([
      true,
      ['t'],
      1,
    ]);
    expect(imported?.includedFrom.map(file => file.split('/').at(-1))).to.deep.equal(['site.yml', 'a.yml']);
    expect(values(include?.when ?? [])).to.deep.equal(['z', 'y']);
    expect(values(include?.outer.when ?? [])).to.deep.equal(['z']);
    expect(include?.outer.tags).to.deep.equal([]);
  });

  it('gives what stands beside the file of an old include to its tasks', () => {
    const [task] = tasksOf(['- include: a.yml x=1', '  when: w'], { 'a.yml': '- debug: msg=1\n' });
    expect(task?.vars.map(({ vars }) => vars.get('x'))).to.deep.equal(['1']);
    expect(values(task?.when ?? [])).to.deep.equal(['w']);
    const [dynamic] = tasksOf(['- include: "{{ f }}.yml"']);
    expect(dynamic?.module.name).to.equal('include_tasks');
  });

  it('finds imported files by names with play variables, extra variables before them', () => {
    const files = { 'a.yml': '- debug: msg=a\n', 'b.yml': '- debug: msg=b\n', 'v.yml': 'which: b\n' };
    const text = play('vars: {which: a}', 'tasks:', '- import_tasks: "{{ which }}.yml"');
    const message = (extra?: Map<string, string>, site = text) => {
      const { playbook, mistakes } = loadTree({ ...files, 'site.yml': site }, extra);
      expect(mistakes).to.deep.equal([]);
      return [...eachTask(playbook.plays[0]?.tasks ?? [])][0]?.args.get('msg');
    };
    expect(message()).to.equal('a');
    expect(message(new Map([['which', 'b']]))).to.equal('b');
    expect(
      message(undefined, play('vars_files: v.yml', 'tasks:', '- import_tasks: "{{ which }}.yml"')),
    ).to.equal('b');
  });
});

describe('ids of tasks', () => {
  it('are unique and the same each time', () => {
    const ids = () =>
      tasksOf(['- import_tasks: a.yml', '- import_tasks: a.yml', '- debug:'], {
        'a.yml': '- debug:\n- debug:\n',
      }).map(({ id }) => id.replace(/.*playbook-\w+\//, ''));
    expect(ids()).to.deep.equal(['a.yml:1', 'a.yml:2', 'a.yml:1#2', 'a.yml:2#2', 'site.yml:5']);
    expect(ids()).to.deep.equal(ids());
  });
});

describe('imported playbooks', () => {
  it('take on conditions, tags and variables of the import', () => {
    const { playbook, mistakes } = loadTree({
      'site.yml': '- import_playbook: sub/one.yml\n  when: a\n  tags: t\n  vars: {v: 1}\n- hosts: web\n',
      'sub/one.yml':
        '- name: one\n  hosts: db\n  vars: {v: 0}\n  tags: own\n  tasks:\n  - debug:\n    when: b\n',
    });
    expect(mistakes).to.deep.equal([]);
    const [one, two] = playbook.plays;
    expect([one?.name, two?.name]).to.deep.equal(['one', 'web']);
    expect(one?.dir.endsWith('/sub')).to.equal(true);
    expect(one?.vars.map(({ vars }) => vars.get('v'))).to.deep.equal([0, 1]);
    const [task] = [...eachTask(one?.tasks ?? [])];
    expect(values(task?.when ?? [])).to.deep.equal(['a', 'b']);
    expect(task?.tags).to.deep.equal(['t', 'own']);
    expect(titleOf(task as Task)).to.equal('debug');
  });

  it('are found in the collection they belong to', () => {
    const { playbook, mistakes } = loadTree({
      'galaxy.yml': 'namespace: my\nname: coll\n',
      'site.yml': '- import_playbook: my.coll.deploy\n',
      'playbooks/deploy.yml': '- hosts: all\n  roles: [my.coll.web]\n',
      'roles/web/tasks/main.yml': '- debug:\n',
    });
    expect(mistakes).to.deep.equal([]);
    expect(playbook.plays[0]?.roles[0]).to.include({ name: 'web', fullName: 'my.coll.web' });
  });
});

describe('modules of collections that are not there', () => {
  it('fail when they run, whatever their arguments', () => {
    for (const lines of [
      ['- far.cloud.vm: {size: 3}'],
      ['- far.cloud.vm: size=3 x'],
      ['- far.cloud.vm:', '  args: {size: 3}'],
    ]) {
      const { module, args } = oneTask(...lines);
      if (module.kind !== 'action') throw new Error('expected an action');
      const { args: coerced, problems } = coerceArguments(module, toPlain(args) as Record<string, Json>);
      expect(problems).to.deep.equal([]);
      expect(() => module.run(coerced, {} as ModuleContext).next()).to.throw(
        'module "far.cloud.vm" is not available',
      );
    }
  });

  it('are named by the lists of the linter', () => {
    const { playbook } = loadTree({ 'site.yml': tasks('- debug:', '- far.cloud.vm: {}') });
    const [only, ...more] = unavailableModules(playbook, name => name === 'debug');
    expect(more).to.deep.equal([]);
    expect(only?.message).to.equal('module "far.cloud.vm" is not available');
    expect(only?.position).to.include({ line: 4, col: 5 });
  });

  it('do not hide other mistakes of their task', () => {
    expect(loadTree({ 'site.yml': tasks('- far.cloud.vm: {}', '  whn: x') }).mistakes).to.deep.equal([
      'site.yml:4:5 UNKNOWN_KEY "whn" is neither a keyword of a task nor a module, did you mean "when"?',
    ]);
  });

  it('are mistakes below ansible.builtin', () => {
    expect(loadTree({ 'site.yml': tasks('- ansible.builtin.debgu: {}') }).mistakes[0]).to.contain(
      'UNKNOWN_MODULE',
    );
  });
});

describe('handlers that nobody defines', () => {
  const found = (...lines: string[]) =>
    missingHandlers(loadTree({ 'site.yml': play(...lines) }).playbook).map(({ message, hint }) => [
      message,
      hint,
    ]);

  it('are found where that can be known', () => {
    expect(
      found('tasks:', '- debug:', '  notify: restrat', 'handlers:', '- {name: restart, debug: }'),
    ).to.deep.equal([['no handler is called "restrat" or listens to it', 'did you mean "restart"?']]);
    expect(
      found(
        'tasks:',
        '- debug:',
        '  notify: [a, b, "{{ c }}"]',
        'handlers:',
        '- {name: x, debug: , listen: [a, b]}',
      ),
    ).to.deep.equal([]);
    expect(found('tasks:', '- debug:', '  notify: a', '- include_role: {name: x}')).to.deep.equal([]);
  });
});

describe('--start-at-task', () => {
  it('takes names, role names and globs', () => {
    const { playbook } = loadTree({
      'site.yml': play('roles: [r]', 'tasks:', '- {name: Last one, debug: }'),
      'roles/r/tasks/main.yml': '- {name: First, debug: }\n',
    });
    const matching = (pattern: string) =>
      (playbook.plays[0] ? listTasks(playbook.plays[0]) : [])
        .filter(task => matchesStart(task, pattern))
        .map(titleOf);
    expect(matching('First')).to.deep.equal(['r : First']);
    expect(matching('r : First')).to.deep.equal(['r : First']);
    expect(matching('Last*')).to.deep.equal(['Last one']);
    expect(matching('*o*')).to.deep.equal(['Last one']);
    expect(matching('last')).to.deep.equal([]);
  });
});
