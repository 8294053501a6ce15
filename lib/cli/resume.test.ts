import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';

const MAIN = join(import.meta.dirname, '../../dist/polarplay.js');

const SITE = `
- hosts: all
  gather_facts: false
  vars_files: [vars.yml]
  tasks:
    - name: build
      shell: {cmd: "echo build >> log", chdir: "{{ playbook_dir }}"}
      notify: restart
    - name: long
      shell: {cmd: "echo begun >> log; while [ ! -e go ]; do [ ! -e fail ] || exit 1; sleep 0.1; done; echo ended >> log", chdir: "{{ playbook_dir }}"}
      environment: {TOKEN: "{{ token | default('') }}"}
  handlers:
    - name: restart
      shell: {cmd: "echo restart >> log", chdir: "{{ playbook_dir }}"}
`;

describe('--resume', function () {
  this.timeout(180_000);
  let dir: string;
  const children: ChildProcess[] = [];
  const put = (name: string, text: string) => writeFileSync(join(dir, name), text);
  const log = () =>
    existsSync(join(dir, 'log')) ? readFileSync(join(dir, 'log'), 'utf8').trim().split('\n') : [];
  const options = () => ({
    cwd: dir,
    env: { ...process.env, POLARPLAY_RUNS: join(dir, 'runs'), NO_COLOR: '1' },
  });

  /** Runs the program to its end. */
  function run(...args: string[]): { code: number | null; text: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      ...options(),
      timeout: 100_000,
    });
    return { code: status, text: `${stdout}${stderr}` };
  }

  /** Starts the site, and waits until its long task is under way. */
  async function begin(...args: string[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, [MAIN, 'site.yml', '-i', 'hosts', ...args], {
      ...options(),
      stdio: 'ignore',
    });
    children.push(child);
    // Until it is there, or the test's own time is over: other tests may take the machine.
    while (!log().includes('begun') && child.exitCode === null) await sleep(20);
    return child;
  }

  /** Ends it as a power cut would. */
  async function kill(child: ChildProcess): Promise<void> {
    const ended = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'polarplay-resume-'));
    put('site.yml', SITE);
    put('vars.yml', 'x: 1\n');
    put('hosts', 'h1 ansible_connection=local\n');
  });
  afterEach(() => {
    put('fail', '');
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });

  it('goes on after kill -9: finished work stays, the task under way and its handlers run', async () => {
    const child = await begin();
    const early = run('site.yml', '-i', 'hosts', '--resume');
    expect(early.text).to.match(/^polarplay: --resume: the run \S+ is still under way$/m);
    await kill(child);
    expect(run('runs').text).to.match(/site\.yml .*killed/);
    put('go', '');
    const { code, text } = run('site.yml', '-i', 'hosts', '--resume');
    expect(code, text).to.equal(0);
    expect(text).to.match(/^GOING ON FROM THE RUN \d{8}T\d{6}-\d+ \*/m);
    expect(text).to.include('ok: [h1] (finished before)');
    expect(text).to.include('1 result of the run before was taken over');
    expect(log().filter(line => line === 'build')).to.have.length(1);
    expect(log().at(-1)).to.equal('restart');
    const again = run('site.yml', '-i', 'hosts', '--resume');
    expect([again.code, again.text]).to.deep.equal([
      1,
      `polarplay: --resume: the last run of site.yml (${newest()}) ended well, so there is nothing to resume\n`,
    ]);
  });

  const newest = () =>
    readdirSync(join(dir, 'runs'))
      .filter(name => name.endsWith('.jsonl'))
      .sort()
      .at(-1)!
      .replace('.jsonl', '');

  it('names what has changed since, and does nothing then', () => {
    put('fail', '');
    expect(run('site.yml', '-i', 'hosts', '-e', 'token=sesame-open', '-l', 'h1').code).to.equal(2);
    const before = log();
    const journal = readFileSync(join(dir, 'runs', `${newest()}.jsonl`), 'utf8');
    expect(journal).not.to.include('sesame');
    const refused = (args: readonly string[], reason: RegExp) => {
      const { code, text } = run('site.yml', '-i', 'hosts', '--resume', ...args);
      expect(code, text).to.equal(1);
      expect(text).to.match(reason);
      expect(text).to.match(
        /Without --resume the playbook runs from its beginning, and finds done what is done\.\n$/,
      );
      expect(log()).to.deep.equal(before);
    };
    const same = ['-e', 'token=sesame-open', '-l', 'h1'];
    refused(['-e', 'token=other', '-l', 'h1'], /can't go on: the extra variable token differs\./);
    refused(['-e', 'token=sesame-open'], /can't go on: --limit was "h1" and is not given\./);
    put('vars.yml', 'x: 2\n');
    refused(same, /can't go on: vars\.yml changed\./);
    put('vars.yml', 'x: 1\n');
    appendFileSync(join(dir, 'site.yml'), '# more\n');
    refused(same, /can't go on: site\.yml changed\./);
    put('site.yml', SITE);
    put('hosts', 'h1 ansible_connection=local new=1\nh2\n');
    refused(
      same,
      /can't go on: hosts changed; the host h2 is new; the groups or variables of h1 changed|the host h2/,
    );
    put('hosts', 'h1 ansible_connection=local\n');
    rmSync(join(dir, 'fail'));
    put('go', '');
    expect(run('site.yml', '-i', 'hosts', '--resume', ...same).code).to.equal(0);
  });

  it('does all again on a host that another run changed meanwhile', () => {
    put('fail', '');
    run('site.yml', '-i', 'hosts');
    put('other.yml', '- hosts: all\n  gather_facts: false\n  tasks:\n    - command: "true"\n');
    expect(run('other.yml', '-i', 'hosts').code).to.equal(0);
    rmSync(join(dir, 'fail'));
    put('go', '');
    const { code, text } = run('site.yml', '-i', 'hosts', '--resume');
    expect(code, text).to.equal(0);
    expect(text).to.match(
      /\[WARNING\]: h1: the run \S+ changed it since; its tasks are run again from here on/,
    );
    expect(log().filter(line => line === 'build')).to.have.length(2);
  });

  it('is offered where a run did not end well, and nowhere else', () => {
    put('fail', '');
    const offered = (...args: string[]) =>
      run('site.yml', '-i', 'hosts', ...args)
        .text.split('\n')
        .filter(line => line.startsWith('to go on'));
    const offer = (line: string) => [`to go on from here: ${line}`];
    expect(offered()).to.deep.equal(offer('polarplay site.yml -i hosts --resume'));
    expect(offered('--resume')).to.deep.equal(offer('polarplay site.yml -i hosts --resume'));
    expect(offered('-l', 'h*')).to.deep.equal(offer("polarplay site.yml -i hosts -l 'h*' --resume"));
    // It may be a secret.
    expect(offered('-e', 'token=sesame')).to.deep.equal(offer('the same command with --resume'));
    expect(offered('--check')).to.deep.equal([]);
    expect(offered('--format', 'json')).to.deep.equal([]);
    rmSync(join(dir, 'fail'));
    put('go', '');
    expect(offered()).to.deep.equal([]);
    // A mistake that shows only now: its file has to change, and then --resume would refuse.
    put('broken.yml', '- debgu: {msg: x}\n');
    put(
      'site.yml',
      '- hosts: all\n  gather_facts: false\n  tasks:\n    - include_tasks: "{{ file }}"\n      vars: {file: broken.yml}\n',
    );
    expect(offered()).to.deep.equal([]);
  });

  it('goes on with the run of the inventory that is named', () => {
    put('fail', '');
    put('others', 'h2 ansible_connection=local\n');
    run('site.yml', '-i', 'hosts');
    rmSync(join(dir, 'fail'));
    put('go', '');
    expect(run('site.yml', '-i', 'others').code).to.equal(0);
    const { code, text } = run('site.yml', '-i', 'hosts', '--resume');
    expect(code, text).to.equal(0);
    expect(text).to.include('1 result of the run before was taken over');
  });

  it('says what it needs', () => {
    expect(run('site.yml', '-i', 'hosts', '--resume').text).to.match(
      /^polarplay: --resume: no run of site\.yml with this inventory is kept in \S+; run it without --resume$/m,
    );
    expect(run('site.yml', '-i', 'hosts', '--resume', '--check').text).to.equal(
      "polarplay: --resume goes on with a run: it can't be used with --check\n",
    );
  });
});
