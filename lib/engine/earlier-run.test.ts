import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Trial, trial } from '../../test/support/run-playbook.ts';
import { EarlierRun } from './earlier-run.ts';
import type { RunEvent } from './events.ts';

type Noted = RunEvent & { readonly at: number };

/** A run that is cut off after some events, and one that goes on from its journal. */
class Workspace {
  readonly dir = mkdtempSync(join(tmpdir(), 'polarplay-resume-'));
  readonly journals: Noted[][] = [];

  /** Runs until `cut` events have happened: after that nothing is noted and nothing goes on, as after kill -9. */
  async run(
    files: Readonly<Record<string, string>>,
    hosts: string,
    cut = Number.POSITIVE_INFINITY,
  ): Promise<Trial> {
    const journal: Noted[] = [];
    const warnings: string[] = [];
    const earlier =
      this.journals.length === 0
        ? undefined
        : new EarlierRun(this.journals, event =>
            warnings.push(event.type === 'warning' ? event.message : ''),
          );
    const onEvent = (event: RunEvent) => {
      if (journal.length >= cut) throw new Error('killed');
      // As it is read back from the file.
      journal.push({ ...(JSON.parse(JSON.stringify(event)) as RunEvent), at: Date.now() });
    };
    const result = await trial(files, { hosts, dir: this.dir, onEvent, ...(earlier && { earlier }) });
    this.journals.push(journal);
    return result;
  }

  /** Lines that the tasks wrote. */
  lines(): string[] {
    const log = join(this.dir, 'log');
    return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').filter(Boolean) : [];
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const add = (line: string) => `{cmd: "echo '${line}' >> log", chdir: "{{ playbook_dir }}"}`;

/** Each way in which tasks depend on earlier ones: by result, by fact, by handler, in blocks, loops and files. */
const SITE = {
  'site.yml': `
- hosts: all
  gather_facts: false
  tasks:
    - {name: first, shell: ${add('first-{{ inventory_hostname }}')}, register: first, notify: early}
    - {name: conf, copy: {content: x, dest: "{{ playbook_dir }}/conf-{{ inventory_hostname }}"}, register: conf, notify: [restart, again]}
    - {name: by change, shell: ${add('seen-{{ inventory_hostname }}')}, when: conf is changed}
    - {name: loop, shell: ${add('{{ item }}-{{ inventory_hostname }}')}, loop: [one, two]}
    - {name: fact, set_fact: {told: "{{ first.cmd | length > 0 }}"}}
    - meta: flush_handlers
    - include_tasks: part.yml
      loop: [p, q]
      loop_control: {loop_var: part}
    - block:
        - {name: bad, command: "false"}
      rescue:
        - {name: mend, shell: ${add('mended-{{ inventory_hostname }}')}}
    - {name: ignored, command: "false", ignore_errors: true, register: denied}
    - {name: after, shell: ${add('after-{{ inventory_hostname }}')}, when: [told, denied is failed], notify: late}
  handlers:
    - {name: early, shell: ${add('early-{{ inventory_hostname }}')}}
    - {name: restart, shell: ${add('restart-{{ inventory_hostname }}')}, notify: chained}
    - {name: listener, shell: ${add('again-{{ inventory_hostname }}')}, listen: again}
    - {name: chained, shell: ${add('chained-{{ inventory_hostname }}')}}
    - {name: late, shell: ${add('late-{{ inventory_hostname }}')}}
- hosts: h1
  gather_facts: false
  tasks:
    - {name: last, shell: ${add('last')}}
`,
  'part.yml': `- {name: part, shell: ${add('{{ part }}-{{ inventory_hostname }}')}}\n`,
};

const WORDS = [
  'first',
  'seen',
  'one',
  'two',
  'p',
  'q',
  'mended',
  'after',
  'early',
  'restart',
  'again',
  'chained',
  'late',
];
const ONCE = new Set(['first', 'seen', 'one', 'two', 'p', 'q']);

const count = (lines: readonly string[], line: string) => lines.filter(one => one === line).length;

describe('a run that goes on from an earlier one', function () {
  this.timeout(600_000);
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  it('ends as one that was never interrupted, wherever the first was killed', async () => {
    const whole = await workspace.run(SITE, 'h1\n');
    expect(whole.summary.exitCode).to.equal(0);
    const expected = workspace.lines();
    // Between other events nothing happens on a host; where a task began, every second one is enough.
    const certain = new Set(['notified', 'outcome']);
    const cuts = workspace.journals[0]!.flatMap(({ type }, index) =>
      certain.has(type) || (type === 'host-start' && index % 2 === 0) ? [index + 1] : [],
    );
    for (const cut of cuts) {
      workspace.remove();
      workspace = new Workspace();
      await workspace.run(SITE, 'h1\n', cut);
      const before = workspace.lines();
      const { error, summary } = await workspace.run(SITE, 'h1\n');
      const at = `killed after event ${cut} (${JSON.stringify(workspace.journals[0]!.at(-1)).slice(0, 120)})`;
      expect(error, at).to.equal(undefined);
      expect(summary.exitCode, at).to.equal(0);
      const lines = workspace.lines();
      expect([...new Set(lines)].sort(), at).to.deep.equal([...new Set(expected)].sort());
      // A handler runs after the change that it was notified of.
      expect(lines.lastIndexOf('late-h1'), at).to.be.greaterThan(lines.indexOf('after-h1'));
      expect(lines.lastIndexOf('restart-h1'), at).to.be.greaterThan(lines.indexOf('first-h1'));
      // Only the task whose end was not noted may be done twice; a loop is one task.
      const twice = [...ONCE].filter(word => count(lines, `${word}-h1`) > 1);
      const doubtful = twice.length === 0 || twice.every(word => before.includes(`${word}-h1`));
      expect(
        doubtful && new Set(twice.map(word => (word === 'two' ? 'one' : word))).size <= 1,
        `${at}: ${twice}`,
      ).to.equal(true);
    }
  });

  it('goes on from a run that went on itself', async () => {
    await workspace.run(SITE, 'h1\nh2\n');
    const events = workspace.journals[0]!.length;
    for (const [first, second] of [
      [0.3, 0.2],
      [0.6, 0.1],
      [0.9, 0.5],
      [0.5, 0.9],
    ]) {
      workspace.remove();
      workspace = new Workspace();
      await workspace.run(SITE, 'h1\nh2\n', Math.floor(events * first!));
      await workspace.run(SITE, 'h1\nh2\n', Math.floor(events * second!));
      const { error } = await workspace.run(SITE, 'h1\nh2\n');
      expect(error).to.equal(undefined);
      for (const host of ['h1', 'h2'])
        for (const word of WORDS)
          expect(workspace.lines(), `${first} ${second}`).to.include(`${word}-${host}`);
    }
  });

  const failing = (tasks: string, head = '') => ({
    'site.yml': `- hosts: all\n  gather_facts: false\n${head}  tasks:\n${tasks}`,
  });
  const gate = '    - {name: gate, command: "test -e {{ playbook_dir }}/log.go-{{ inventory_hostname }}"}\n';

  it('repeats only what a failed host had left, batch by batch', async () => {
    const files = failing(
      `    - {name: a, shell: ${add('a-{{ inventory_hostname }}')}}\n    - {name: stop, shell: "test {{ inventory_hostname }} != h3 || test -e {{ playbook_dir }}/conf-go"}\n    - {name: b, shell: ${add('b-{{ inventory_hostname }}')}}\n`,
      '  serial: 2\n',
    );
    await workspace.run(files, 'h1\nh2\nh3\nh4\n');
    const { lines } = await workspace.run({ ...files, 'conf-go': '' }, 'h1\nh2\nh3\nh4\n');
    expect(workspace.lines().sort()).to.deep.equal([
      'a-h1',
      'a-h2',
      'a-h3',
      'a-h4',
      'b-h1',
      'b-h2',
      'b-h3',
      'b-h4',
    ]);
    expect(lines).to.include('a h1 ok').and.include('b h3 changed');
  });

  it('works where every host goes its own way', async () => {
    const files = failing(
      `    - {name: a, shell: ${add('a-{{ inventory_hostname }}')}}\n    - {name: stop, shell: "test {{ inventory_hostname }} != h2 || test -e {{ playbook_dir }}/conf-go"}\n    - {name: b, shell: ${add('b-{{ inventory_hostname }}')}}\n`,
      '  strategy: free\n',
    );
    await workspace.run(files, 'h1\nh2\nh3\n');
    await workspace.run({ ...files, 'conf-go': '' }, 'h1\nh2\nh3\n');
    expect(workspace.lines().sort()).to.deep.equal(['a-h1', 'a-h2', 'a-h3', 'b-h1', 'b-h2', 'b-h3']);
  });

  it('does again what the journal must not hold, and what has other arguments now', async () => {
    const files = (word: string) =>
      failing(
        `    - {name: secret, shell: ${add('secret')}, no_log: true, register: secret}\n    - {name: other, shell: ${add(word)}}\n${gate}    - {name: end, shell: ${add('{{ secret.rc == 0 }}')}}\n`,
      );
    await workspace.run(files('x'), 'h1\n');
    expect(JSON.stringify(workspace.journals)).not.to.include("echo 'secret'");
    await workspace.run({ ...files('y'), 'log.go-h1': '' }, 'h1\n');
    expect(workspace.lines()).to.deep.equal(['secret', 'x', 'secret', 'y', 'True']);
  });

  it('keeps what was done where the condition for it does not hold any more, and asks again what is a question', async () => {
    const files = failing(
      `    - {name: see, stat: {path: "{{ playbook_dir }}/made"}, register: see}
    - {name: make, shell: ${add('made')}, register: made, when: not see.stat.exists, notify: restart}
    - {name: mark, file: {path: "{{ playbook_dir }}/made", state: touch}}
    - {name: ask, shell: ${add('asked')}, changed_when: false}
${gate}    - {name: fill, shell: ${add('filled')}, when: made is changed}
  handlers:
    - {name: restart, shell: ${add('restarted')}}
`,
    );
    await workspace.run(files, 'h1\n');
    await workspace.run({ ...files, 'log.go-h1': '' }, 'h1\n');
    expect(workspace.lines()).to.deep.equal(['made', 'asked', 'asked', 'filled', 'restarted']);
  });

  it('does all again on a host where something was changed meanwhile', async () => {
    const files = failing(
      `    - {name: conf, copy: {content: x, dest: "{{ playbook_dir }}/conf"}}\n    - {name: a, shell: ${add('a')}}\n${gate}`,
    );
    await workspace.run(files, 'h1\n');
    rmSync(join(workspace.dir, 'conf'));
    await workspace.run({ ...files, 'log.go-h1': '' }, 'h1\n');
    expect(workspace.lines()).to.deep.equal(['a', 'a']);
  });
});
