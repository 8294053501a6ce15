import { expect } from 'chai';
import { loadTree } from '../../test/support/load-playbook.ts';
import { coerceArguments } from '../modules/kit/arguments.ts';
import type { ModuleContext } from '../modules/kit/define.ts';
import { type Json, toPlain } from '../source/value.ts';
import { tasksOf as listTasks, matchesStart, missingHandlers, titleOf } from './listing.ts';
import { eachTask } from './tasks/task-list.ts';
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
    ['facts', ['- set_fact: a=1 b=yes'], 'set_fact', { a: '1', b: true }],
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

describe('modules that exist, and that we cannot run', () => {
  it('are refused where a run is certain to come to them, named as a warning elsewhere', () => {
    const { mistakes, warnings } = loadTree({
      'library/mine.py': '',
      'roles/r/library/its_own.py': '',
      'roles/r/tasks/main.yml': '- its_own: {a: 1}\n- mine: a=1\n  when: x\n- other: {}\n  when: x\n',
      'site.yml': tasks(
        '- block: [{far.cloud.vm: {}}]',
        '  rescue: [{far.cloud.vm: {}}]',
        '- far.cloud.vm: {}',
        '  ignore_errors: true',
      ).replace('  tasks:', '  roles: [r]\n  tasks:'),
    });
    expect(mistakes).to.deep.equal([
      'roles/r/tasks/main.yml:1:3 UNKNOWN_MODULE module "its_own" is not available, modules written in Python do not run here',
      'roles/r/tasks/main.yml:4:3 UNKNOWN_MODULE no module "other"',
    ]);
    expect(warnings.map(text => text.replace(/ UNKNOWN_MODULE module (".*") is not.*/, ' $1'))).to.deep.equal(
      [
        'roles/r/tasks/main.yml:2:3 "mine"',
        ...['site.yml:4:14 "far.cloud.vm"', 'site.yml:5:15 "far.cloud.vm"', 'site.yml:6:5 "far.cloud.vm"'],
      ],
    );
  });

  it('fail when they run, whatever their arguments', () => {
    for (const lines of [
      ['- far.cloud.vm: {size: 3}'],
      ['- far.cloud.vm: size=3'],
      ['- far.cloud.vm:', '  args: {size: 3}'],
    ]) {
      const { module, args } = oneTask(...lines, '  when: x');
      if (module.kind !== 'action') throw new Error('expected an action');
      const { args: coerced, problems } = coerceArguments(module, toPlain(args) as Record<string, Json>);
      expect(problems).to.deep.equal([]);
      expect(() => module.run(coerced, {} as ModuleContext).next()).to.throw(
        'module "far.cloud.vm" is not available',
      );
    }
  });

  it('do not hide other mistakes of their task', () => {
    expect(
      loadTree({ 'site.yml': tasks('- far.cloud.vm: {}', '  when: x', '  whn: x') }).mistakes,
    ).to.deep.equal([
      'site.yml:5:5 UNKNOWN_KEY "whn" is neither a keyword of a task nor a module, did you mean "when"?',
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
