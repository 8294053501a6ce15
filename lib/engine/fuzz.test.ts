import { expect } from 'chai';
import fc from 'fast-check';
import { mutated } from '../../test/support/mutated.ts';
import { trial } from '../../test/support/run-playbook.ts';
import { SourceError, SourceErrors, UsageError } from '../source/errors.ts';
import { findModule } from './module-list.ts';

/** Modules that neither touch the host nor wait: a mutated playbook may call them with anything. */
const HARMLESS = [
  ...['debug', 'set_fact', 'assert', 'fail', 'add_host', 'group_by', 'set_stats', 'include_vars'],
  ...['include_tasks', 'import_tasks', 'include_role', 'import_role', 'import_playbook', 'meta'],
];

const FILES = {
  'roles/r/tasks/main.yml':
    '- debug: {msg: "{{ p }}"}\n  notify: h\n- include_tasks: more.yml\n  loop: [1, 2]\n  loop_control: {loop_var: n}\n',
  'roles/r/tasks/more.yml': '- set_fact: {seen: "{{ (seen | default([])) + [n] }}"}\n',
  'roles/r/handlers/main.yml': '- {name: h, debug: {msg: handled}, listen: [t]}\n',
  'roles/r/defaults/main.yml': 'p: "{{ q }}"\nq: 1\n',
  'tasks.yml': '- debug: msg="{{ x | default(1) }}"\n  when: x is defined\n',
  'vars.yml': 'a: 1\nb: [x, {y: z}]\nd: {k: v}\n',
  'site.yml': `- name: All of it
  hosts: all:!h3
  gather_facts: no
  vars: {c: "{{ a + 1 }}", y: !unsafe "{{ no }}"}
  vars_files: [vars.yml]
  serial: [1, "50%"]
  roles:
  - {role: r, tags: [x, y], when: a == 1}
  tasks:
  - set_fact: {x: "{{ c * 2 }}", when_set: "{{ inventory_hostname }}"}
  - block:
    - assert: {that: [x > 3, "b[1].y == 'z'"], fail_msg: "no {{ x }}"}
      register: out
      until: out is success
      retries: 1
      delay: 0
    - fail: {msg: "{{ d.k }}"}
      when: a is defined and d
    rescue:
    - debug: {var: ansible_failed_result.msg}
    always:
    - {meta: flush_handlers}
    environment: {A: "{{ b | first }}"}
  - name: Loop
    debug: msg={{ item.key }}
    with_dict: "{{ d }}"
    loop_control: {label: "{{ item.value }}", index_var: i}
    failed_when: i > 3
    changed_when: [item.key == 'k']
    notify: [h, t]
  - include_tasks: tasks.yml
    vars: {x: "{{ hostvars[groups.all[0]].x | default('none') | upper }}"}
  - group_by: key=g_{{ a }}
  - debug: {msg: "{% for h in groups['g_1'] | default([]) %}{{ h }}{% endfor %}"}
    delegate_to: "{{ groups.all | last }}"
    run_once: yes
    ignore_errors: yes
  handlers:
  - name: h
    debug: {msg: "{{ y }}"}
`,
};

describe('mutated playbooks, run', () => {
  it('end with a verdict, or are refused with a reason', async function () {
    this.timeout(1_800_000);
    const told = await trial(FILES, { findModule: harmless });
    expect([told.error, told.summary.exitCode]).to.deep.equal([undefined, 0]);
    const slip = fc
      .constantFrom(...(Object.keys(FILES) as (keyof typeof FILES)[]))
      .chain(name => mutated(FILES[name]).map(text => ({ ...FILES, [name]: text })));
    await fc.assert(
      fc.asyncProperty(slip, async files => {
        const { error, events, summary } = await trial(files, {
          findModule: harmless,
          signal: AbortSignal.timeout(30_000),
        });
        for (const event of events)
          if (event.type === 'outcome') expect(event.result['exception']).to.equal(undefined);
        if (error === undefined) expect(summary.exitCode, 'exit code; 99: it hung').to.be.oneOf([0, 2]);
        else if (!isReason(error)) throw error;
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 150) },
    );
  });
});

const harmless: typeof findModule = name => (HARMLESS.includes(name) ? findModule(name) : undefined);

const isReason = (error: Error): boolean =>
  [SourceError, SourceErrors, UsageError].some(type => error instanceof type);
