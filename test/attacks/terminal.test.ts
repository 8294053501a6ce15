import { rmSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { expect } from 'chai';
import { ProgressLine } from '../../bench/cluster/progress-line.ts';
import { terminalOperator } from '../../lib/cli/operator.ts';
import { failureText } from '../../lib/cluster/failure.ts';
import { coloured } from '../../lib/report/style.ts';
import { formatTable } from '../../lib/report/table.ts';
import { htmlText } from '../../lib/source/html-text.ts';
import { visible, visibleJson } from '../../lib/source/visible.ts';
import type { Finding } from '../../verify/findings.ts';
import { formatFinding } from '../../verify/report/terminal.ts';
import { folderOf, runIn } from '../support/program.ts';

/** What clears the screen, sets a title, rings, turns text round, and the 8-bit form of the first. */
const ESCAPES = ['\u001b[2J', '\u001b]0;title\u0007', '\u0008', '\u202e', '\u009b2J', '\u007f', '\r'];
const HOSTILE = ESCAPES.join('');
const ACTIVE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/;

const PLAY = `
- name: "play ${'{{ text }}'}"
  hosts: all
  gather_facts: false
  vars: {text: ${JSON.stringify(HOSTILE)}}
  tasks:
    - name: "task {{ text }}"
      debug: {msg: "{{ text }}"}
    - debug: {var: text}
    - command: printf '%s' "{{ text }}"
    - command: sh -c "printf '%s' '{{ text }}' >&2; exit 3"
      ignore_errors: true
    - command: printf '%s' "{{ item }}"
      loop: ["{{ text }}"]
    - command: sh -c "exit 1"
      loop: ["{{ text }}"]
      ignore_errors: true
    - fail: {msg: "{{ text }}"}
      ignore_errors: true
    - debug: {msg: x}
      loop: [1]
      loop_control: {label: "{{ text }}"}
    - copy: {content: "{{ text }}\\nmore\\n", dest: "{{ playbook_dir }}/file"}
    - copy: {content: "other\\n", dest: "{{ playbook_dir }}/file"}
    - assert: {that: "{{ text }}"}
      ignore_errors: true
    - add_host: {name: "n{{ text }}", groups: "g{{ text }}"}
    - include_tasks: "{{ text }}.yml"
      ignore_errors: true
    - set_stats: {data: {stat: "{{ text }}"}}
    - template: {src: broken.j2, dest: /nowhere/x}
      ignore_errors: true
- hosts: "g*"
  gather_facts: false
  connection: local
  tasks: [{ping: }]
`;

describe('attacks: text that acts on the terminal', () => {
  let dir: string;
  before(() => {
    dir = folderOf({
      'site.yml': PLAY,
      hosts: 'h1 ansible_connection=local\n',
      'odd.yml': `all: {hosts: {${JSON.stringify(`h${HOSTILE}`)}: {v: ${JSON.stringify(HOSTILE)}}}}\n`,
      'broken.j2': `${HOSTILE} {{ nothing }}\n`,
      'mistake.yml': `- hosts: all\n  ${JSON.stringify(HOSTILE)}: 1\n`,
    });
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  for (const args of [
    ['site.yml', '-i', 'hosts', '--diff'],
    ['site.yml', '-i', 'hosts', '--diff', '-vvv'],
    ['site.yml', '-i', 'hosts', '--format', 'json'],
    ['site.yml', '-i', 'hosts', '--format', 'junit'],
    ['site.yml', '-i', 'hosts', '--list-tasks'],
    ['mistake.yml', '-i', 'hosts'],
    ['lint', 'mistake.yml'],
    ['lint', 'mistake.yml', '--format', 'pep8'],
    ['lint', 'mistake.yml', '--format', 'json'],
    ['lint', 'mistake.yml', '--format', 'sarif'],
    ['inventory', '-i', 'odd.yml', '--graph', '--vars'],
    ['inventory', '-i', 'odd.yml', '--list'],
    ['run', 'all', '-i', 'hosts', '-a', `printf %s ${HOSTILE}`],
    ['run', 'all', '-i', 'hosts', '-m', 'debug', '-a', JSON.stringify({ msg: HOSTILE })],
    ['site.yml', '-i', 'hosts', '--limit', HOSTILE],
    [HOSTILE],
  ]) {
    it(`is shown as its code: ${visible(args.join(' ')).slice(0, 70)}`, async () => {
      const { stdout, stderr } = await runIn(dir, args);
      expect(stdout + stderr).not.to.match(ACTIVE);
      expect(stdout + stderr).not.to.equal('');
    });
  }

  it('stays text within colours, tables, JSON and pages', () => {
    expect(coloured('ok', 'a\u001b[2Jb')).to.equal('\u001b[32ma\\x1b[2Jb\u001b[0m');
    expect(formatTable(['h'], [[HOSTILE]], (_, text) => text)).not.to.match(ACTIVE);
    expect(htmlText(HOSTILE)).not.to.match(ACTIVE);
    expect(visibleJson({ a: HOSTILE })).not.to.match(ACTIVE);
    expect(JSON.parse(visibleJson({ a: HOSTILE }))).to.deep.equal({ a: HOSTILE });
  });

  it('stays text in what verify and bench say of a host', () => {
    const fault = {
      host: HOSTILE,
      expected: HOSTILE,
      found: HOSTILE,
      reply: { host: HOSTILE, command: HOSTILE },
    };
    const finding = {
      ...{ id: HOSTILE, title: HOSTILE, layer: 'os', verdict: 'failed', severity: 'danger', todo: HOSTILE },
      ...{ faults: [fault], figures: [], notLookedAt: [{ host: HOSTILE, reason: HOSTILE }] },
    } as unknown as Finding;
    for (const color of [true, false]) {
      const shown = formatFinding(finding, HOSTILE, { color }).replaceAll(/\u001b\[\d+m/g, '');
      expect(shown).to.include('x9b2J').and.not.match(ACTIVE);
    }
    expect(failureText('verify', new Error(HOSTILE)).text).not.to.match(ACTIVE);
    const said = new PassThrough();
    new ProgressLine(said as unknown as WriteStream).say(HOSTILE);
    expect(String(said.read())).to.include('x9b2J').and.not.match(ACTIVE);
  });

  it('has no effect in a question', async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => input });
    const output = new PassThrough();
    const { ask } = terminalOperator(input as unknown as ReadStream, output as unknown as WriteStream);
    const answer = ask(`sure? ${HOSTILE}`, { secret: true });
    input.write('yes\r');
    expect(await answer).to.equal('yes');
    expect(String(output.read()))
      .to.match(/^sure\? \\x1b/)
      .and.not.match(ACTIVE);
  });

  it('leaves what people write: Chinese, accents, emoji, tabs and line ends', () => {
    const text = '主库 „é" 👩‍🔧\t|\nnext\r\nline';
    expect(visible(text)).to.equal(text.replace('\r\n', '\n'));
  });
});
