import path from 'node:path';
import { expect } from 'chai';
import { fileTree, loaderFor, loadTree } from '../../../test/support/load-playbook.ts';
import { SourceErrors } from '../../source/errors.ts';
import type { Value } from '../../source/value.ts';
import { NO_KEYWORDS } from '../inherit.ts';
import { titleOf } from '../listing.ts';
import { findFile, searchPath } from '../search.ts';
import { eachTask } from '../tasks/task-list.ts';
import type { Play, RoleInstance, TaskContext } from '../types.ts';

function playOf(files: Readonly<Record<string, string>>, extra?: Map<Value, Value>): Play {
  const { playbook, mistakes } = loadTree(files, extra);
  expect(mistakes).to.deep.equal([]);
  const [play] = playbook.plays;
  if (!play) throw new Error('no play');
  return play;
}

const titles = (play: Play) => [...eachTask(play.roleTasks)].map(titleOf);
const merged = (layers: RoleInstance['vars']) => Object.fromEntries(layers.flatMap(({ vars }) => [...vars]));
const roleOf = (play: Play, name: string) => play.roles.find(role => role.name === name) as RoleInstance;

const debug = (name: string) => `- {name: ${name}, debug: }\n`;

describe('roles of a play', () => {
  it('run their dependencies first, each once', () => {
    const play = playOf({
      'site.yml': '- hosts: all\n  roles: [a, b, a]\n',
      'roles/a/tasks/main.yml': debug('ta'),
      'roles/a/meta/main.yml': 'dependencies: [base]\n',
      'roles/b/tasks/main.yml': debug('tb'),
      'roles/b/meta/main.yml': 'dependencies: [{role: base}]\n',
      'roles/base/tasks/main.yml': debug('t0'),
    });
    expect(titles(play)).to.deep.equal(['base : t0', 'a : ta', 'b : tb']);
    expect(play.roles.map(({ name }) => name)).to.deep.equal(['base', 'a', 'b']);
  });

  const TWICE: readonly (readonly [string, string, string, number])[] = [
    ['other parameters', '[r, {role: r, p: 1}]', '', 2],
    ['other variables', '[r, {role: r, vars: {p: 1}}]', '', 2],
    ['other tags', '[r, {role: r, tags: t}]', '', 2],
    ['a condition', '[{role: r, when: x}, r]', '', 2],
    ['the same', '[{role: r, p: 1}, {role: r, p: 1}]', '', 1],
    ['the same, duplicates allowed', '[r, r]', 'allow_duplicates: yes\n', 2],
  ];
  for (const [title, roles, meta, times] of TWICE) {
    it(`run ${times === 1 ? 'once' : 'twice'} with ${title}`, () => {
      const play = playOf({
        'site.yml': `- hosts: all\n  roles: ${roles}\n`,
        'roles/r/tasks/main.yml': debug('t'),
        'roles/r/meta/main.yml': meta,
      });
      expect(titles(play)).to.have.length(times);
    });
  }

  it('keep a dependency that a condition may have kept from running', () => {
    const play = playOf({
      'site.yml': '- hosts: all\n  roles: [{role: a, when: x}, b]\n',
      'roles/a/meta/main.yml': 'dependencies: [base]\n',
      'roles/b/meta/main.yml': 'dependencies: [base]\n',
      'roles/base/tasks/main.yml': debug('t0'),
    });
    const [first, second] = [...eachTask(play.roleTasks)];
    expect(first?.role?.key).to.equal(second?.role?.key);
    expect(first?.role).not.to.equal(second?.role);
    expect([first?.when.length, second?.when.length]).to.deep.equal([1, 0]);
  });

  it('layer their variables: dependencies, roles above, their own', () => {
    const play = playOf({
      'site.yml': '- hosts: all\n  roles: [{role: a, p: param, vars: {v: entry, only: entry}}]\n',
      'roles/a/meta/main.yml': 'dependencies: [{role: dep, q: dep}]\n',
      'roles/a/defaults/main.yml': 'd: a\nx: a\n',
      'roles/a/vars/main.yml': 'v: a\n',
      'roles/dep/defaults/main.yml': 'd: dep\ny: dep\n',
      'roles/dep/vars/main.yml': 'v: dep\nw: dep\n',
    });
    const [a, dep] = [roleOf(play, 'a'), roleOf(play, 'dep')];
    expect(merged(a.defaults)).to.deep.equal({ d: 'a', y: 'dep', x: 'a' });
    expect(merged(dep.defaults)).to.deep.equal({ d: 'dep', x: 'a', y: 'dep' });
    expect(merged(a.vars)).to.deep.equal({ v: 'a', w: 'dep', only: 'entry' });
    expect(merged(dep.vars)).to.deep.equal({ v: 'dep', w: 'dep', only: 'entry' });
    expect(Object.fromEntries(a.params?.vars ?? [])).to.deep.equal({ p: 'param' });
    expect(Object.fromEntries(dep.params?.vars ?? [])).to.deep.equal({ p: 'param', q: 'dep' });
    expect(dep.parent).to.equal(a);
  });

  it('read vars and defaults from directories, and files of other endings', () => {
    const play = playOf({
      'site.yml': '- hosts: all\n  roles: [r]\n',
      'roles/r/vars/main/2.yml': 'x: 2\n',
      'roles/r/vars/main/1.yaml': 'x: 1\ny: 1\n',
      'roles/r/defaults/main': 'd: none\n',
      'roles/r/tasks/main.yaml': debug('t'),
    });
    expect(merged(roleOf(play, 'r').vars)).to.deep.equal({ x: 2, y: 1 });
    expect(merged(roleOf(play, 'r').defaults)).to.deep.equal({ d: 'none' });
    expect(titles(play)).to.deep.equal(['r : t']);
  });

  it('give their handlers before the play’s own, imported roles after them', () => {
    const play = playOf({
      'site.yml':
        '- hosts: all\n  roles: [r]\n  tasks: [{import_role: {name: i}}]\n  handlers: [{name: own, debug: }]\n',
      'roles/r/handlers/main.yml': debug('hr'),
      'roles/r/meta/main.yml': 'dependencies: [d]\n',
      'roles/d/handlers/main.yml': debug('hd'),
      'roles/i/handlers/main.yml': debug('hi'),
    });
    expect([...eachTask(play.handlers)].map(titleOf)).to.deep.equal(['d : hd', 'r : hr', 'own', 'i : hi']);
    expect(play.roles.map(({ name }) => name)).to.deep.equal(['d', 'r', 'i']);
  });

  it('check their arguments first', () => {
    const play = playOf({
      'site.yml': '- hosts: all\n  roles: [{role: r, a: 1}]\n',
      'roles/r/tasks/main.yml': debug('t'),
      'roles/r/meta/argument_specs.yml':
        'argument_specs: {main: {short_description: All of it, options: {a: {type: int}}}}\n',
    });
    const [check] = [...eachTask(play.roleTasks)];
    expect(check?.name).to.equal("Validating arguments against arg spec 'main' - All of it");
    expect(check).to.include({ implicit: 'argument_spec' });
    expect(check?.tags).to.deep.equal(['always']);
    expect(Object.fromEntries(check?.args.get('provided_arguments') as Map<string, number>)).to.deep.equal({
      a: 1,
    });
  });

  it('are found by path and by templates with extra variables', () => {
    const files = {
      'site.yml': '- hosts: all\n  roles: ["{{ which }}", ./other/place]\n',
      'roles/x/tasks/main.yml': debug('t'),
      'other/place/tasks/main.yml': debug('p'),
    };
    expect(titles(playOf(files, new Map([['which', 'x']])))).to.deep.equal(['x : t', './other/place : p']);
  });

  it('are found in the collections beside the playbook, and by short names inside one', () => {
    const root = 'collections/ansible_collections/my/coll/roles';
    const play = playOf({
      'site.yml': '- hosts: all\n  roles: [my.coll.web]\n',
      [`${root}/web/tasks/main.yml`]: `${debug('t')}- import_role: {name: db}\n`,
      [`${root}/db/tasks/main.yml`]: debug('d'),
    });
    expect(titles(play)).to.deep.equal(['my.coll.web : t', 'my.coll.db : d']);
  });
});

describe('roles loaded while running', () => {
  const files = {
    'site.yml': '- hosts: all\n',
    'roles/r/tasks/main.yml': debug('main'),
    'roles/r/tasks/other.yml': debug('other'),
    'roles/r/vars/v.yml': 'x: 1\n',
    'roles/r/meta/main.yml': 'dependencies: [d]\n',
    'roles/d/tasks/main.yml': debug('dep'),
  };
  const at = { file: 'site.yml', line: 1, col: 1 };

  it('bring dependencies, the file asked for, and what `apply` says', () => {
    const { dir, remove } = fileTree(files);
    const context: TaskContext = {
      keywords: NO_KEYWORDS,
      role: undefined,
      includedFrom: [path.join(dir, 'site.yml')],
      playDir: dir,
      handlers: false,
      apply: new Map<Value, Value>([
        ['tags', 'a, b'],
        ['become', true],
      ]),
    };
    const loaded = loaderFor().loadRole(
      { name: 'r', tasksFrom: 'other.yml', varsFrom: 'v', handlersFrom: 'main' },
      context,
      at,
    );
    remove();
    const tasks = [...eachTask(loaded.tasks)];
    expect(tasks.map(titleOf)).to.deep.equal(['d : dep', 'r : other']);
    expect(tasks.map(task => [task.tags, task.become?.value])).to.deep.equal([
      [['a', 'b'], true],
      [['a', 'b'], true],
    ]);
    const role = loaded.roles.at(-1)!;
    expect(loaded.roles.map(({ name }) => name)).to.deep.equal(['d', 'r']);
    expect(merged(role.vars)).to.deep.equal({ x: 1 });
    expect(role).to.include({ public: false, allowDuplicates: true });
  });

  it('say what is missing', () => {
    const { dir, remove } = fileTree(files);
    const context: TaskContext = {
      keywords: NO_KEYWORDS,
      role: undefined,
      includedFrom: [],
      playDir: dir,
      handlers: false,
    };
    const failing = (work: () => unknown) => {
      try {
        work();
      } catch (error) {
        if (error instanceof SourceErrors) return error.message;
        throw error;
      }
      return 'nothing';
    };
    expect(failing(() => loaderFor().loadRole({ name: 'r', tasksFrom: 'nope' }, context, at))).to.equal(
      'role has no file "tasks/nope"',
    );
    expect(failing(() => loaderFor().loadRole({ name: 'zz' }, context, at))).to.equal('no role "zz"');
    expect(failing(() => loaderFor().loadTaskFile(path.join(dir, 'zz.yml'), context))).to.contain(
      'does not exist',
    );
    remove();
  });
});

describe('where relative names lead', () => {
  it('in a role: its directory of the kind, the role, the files around, the play', () => {
    const play = playOf({
      'site.yml': '- hosts: all\n  roles: [r]\n',
      'roles/r/tasks/main.yml': '- import_tasks: sub/x.yml\n',
      'roles/r/tasks/sub/x.yml': debug('t'),
    });
    const [task] = [...eachTask(play.roleTasks)];
    if (!task) throw new Error('no task');
    const short = (kind: 'files' | 'tasks') =>
      searchPath({ ...task, playDir: play.dir }, kind).map(dir => path.relative(play.dir, dir) || '.');
    expect(short('files')).to.deep.equal([
      'roles/r/files',
      'roles/r',
      'roles/r/tasks/sub/files',
      'roles/r/tasks/sub',
      'roles/r/tasks/files',
      'roles/r/tasks',
      'files',
      '.',
    ]);
    expect(short('tasks').slice(0, 4)).to.deep.equal([
      'roles/r/tasks/sub/tasks',
      'roles/r/tasks/sub',
      'roles/r/tasks/tasks',
      'roles/r/tasks',
    ]);
  });

  it('absolute and home names lead nowhere else', () => {
    const from = { role: undefined, includedFrom: [], playDir: '/play' };
    expect(findFile(from, 'files', '/etc/nothing-here').searched).to.deep.equal(['/etc/nothing-here']);
    expect(findFile(from, 'files', '~/nothing-here').searched).to.have.length(1);
  });
});
