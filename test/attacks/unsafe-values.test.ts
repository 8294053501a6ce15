import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { trial } from '../support/run-playbook.ts';

/** Ways on which a value goes from one variable to the next, as tasks: `from` holds it, `to` shall hold it. */
const STEPS: Readonly<Record<string, (from: string, to: string) => string>> = {
  set: (from, to) => `- set_fact: {${to}: "{{ ${from} }}"}`,
  cached: (from, to) => `- set_fact: {${to}: "{{ ${from} }}", cacheable: true}`,
  fact: (from, to) => `- set_fact: {c_${to}: "{{ ${from} }}", cacheable: true}
- set_fact: {${to}: "{{ ansible_facts.c_${to} }}"}`,
  list: (from, to) => `- set_fact: {l_${to}: ["{{ ${from} }}", other]}
- set_fact: {${to}: "{{ l_${to} | first }}"}`,
  dict: (from, to) => `- set_fact: {d_${to}: {k: {n: "{{ ${from} }}"}, m: other}}
- set_fact: {${to}: "{{ d_${to}.k['n'] }}"}`,
  combined: (from, to) => `- set_fact: {d_${to}: "{{ {'a': 1} | combine({'k': ${from}}) }}"}
- set_fact: {${to}: "{{ d_${to}.k }}"}`,
  key: (from, to) => `- set_fact: {d_${to}: "{{ {${from}: 1} }}"}
- set_fact: {${to}: "{{ (d_${to} | dict2items)[0].key }}"}`,
  loopedKey: (from, to) => `- set_fact: {d_${to}: "{{ {${from}: 1} }}"}
- set_fact: {${to}: "{{ item.key }}"}
  loop: "{{ d_${to} | dict2items }}"`,
  withDict: (from, to) => `- set_fact: {d_${to}: "{{ {${from}: 1} }}"}
- set_fact: {${to}: "{{ item.key }}"}
  with_dict: "{{ d_${to} }}"`,
  joined: (from, to) => `- set_fact: {${to}: "{{ '' ~ ${from} ~ '' }}"}`,
  pieces: (from, to) => `- set_fact: {a_${to}: "{{ ${from}[:1] }}", b_${to}: "{{ ${from}[1:] }}"}
- set_fact: {${to}: "{{ a_${to} }}{{ b_${to} }}"}`,
  formatted: (from, to) => `- set_fact: {${to}: "{{ '%s' | format(${from}) }}"}`,
  encoded: (from, to) => `- set_fact: {e_${to}: "{{ ${from} | b64encode }}"}
- set_fact: {${to}: "{{ e_${to} | b64decode }}"}`,
  json: (from, to) => `- set_fact: {j_${to}: "{{ [${from}] | to_json }}"}
- set_fact: {${to}: "{{ (j_${to} | from_json)[0] }}"}`,
  filtered: (from, to) =>
    `- set_fact: {${to}: "{{ [${from}] | map('trim') | select('string') | unique | join(',') }}"}`,
  replaced: (from, to) =>
    `- set_fact: {${to}: "{{ ${from} | regex_replace('^', '') | replace('zzz', 'y') }}"}`,
  statements: (from, to) =>
    `- set_fact: {${to}: "{% set x = ${from} %}{% for c in [x] %}{{ c }}{% endfor %}"}`,
  macro: (from, to) => `- set_fact: {${to}: "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(${from}) }}"}`,
  namespace: (from, to) =>
    `- set_fact: {${to}: "{% set n = namespace(v='') %}{% set n.v = ${from} %}{{ n.v }}"}`,
  appended: (from, to) => `- set_fact: {${to}: "{% set l = [] %}{% set _ = l.append(${from}) %}{{ l[0] }}"}`,
  loop: (from, to) => `- set_fact: {${to}: "{{ item }}"}
  loop: ["{{ ${from} }}"]`,
  extended: (from, to) => `- set_fact: {${to}: "{{ ansible_loop.allitems[0] }}"}
  loop: ["{{ ${from} }}", other]
  loop_control: {extended: true}`,
  withItems: (from, to) => `- set_fact: {${to}: "{{ item }}"}
  with_items: ["{{ ${from} }}"]`,
  together: (from, to) => `- set_fact: {${to}: "{{ item.0 }}"}
  with_together: [["{{ ${from} }}"], [1]]`,
  taskVariable: (from, to) => `- set_fact: {${to}: "{{ w }}"}
  vars: {w: "{{ v }}", v: "{{ ${from} }}"}`,
  hostvars: (from, to) => `- set_fact: {${to}: "{{ hostvars[inventory_hostname]['${from}'] }}"}`,
  allHostvars: (from, to) =>
    `- set_fact: {${to}: "{{ hostvars.values() | map(attribute='${from}') | first }}"}`,
  varsLookup: (from, to) => `- set_fact: {${to}: "{{ lookup('vars', '${from}') }}"}`,
  registered: (from, to) => `- debug: {msg: "{{ ${from} }}"}
  register: r_${to}
- set_fact: {${to}: "{{ r_${to}.msg }}"}`,
  results: (from, to) => `- debug: {msg: x}
  loop: ["{{ ${from} }}"]
  register: r_${to}
- set_fact: {${to}: "{{ r_${to}.results[0].item }}"}`,
  delegatedFact: (from, to) => `- set_fact: {${to}: "{{ ${from} }}"}
  delegate_to: other
  delegate_facts: true
- set_fact: {${to}: "{{ hostvars.other.${to} }}"}`,
  addedHost: (
    from,
    to,
  ) => `- add_host: {name: n_${to}, carried: "{{ ${from} }}", deep: {x: ["{{ ${from} }}"]}}
- set_fact: {${to}: "{{ hostvars.n_${to}.deep.x[0] if hostvars.n_${to}.carried else '' }}"}`,
  hostName: (from, to) => `- add_host: {name: "{{ ${from} }}", groups: g_${to}}
- set_fact: {${to}: "{{ item }}"}
  loop: "{{ groups.g_${to} }}"`,
  groupName: (from, to) => `- group_by: {key: "{{ ${from} }}"}
- set_fact: {${to}: "{{ item }}"}
  loop: "{{ groups | list }}"
  when: "'touch' in item"`,
  included: (from, to) => `- include_tasks: set_${to}.yml
  vars: {given: "{{ ${from} }}"}`,
  applied: (from, to) => `- include_tasks:
    file: set_${to}.yml
    apply: {vars: {given: "{{ ${from} }}"}}`,
  failure: (from, to) => `- block:
  - fail: {msg: "{{ ${from} }}"}
  rescue:
  - set_fact: {${to}: "{{ ansible_failed_result.msg }}"}`,
};

/** Places where a text that an author wrote is read as an expression or template. */
const SINKS: Readonly<Record<string, (from: string) => string>> = {
  when: from => `- debug: {msg: sink}\n  when: "{{ ${from} }}"`,
  whenList: from => `- debug: {msg: sink}\n  when: [true, "{{ ${from} }}"]`,
  whenQuoted: from => `- debug: {msg: sink}\n  when: "'{{ ${from} }}' == 'x'"`,
  whenBare: from => `- debug: {msg: sink}\n  when: ${from}`,
  that: from => `- assert: {that: "{{ ${from} }}"}`,
  thatList: from => `- assert: {that: ["1 == 1", "{{ ${from} }}"]}`,
  thatVariable: from => `- assert: {that: "{{ checks }}"}\n  vars: {checks: ["{{ ${from} }}"]}`,
  debugVar: from => `- debug: {var: "{{ ${from} }}"}`,
  debugMsg: from => `- debug: {msg: "{{ ${from} }}"}`,
  failedWhen: from => `- debug: {msg: sink}\n  failed_when: "{{ ${from} }}"`,
  changedWhen: from => `- debug: {msg: sink}\n  changed_when: "{{ ${from} }}"`,
  until: from => `- debug: {msg: sink}\n  until: "{{ ${from} }}"\n  retries: 0`,
  breakWhen: from =>
    `- debug: {msg: sink}\n  loop: [1, 2]\n  loop_control: {label: "{{ ${from} }}", break_when: "{{ ${from} }}"}`,
  applyWhen: from => `- include_tasks: {file: sink.yml, apply: {when: "{{ ${from} }}"}}`,
  applyVars: from => `- include_tasks: {file: sink.yml, apply: {vars: {shown: "{{ ${from} }}"}}}`,
  includeWhen: from => `- include_tasks: sink.yml\n  when: "{{ ${from} }}"`,
  addedHost: from =>
    `- add_host: {name: sink, carried: "{{ ${from} }}"}\n- debug: {msg: "{{ hostvars.sink.carried }} {{ hostvars.sink }}"}`,
  name: from => `- name: "named {{ ${from} }}"\n  debug: {msg: sink}`,
  environment: from => `- command: "true"\n  environment: {A: "{{ ${from} }}"}`,
  arguments: from => `- debug: "{{ {'msg': ${from}} }}"`,
  template: from => `- copy: {content: "{{ ${from} }}", dest: "{{ playbook_dir }}/out"}\n  check_mode: true`,
  rendered: from => `- debug: {msg: "{{ lookup('vars', 'w') }} {{ vars.w }}"}\n  vars: {w: "{{ ${from} }}"}`,
  argumentSpec: from =>
    `- validate_argument_spec: {argument_spec: {o: {type: str}}, provided_arguments: {o: "{{ ${from} }}"}}`,
};

interface Flow {
  readonly steps: readonly string[];
  readonly sink: string;
}

const ignoring = (tasks: string): string =>
  `- block:\n${tasks.replaceAll(/^/gm, '  ')}\n  rescue:\n  - debug: {msg: refused}`;

/** The files of a playbook with these flows. `first` is the task that brings the payload into the variable `v0`. */
function playbookOf(flows: readonly Flow[], first: string): Record<string, string> {
  const files: Record<string, string> = {
    'sink.yml': '- debug: {msg: "{{ shown | default(1) }}"}\n',
    hosts: 'h1\nother\n',
  };
  const tasks = [first];
  for (const [i, { steps, sink }] of flows.entries()) {
    let from = 'v0';
    for (const [j, step] of steps.entries()) {
      const to = `f${i}_${j}`;
      files[`set_${to}.yml`] = `- set_fact: {${to}: "{{ given }}"}\n`;
      tasks.push(STEPS[step]!(from, to));
      from = to;
    }
    tasks.push(`- assert: {that: "'touch' in ${from}"}`, ignoring(SINKS[sink]!(from)));
  }
  files['site.yml'] =
    `- hosts: h1\n  gather_facts: false\n  tasks:\n${tasks.join('\n').replaceAll(/^/gm, '  ')}\n`;
  return files;
}

/** Payloads: what a host prints, given the command that must not run on the control machine. */
const PAYLOADS: readonly ((command: string) => string)[] = [
  command => `lookup('pipe', '${command}')`,
  command => `{{ lookup('pipe', '${command}') }}`,
  command => `{% set x = lookup('pipe', '${command}') %}`,
];

async function hits(flows: readonly Flow[], payload: (command: string) => string): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-unsafe-'));
  try {
    const mark = join(dir, 'hit');
    const text = Buffer.from(payload(`touch ${mark}`)).toString('base64');
    const first = `- command: sh -c "echo ${text} | base64 -d"\n  register: r0\n- set_fact: {v0: "{{ r0.stdout }}"}`;
    const { error, summary, events } = await trial(playbookOf(flows, first));
    if (error) throw error;
    const failed = events.find(
      event => event.type === 'outcome' && event.status === 'failed' && event.task.module !== 'debug',
    );
    expect(summary.exitCode, JSON.stringify([flows, failed])).to.equal(0);
    return existsSync(mark);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe('attacks: text that a host wrote', function () {
  this.timeout(600_000);

  for (const [i, payload] of PAYLOADS.entries()) {
    it(`is never evaluated, wherever it is used (payload ${i + 1})`, async () => {
      const flows = Object.keys(SINKS).map(sink => ({ steps: [], sink }));
      expect(await hits(flows, payload)).to.equal(false);
    });

    it(`is still known as such after each step (payload ${i + 1})`, async () => {
      const flows = Object.keys(STEPS).flatMap(step =>
        ['that', 'debugVar', 'addedHost'].map(sink => ({ steps: [step], sink })),
      );
      expect(await hits(flows, payload)).to.equal(false);
    });
  }

  it('is still known as such on any way through variables, hosts and includes', async () => {
    const step = fc.constantFrom(...Object.keys(STEPS));
    const flow = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 5 }),
      sink: fc.constantFrom(...Object.keys(SINKS)),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(flow, { minLength: 8, maxLength: 16 }),
        fc.constantFrom(...PAYLOADS),
        async (flows, payload) => {
          expect(await hits(flows, payload)).to.equal(false);
        },
      ),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 12) },
    );
  });

  it('is a text in titles, labels, tags and messages too, when an author marks it with !unsafe', async () => {
    const { events, said, error } = await trial(`- name: !unsafe "{{ 1 + 1 }} play"
  hosts: h1
  gather_facts: false
  tags: [!unsafe "{{ 1 + 1 }} tag"]
  tasks:
  - name: !unsafe "{{ 1 + 1 }} task"
    command: "true"
    tags: more
    notify: !unsafe "{{ 1 + 1 }} handler"
  - block:
    - debug: {msg: "{{ ansible_run_tags }} {{ item }}"}
      loop: [!unsafe "{{ 1 + 1 }} item"]
      loop_control: {label: !unsafe "{{ 1 + 1 }} label"}
    name: !unsafe "{{ 1 + 1 }} block"
  - fail: {msg: !unsafe "{{ 1 + 1 }} failure"}
    ignore_errors: true
  handlers:
  - name: !unsafe "{{ 1 + 1 }} handler"
    debug: {msg: !unsafe "{{ 1 + 1 }} handled"}
`);
    if (error) throw error;
    const text = JSON.stringify(events);
    for (const what of 'play tag task handler item label failure handled'.split(' '))
      expect(text, what).to.include(`{{ 1 + 1 }} ${what}`);
    expect(text).not.to.include('2 ');
    expect(said).to.include('{{ 1 + 1 }} handled');
  });

  it('would be evaluated there if an author had written it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'polarplay-unsafe-'));
    try {
      for (const [i, sink] of ['that', 'thatList', 'thatVariable', 'debugVar'].entries()) {
        const mark = join(dir, `hit${i}`);
        const files = playbookOf([{ steps: [], sink }], '- meta: noop');
        files['site.yml'] = files['site.yml']!.replace(
          '  tasks:',
          `  vars: {v0: "lookup('pipe', 'touch ${mark}')"}\n  tasks:`,
        );
        await trial(files);
        expect(existsSync(mark), sink).to.equal(true);
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
