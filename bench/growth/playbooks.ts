import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Case } from './case.ts';

export const POLARPLAY = join(import.meta.dirname, '../../dist/polarplay.js');

/** The files of a project of some size: `site.yml`, an inventory in `hosts`, and others. */
type Project = (size: number) => Readonly<Record<string, string>>;

const numbers = (size: number): number[] => Array.from({ length: size }, (_, i) => i);
const lines = (size: number, line: (i: number) => string): string => numbers(size).map(line).join('\n');
const play = (rest: string, hosts = 'h0'): string => `- hosts: ${hosts}\n  gather_facts: false\n${rest}\n`;

const projects: Readonly<Record<string, Project>> = {
  tasks: size => ({
    'site.yml': play(`  tasks:\n${lines(size, i => `    - {name: t${i}, debug: {msg: "{{ ${i} }}"}}`)}`),
  }),
  'hosts, one task each': size => ({
    'site.yml': play('  tasks: [{name: t, debug: {msg: "{{ inventory_hostname }}"}}]', 'all'),
    hosts: lines(size, i => `h${i}`),
  }),
  'hosts that one task asks for a variable': size => ({
    'site.yml': play(
      `  tasks: [{name: t, debug: {msg: "{{ groups.all | map('extract', hostvars, 'x') | sum }}"}}]`,
    ),
    hosts: lines(size, i => `h${i} x=${i}`),
  }),
  'groups with one host each': size => ({
    'site.yml': play('  tasks: [{name: t, debug: {msg: "{{ groups | length }}"}}]'),
    hosts: lines(size, i => `[g${i}]\nh${i}\n[g${i}:vars]\nx=${i}`),
  }),
  'items of a loop': size => ({
    'site.yml': play(`  tasks: [{name: t, debug: {msg: "{{ item }}"}, loop: "{{ range(${size}) }}"}]`),
  }),
  'items of a registered loop, all looked at': size => ({
    'site.yml': play(`  tasks:
    - {name: t, set_fact: {x: "{{ item }}"}, loop: "{{ range(${size}) }}", register: r}
    - {name: u, debug: {msg: "{{ item.item }}"}, loop: "{{ r.results }}"}`),
  }),
  'variables, each used': size => ({
    'site.yml': play(
      `  vars:\n${lines(size, i => `    v${i}: "{{ w }}${i}"`)}\n    w: w\n  tasks:\n    - {name: t, debug: {msg: "{{ lookup('vars', 'v' ~ item) }}"}, loop: "{{ range(${size}) }}"}`,
    ),
  }),
  'included files of tasks': size => ({
    'site.yml': play(`  tasks: [{name: t, include_tasks: one.yml, loop: "{{ range(${size}) }}"}]`),
    'one.yml': '- {name: u, debug: {msg: "{{ item }}"}}\n',
  }),
  'imported files of tasks': size => ({
    'site.yml': play(`  tasks:\n${lines(size, i => `    - import_tasks: t${i}.yml`)}`),
    ...Object.fromEntries(numbers(size).map(i => [`t${i}.yml`, `- {name: t${i}, debug: {msg: x}}\n`])),
  }),
  roles: size => ({
    'site.yml': play(`  roles: [${numbers(size).map(i => `r${i}`)}]`),
    ...Object.fromEntries(
      numbers(size).flatMap(i => [
        [`roles/r${i}/tasks/main.yml`, `- {name: t${i}, debug: {msg: "{{ r${i}_x }}"}}\n`],
        [`roles/r${i}/defaults/main.yml`, `r${i}_x: ${i}\n`],
      ]),
    ),
  }),
  'handlers, each notified': size => ({
    'site.yml': play(
      `  tasks:\n${lines(size, i => `    - {name: t${i}, set_fact: {x: 1}, changed_when: true, notify: n${i}}`)}\n  handlers:\n${lines(size, i => `    - {name: n${i}, debug: {msg: x}}`)}`,
    ),
  }),
  'hosts that a loop adds': size => ({
    'site.yml': `${play(`  tasks: [{name: t, add_host: {name: "n{{ item }}", groups: [new, "g{{ item % 10 }}"], x: "{{ item }}"}, loop: "{{ range(${size}) }}"}]`)}${play('  tasks: [{name: u, debug: {msg: "{{ x }}"}}]', 'new')}`,
  }),
  'lines that a loop adds to one file': size => ({
    'site.yml': play(
      `  tasks: [{name: t, lineinfile: {path: "{{ playbook_dir }}/file", line: "line {{ item }}", create: true}, loop: "{{ range(${size}) }}"}]`,
    ),
  }),
  'lines of a template': size => ({
    'site.yml': play(`  tasks: [{name: t, debug: {msg: "{{ lookup('template', 'x.j2') | length }}"}}]`),
    'templates/x.j2': lines(size, i => `{% if ${i} %}{{ inventory_hostname }}{% endif %} ${i}`),
  }),
};

/** What whole runs on this machine cost, in seconds of the processor: others may keep it busy meanwhile. */
export const playbookCases: readonly Case[] = Object.entries(projects).map(([name, project]) => ({
  name,
  cost: async (size, directory) => {
    const dir = mkdtempSync(join(directory, 'run-'));
    const files = { hosts: 'h0', ...project(size) };
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, file)), { recursive: true });
      writeFileSync(join(dir, file), `${text}\n`);
    }
    return processorTime(dir);
  },
}));

/** Of a run, as the shell tells it of its children: `0m0.12s 0m0.03s` in its second line. */
function processorTime(dir: string): number {
  const script = '"$0" "$1" -i hosts -e ansible_connection=local site.yml > out 2>&1 || exit 1; times';
  const told = execFileSync('sh', ['-c', script, process.execPath, POLARPLAY], {
    cwd: dir,
    encoding: 'utf8',
  });
  const [, children = ''] = told.trim().split('\n');
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)]
    .map(([, minutes, seconds]) => 60_000 * Number(minutes) + 1000 * Number(seconds))
    .reduce((sum, ms) => sum + ms, 0);
}
