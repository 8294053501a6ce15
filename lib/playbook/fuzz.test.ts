import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { fileTree, loaderFor } from '../../test/support/load-playbook.ts';
import { mutated } from '../../test/support/mutated.ts';
import { SourceErrors, UsageError } from '../source/errors.ts';

const ROLE = {
  'roles/r/tasks/main.yml':
    '- name: one\n  copy: {src: a, dest: /b, mode: "0644"}\n  notify: h\n- include_tasks: more.yml\n  loop: [1, 2]\n',
  'roles/r/handlers/main.yml': '- {name: h, debug: , listen: [t]}\n',
  'roles/r/meta/main.yml':
    'dependencies: [{role: d, p: 1}]\nargument_specs: {main: {options: {x: {type: int}}}}\n',
  'roles/d/defaults/main.yml': 'a: 1\nb: "{{ a }}"\n',
  'tasks.yml': '- debug: msg="{{ x | default(1) }}"\n  when: x is defined\n',
};

const SITE = `- name: All of it
  hosts: web:&prod
  gather_facts: no
  become: yes
  vars: {a: 1, b: [x, {y: z}]}
  vars_files: [tasks.yml]
  vars_prompt:
  - {name: pw, prompt: Password, private: yes}
  serial: [1, "30%"]
  roles:
  - {role: r, tags: [x, y], when: a == 1, port: 80}
  pre_tasks:
  - set_fact: {x: "{{ a + 1 }}"}
  tasks:
  - block:
    - command: ls -l creates=/x
      register: out
      until: out.rc == 0
      retries: 3
    - import_tasks: tasks.yml
      when: [a, b]
    rescue:
    - debug: {var: out.stdout_lines}
    always:
    - {meta: flush_handlers}
    environment: {PATH: "/bin:{{ p }}"}
  - name: Loop
    debug: msg={{ item.key }}
    with_dict: "{{ d }}"
    loop_control: {label: "{{ item }}", index_var: i}
  - import_role: {name: r, tasks_from: main}
  - action: copy src=a dest="b c"
  handlers:
  - name: h
    local_action: {module: debug, msg: x}
- import_playbook: other.yml
  vars: {q: 1}
`;

describe('mutated playbooks', () => {
  it('load, or are refused with a reason', function () {
    this.timeout(1_800_000);
    const { dir, remove } = fileTree({ ...ROLE, 'other.yml': '- hosts: all\n', 'site.yml': SITE });
    const targets = { 'site.yml': SITE, ...ROLE };
    const file = fc
      .constantFrom(...Object.keys(targets))
      .chain(name => mutated(targets[name as keyof typeof targets]).map(text => ({ name, text })));
    try {
      expect(() => loaderFor().loadPlaybook([path.join(dir, 'site.yml')])).to.throw(SourceErrors); // vars_files holds no mapping
      fc.assert(
        fc.property(file, ({ name, text }) => {
          writeFileSync(path.join(dir, name), text);
          const begin = Date.now();
          check(() => loaderFor().loadPlaybook([path.join(dir, 'site.yml')]));
          expect(Date.now() - begin).to.be.lessThan(10_000);
          writeFileSync(path.join(dir, name), targets[name as keyof typeof targets]);
        }),
        { numRuns: Number(process.env.FUZZ_RUNS ?? 400) },
      );
    } finally {
      remove();
    }
  });
});

function check(load: () => unknown): void {
  try {
    load();
  } catch (error) {
    if (error instanceof SourceErrors) {
      for (const one of error.errors) expect(one.position?.file ?? 'none', one.message).not.to.equal('');
    } else if (!(error instanceof UsageError)) throw error;
  }
}
