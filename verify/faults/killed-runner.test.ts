import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

const MAIN = join(import.meta.dirname, 'killed-runner.ts');

/** A kill follows the next task's title: time for it to arrive before the next step is done. */
const WAIT = `    - name: Wait
      command: sleep 2
      changed_when: false`;

describe('killed runners', function () {
  this.timeout(180_000);
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'polarplay-killed-'));
    writeFileSync(join(dir, 'hosts'), 'h1 ansible_connection=local\n');
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs a playbook of these shell tasks to its end, killed after each; `after` must then have nothing to do. */
  function killed(tasks: readonly string[], more: readonly string[] = []) {
    const text = [
      '- name: Trial\n  hosts: all\n  gather_facts: false\n  tasks:',
      ...tasks.map((script, i) => `    - name: Step ${i + 1}\n      ${script}\n${WAIT}`),
    ].join('\n');
    const playbook = join(dir, 'trial.yml');
    writeFileSync(playbook, text);
    const argv = ['-i', join(dir, 'hosts'), '--playbook', playbook, '--after', playbook, '--minutes', '3'];
    return new Promise<{ code: number; text: string }>(resolve => {
      const node = ['--import', 'tsx', MAIN, ...argv, ...more];
      execFile(process.execPath, node, { timeout: 170_000 }, (error, stdout, stderr) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error ? -1 : 0,
          text: stdout + stderr,
        }),
      );
    });
  }

  const once = (name: string) =>
    `shell: 'echo ran >>${name}.runs; [ ! -e ${name} ] && touch ${name} && echo made'
      args: {chdir: ${dir}}
      register: said
      changed_when: said.stdout == 'made'
      failed_when: false`;
  const runs = (name: string) =>
    readFileSync(join(dir, `${name}.runs`), 'utf8')
      .trim()
      .split('\n').length;

  it('one is killed after each task that changed something, until one finishes', async () => {
    const { code, text } = await killed([once('first'), once('second'), once('third')]);
    expect(text).to.contain('killed after Trial: Step 1\n').and.contain('killed after Trial: Step 2\n');
    expect(text).to.contain('3 runners were killed, the next one finished');
    expect(text).to.contain('changed=0 on h1');
    expect(code).to.equal(0);
    expect(runs('first')).to.equal(5);
    expect(runs('third')).to.equal(3);
  });

  it('what cannot be run again is not accepted', async () => {
    const { code, text } = await killed([`command: mkdir ${join('{{ inventory_dir }}', 'made')}`]);
    expect(text).to.contain('NOT ACCEPTED: the run after 1 kills ended with 2').and.contain('File exists');
    expect(code).to.equal(2);
  });

  it('what changes something each time is not accepted', async () => {
    const { code, text } = await killed(["command: 'true'"]);
    expect(text).to.contain('still had work to do');
    expect(code).to.equal(2);
  });

  it('Ctrl-C in the middle of a task counts as a kill', async () => {
    const { code, text } = await killed(
      [`${once('first').replace('[ !', 'sleep 4; [ !')}`],
      ['--signal', 'SIGINT', '--during', 'Step 1', '--times', '1'],
    );
    expect(text).to.match(/killed 0\.\d\d s into Trial: Step 1/);
    expect(text).to.contain('1 runners were killed');
    expect(code).to.equal(0);
  });
});
