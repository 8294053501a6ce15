import { expect } from 'chai';
import { trial } from '../../test/support/run-playbook.ts';

const play = (body: string, head = '') => `- hosts: all\n  gather_facts: false\n${head}${body}`;

/** Playbook, and what it must do: the outcome lines of one or more hosts. */
interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>> | string;
  readonly hosts?: string;
  readonly lines?: readonly string[];
  readonly said?: readonly unknown[];
  readonly exitCode?: number;
}

const cases: readonly Case[] = [
  {
    name: 'conditions see registered results',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - name: a
      command: echo hi
      register: r
    - name: b
      debug: {msg: "{{ r.stdout }}"}
      when: r.stdout == 'hi'
    - name: c
      debug: {msg: never}
      when: [r is changed, r.rc != 0]
`),
    lines: ['a h1 changed', 'b h1 ok', 'c h1 skipped'],
    said: ['hi'],
  },
  {
    name: 'loops keep types, and register all results',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - name: a
      debug: {msg: "{{ item }}"}
      loop: [1, two, {three: 3}]
      register: r
    - name: b
      debug: {msg: "{{ r.results | map(attribute='msg') | list }}"}
`),
    lines: ['a h1 ok', 'b h1 ok'],
    said: [[1, 'two', { three: 3 }]],
  },
  {
    name: 'handlers run once, in order of definition, on the hosts that notified',
    hosts: 'h1\nh2\n',
    files: play(`
  tasks:
    - name: change
      command: "true"
      notify: [second, first]
    - name: change again
      command: "true"
      notify: first
      when: inventory_hostname == 'h1'
    - name: no change
      debug: {msg: x}
      notify: third
  handlers:
    - name: first
      debug: {msg: one}
    - name: second
      debug: {msg: two}
    - name: third
      debug: {msg: three}
`),
    lines: [
      'change h1 changed',
      'change h2 changed',
      'change again h1 changed',
      'change again h2 skipped',
      'no change h1 ok',
      'no change h2 ok',
      'first h1 ok',
      'first h2 ok',
      'second h1 ok',
      'second h2 ok',
    ],
  },
  {
    name: 'a topic wakes all that listen, and flush_handlers runs them at once',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - {name: a, command: "true", notify: topic}
    - meta: flush_handlers
    - {name: b, debug: {msg: b}}
  handlers:
    - {name: x, debug: {msg: x}, listen: topic}
    - {name: y, debug: {msg: y}, listen: topic}
`),
    lines: ['a h1 changed', 'x h1 ok', 'y h1 ok', 'b h1 ok'],
  },
  {
    name: 'rescue makes the host whole again, always runs',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - block:
        - {name: bad, command: "false"}
        - {name: not reached, debug: {msg: x}}
      rescue:
        - {name: mend, debug: {msg: "{{ ansible_failed_task.name }} {{ ansible_failed_result.rc }}"}}
      always:
        - {name: finally, debug: {msg: x}}
    - {name: after, debug: {msg: x}}
`),
    lines: ['bad h1 failed', 'mend h1 ok', 'finally h1 ok', 'after h1 ok'],
    exitCode: 0,
  },
  {
    name: 'a failed host leaves, the others go on',
    files: play(`
  tasks:
    - {name: a, command: "false", when: inventory_hostname == 'h2'}
    - {name: b, debug: {msg: x}}
`),
    lines: ['a h1 skipped', 'a h2 failed', 'a h3 skipped', 'b h1 ok', 'b h3 ok'],
    exitCode: 2,
  },
  {
    name: 'ignore_errors goes on and counts',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - {name: a, command: "false", ignore_errors: true, register: r}
    - {name: b, debug: {msg: "{{ r.failed }} {{ r.rc }}"}}
`),
    lines: ['a h1 ignored', 'b h1 ok'],
    said: ['True 1'],
    exitCode: 0,
  },
  {
    name: 'failed_when and changed_when have the last word',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - {name: a, command: "false", failed_when: false, changed_when: false}
    - {name: b, command: "echo oops", register: r, failed_when: "'oops' in r.stdout", ignore_errors: true}
    - {name: c, shell: "exit 3", register: c, failed_when: "c.rc not in [0, 2]", ignore_errors: true}
`),
    lines: ['a h1 ok', 'b h1 ignored', 'c h1 ignored'],
  },
  {
    name: 'until tries again and counts its attempts',
    hosts: 'h1\n',
    files: play(
      `
  tasks:
    - name: a
      shell: "echo x >> /tmp/polarplay-until-{{ token }}; wc -l < /tmp/polarplay-until-{{ token }}"
      register: r
      until: r.stdout | int >= 3
      retries: 5
      delay: 0
    - {name: b, debug: {msg: "{{ r.attempts }}"}}
    - {name: c, file: {path: "/tmp/polarplay-until-{{ token }}", state: absent}}
`,
      `  vars: {token: "${process.pid}"}\n`,
    ),
    lines: ['a h1 changed', 'b h1 ok', 'c h1 changed'],
    said: [3],
  },
  {
    name: 'run_once runs on the first host and tells the others',
    files: play(`
  tasks:
    - {name: a, command: echo once, run_once: true, register: r}
    - {name: b, debug: {msg: "{{ r.stdout }}"}}
`),
    lines: ['a h1 changed', 'b h1 ok', 'b h2 ok', 'b h3 ok'],
    said: ['once', 'once', 'once'],
  },
  {
    name: 'delegate_to keeps the variables of the original host',
    files: play(`
  tasks:
    - {name: a, command: "echo {{ inventory_hostname }}", delegate_to: h3, register: r}
    - {name: b, debug: {msg: "{{ r.stdout }}"}}
`),
    said: ['h1', 'h2', 'h3'],
  },
  {
    name: 'include_tasks loops, with its item visible inside; import_tasks inherits when',
    hosts: 'h1\n',
    files: {
      'site.yml': play(`
  tasks:
    - {name: inc, include_tasks: more.yml, loop: [1, 2]}
    - import_tasks: static.yml
      when: false
`),
      'more.yml': '- {name: "inner {{ item }}", debug: {msg: "{{ item }}"}}\n',
      'static.yml': '- {name: static, debug: {msg: x}}\n',
    },
    lines: ['inner 1 h1 ok', 'inner 2 h1 ok', 'static h1 skipped'],
    said: [1, 2],
  },
  {
    name: 'run_once on include_tasks: what it brings runs on that host alone',
    files: {
      'site.yml': play(`
  tasks:
    - {name: inc, include_tasks: more.yml, run_once: true}
    - {name: after, debug: {msg: x}}
`),
      'more.yml': '- {name: inner, debug: {msg: "{{ inventory_hostname }}"}}\n',
    },
    lines: ['inner h1 ok', 'after h1 ok', 'after h2 ok', 'after h3 ok'],
  },
  {
    name: 'roles bring defaults, vars, handlers and files; parameters win',
    hosts: 'h1\n',
    files: {
      'site.yml': play('', '  roles:\n    - {role: web, door: 81}\n'),
      'roles/web/defaults/main.yml': 'door: 80\nname: default\n',
      'roles/web/vars/main.yml': 'name: fixed\n',
      'roles/web/tasks/main.yml':
        '- {name: say, debug: {msg: "{{ name }} {{ door }} {{ role_name }}"}}\n- {name: change, command: "true", notify: restart}\n',
      'roles/web/handlers/main.yml': '- {name: restart, debug: {msg: restarted}}\n',
    },
    lines: ['web : say h1 ok', 'web : change h1 changed', 'web : restart h1 ok'],
    said: ['fixed 81 web', 'restarted'],
  },
  {
    name: 'serial runs batch by batch',
    files: play(
      `
  tasks:
    - {name: a, debug: {msg: "{{ ansible_play_batch }}"}}
`,
      '  serial: 2\n',
    ),
    said: [['h1', 'h2'], ['h1', 'h2'], ['h3']],
  },
  {
    name: 'any_errors_fatal ends the play for all after the task',
    files: play(
      `
  tasks:
    - {name: a, command: "false", when: inventory_hostname == 'h2'}
    - {name: b, debug: {msg: x}}
`,
      '  any_errors_fatal: true\n',
    ),
    lines: ['a h1 skipped', 'a h2 failed', 'a h3 skipped'],
    exitCode: 2,
  },
  {
    name: 'max_fail_percentage is exceeded, not reached',
    files: play(
      `
  tasks:
    - {name: a, command: "false", when: inventory_hostname == 'h2'}
    - {name: b, command: "false", when: inventory_hostname == 'h1'}
    - {name: c, debug: {msg: x}}
`,
      '  max_fail_percentage: 34\n',
    ),
    lines: ['a h1 skipped', 'a h2 failed', 'a h3 skipped', 'b h1 failed', 'b h3 skipped'],
    exitCode: 2,
  },
  {
    name: 'extra vars, set_fact and task vars by precedence',
    hosts: 'h1 a=inventory b=inventory c=inventory\n',
    files: play(
      `
  tasks:
    - {name: s, set_fact: {b: fact, a: fact}}
    - {name: d, debug: {msg: "{{ a }} {{ b }} {{ c }} {{ d }}"}, vars: {c: task, b: task, d: "{{ c }}!"}}
`,
      '  vars: {c: play}\n',
    ),
    said: ['extra fact task task!'],
  },
  {
    name: 'a handler notified by a later one waits for the next round',
    hosts: 'h1\n',
    files: play(`
  tasks: [{name: a, debug: {msg: x}, changed_when: true, notify: two}]
  handlers:
    - {name: one, debug: {msg: x}}
    - {name: two, debug: {msg: x}, changed_when: true, notify: [one, three]}
    - {name: three, debug: {msg: x}}
`),
    lines: ['a h1 changed', 'two h1 changed', 'three h1 ok', 'one h1 ok'],
  },
  {
    name: 'a block is a handler: notified by its name or topic, in its place, with rescue and always',
    hosts: 'h1\n',
    files: play(`
  tasks: [{name: a, command: "true", notify: [late, block, topic]}]
  handlers:
    - {name: first, listen: topic, debug: {msg: x}}
    - name: block
      listen: topic
      vars: {said: yes}
      block:
        - {name: b1, command: "true", notify: late}
        - {name: b2, command: "false"}
      rescue: [{name: b3, debug: {msg: "{{ said }}"}}]
      always: [{name: b4, debug: {msg: x}}]
    - {name: late, debug: {msg: x}}
    - {name: second, listen: topic, debug: {msg: x}}
`),
    lines: [
      ...['a h1 changed', 'first h1 ok', 'b1 h1 changed', 'b2 h1 failed', 'b3 h1 ok', 'b4 h1 ok'],
      ...['late h1 ok', 'second h1 ok'],
    ],
    exitCode: 0,
  },
  {
    name: 'variables of a host that cannot be rendered do not hide the others, nor go round in circles',
    hosts: "h1\nh2 b=2 c='{{ nowhere }}' d='{{ hostvars.h2.d }}' e='{{ hostvars.h1 }}'\n",
    files: play(`
  tasks:
    - {debug: {msg: "{{ hostvars['h2'] | to_json | from_json | json_query('[b, c, d]') }}"}, run_once: true}
    - {debug: {msg: "{{ hostvars.h2.d | default('endless') }}"}, run_once: true, ignore_errors: true}
`),
    lines: ['debug h1 ok', 'debug h1 ignored'],
    said: [[2, '{{ nowhere }}', '{{ hostvars.h2.d }}']],
  },
  {
    name: 'key=value of set_fact knows the words for true and false',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - set_fact: off=no on=Yes text="no way"
    - {name: a, debug: {msg: "{{ on }} {{ text }}"}, when: not off}
    - {name: b, debug: {msg: x}, when: off}
`),
    lines: ['set_fact h1 ok', 'a h1 ok', 'b h1 skipped'],
    said: ['True no way'],
  },
  {
    name: 'arguments are rendered once',
    hosts: 'h1\n',
    files: {
      't.j2': 'x',
      'site.yml': play(`
  tasks:
    - name: a
      template: {src: "t{{ lookup('pipe', 'echo x >> ' ~ playbook_dir ~ '/count') }}.j2", dest: "{{ playbook_dir }}/out"}
    - {name: b, debug: {msg: "{{ lookup('file', 'count') }}"}}
`),
    },
    said: ['x'],
  },
  {
    name: 'a template names the module of a task',
    files: play(`
  tasks:
    - {name: a, action: {module: "{{ 'debug' if inventory_hostname == 'h1' else 'fail' }}", msg: "{{ inventory_hostname }}"}}
`),
    lines: ['a h1 ok', 'a h2 failed', 'a h3 failed'],
    said: ['h1'],
  },
  {
    name: 'one failure is everybody’s once no always takes it up, the other plays included',
    files: `${play(
      `
  tasks:
    - block: [{name: a, fail: {msg: x}, when: inventory_hostname == 'h2'}]
      always: [{name: b, debug: {msg: x}}]
    - {name: c, fail: {msg: x}, when: inventory_hostname == 'h1'}
`,
      '  any_errors_fatal: true\n',
    )}- {hosts: h3, gather_facts: false, tasks: [{name: d, debug: {msg: x}}]}\n`,
    lines: [
      ...['a h1 skipped', 'a h2 failed', 'a h3 skipped', 'b h1 ok', 'b h2 ok', 'b h3 ok'],
      ...['c h1 failed', 'c h3 skipped'],
    ],
    exitCode: 2,
  },
  {
    name: 'no_log hides the result, register keeps it',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - {name: a, command: echo secret, no_log: true, register: r}
    - {name: b, debug: {msg: "{{ r.stdout }}"}}
`),
    said: ['secret'],
  },
  {
    name: 'undefined variables fail the host with a position, and can be rescued',
    hosts: 'h1\n',
    files: play(`
  tasks:
    - block:
        - {name: a, debug: {msg: "{{ nothing }}"}}
      rescue:
        - name: b
          debug:
            msg: "{{ [ansible_failed_result.msg, ansible_failed_result.error.line, ansible_failed_result.error.col] }}"
`),
    lines: ['a h1 failed', 'b h1 ok'],
    said: [
      [
        "The task includes an option with an undefined variable. The error was: 'nothing' is undefined",
        6,
        38,
      ],
    ],
  },
];

describe('engine', () => {
  for (const { name, files, hosts, lines, said, exitCode } of cases) {
    it(name, async () => {
      const run = await trial(files, {
        ...(hosts !== undefined && { hosts }),
        ...(name.startsWith('extra vars') && { extraVars: { a: 'extra' } }),
      });
      if (run.error) throw run.error;
      if (lines) expect(run.lines).to.deep.equal(lines);
      if (said) expect(run.said.filter(text => text !== 'All items completed')).to.deep.equal(said);
      if (exitCode !== undefined) expect(run.summary.exitCode).to.equal(exitCode);
    });
  }

  it('fails one item of a loop whose template has a mistake, and writes the others', async () => {
    const { events, lines, said } = await trial(
      {
        'site.yml': play(`
  tasks:
    - {name: a, template: {src: t.j2, dest: "{{ playbook_dir }}/out-{{ item }}"}, loop: [x, y, z], ignore_errors: true}
    - {name: b, debug: {msg: "{{ lookup('fileglob', playbook_dir ~ '/out-*', wantlist=true) | map('basename') | sort }}"}}
`),
        't.j2': "{{ nope if item == 'y' else item }}\n",
      },
      { hosts: 'h1\n' },
    );
    expect(lines).to.deep.equal(['a h1 ignored', 'b h1 ok']);
    expect(events.flatMap(event => (event.type === 'item' ? [event.status] : []))).to.deep.equal([
      'changed',
      'failed',
      'changed',
    ]);
    expect(said).to.deep.equal([['out-x', 'out-z']]);
  });

  it('refuses hosts that come to nothing, which would be all', async () => {
    const { error, lines } = await trial(
      '- {hosts: "{{ none_of_them }}", gather_facts: false, tasks: [{debug: }]}\n',
      {
        extraVars: { none_of_them: '' },
      },
    );
    expect([error?.message, lines]).to.deep.equal(['the hosts of this play come to nothing', []]);
  });

  it('warns of a handler that only a later one notified in the last flush', async () => {
    const { events, lines } = await trial(
      play(`
  post_tasks: [{name: a, command: "true", notify: two}]
  handlers:
    - {name: one, debug: {msg: x}}
    - {name: two, command: "true", notify: [one, two]}
`),
      { hosts: 'h1\n' },
    );
    expect(lines).to.deep.equal(['a h1 changed', 'two h1 changed']);
    expect(events.flatMap(event => (event.type === 'warning' ? [event.message] : []))).to.deep.equal([
      'the handler "one" was notified by a handler that stands after it, and no flush follows: it does not run',
    ]);
  });
});
