import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderOf, runIn, runWith, startIn } from '../support/program.ts';
import { until } from '../support/until.ts';

const RUN = ['site.yml', '-i', 'hosts'];
const play = (task: string, hosts = 'h1 ansible_connection=local\n') => ({
  hosts,
  'site.yml': `- hosts: all\n  gather_facts: false\n  tasks:\n    - ${task}\n    - command: touch went-on\n      args: {chdir: "{{ playbook_dir }}"}\n`,
});

describe('what breaks around a run', () => {
  it('a full disk under its report: the hosts go on, the recap comes, the exit code tells', async () => {
    for (const format of ['terminal', 'json', 'junit']) {
      const dir = folderOf(play('command: id -u'));
      try {
        const { code, stderr } = await runIn(dir, [...RUN, '--format', format], {
          shell: 'exec "$@" >/dev/full',
        });
        expect(code).to.equal(1);
        expect(stderr).to.match(/standard output cannot be written \(ENOSPC\)/);
        expect(stderr).to.match(/PLAY RECAP|"exit_code": 0|<testsuites>/);
        expect(existsSync(join(dir, 'went-on'))).to.equal(true);
      } finally {
        rmSync(dir, { recursive: true });
      }
    }
  });

  it('an error that nobody catches: the run ends in order, every report says so, remote work is stopped', async () => {
    const dir = folderOf(
      play(`shell: 'echo $$ >at-work; exec sleep 50'\n      args: {chdir: "{{ playbook_dir }}"}`),
    );
    // A fault of ours in the middle of the task, and again until the program has ended.
    const fault = `import { existsSync } from 'node:fs'; setInterval(() => { if (existsSync('at-work')) throw new Error('boom'); }, 1).unref()`;
    try {
      const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}` };
      const { code, stdout } = await runIn(dir, [...RUN, '--format', 'json'], { env });
      const report = JSON.parse(stdout);
      expect([code, report.exit_code]).to.deep.equal([250, 250]);
      expect(report.ended).to.match(/boom/);
      const pid = readFileSync(join(dir, 'at-work'), 'utf8').trim();
      await until(() => !existsSync(`/proc/${pid}`));
      expect(existsSync(join(dir, 'went-on'))).to.equal(false);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  const crowd = () =>
    play(
      'command: sleep 0.3',
      Array.from({ length: 40 }, (_, i) => `h${i} ansible_connection=local\n`).join(''),
    );

  it('too few open files: these hosts are unreachable with the reason, the others go on', async () => {
    const { code, stdout } = await runWith(crowd(), [...RUN, '--format', 'json'], {
      shell: 'ulimit -n 80; exec "$@"',
    });
    const report = JSON.parse(stdout);
    expect([code, report.exit_code]).to.deep.equal([4, 4]);
    const results: { status: string; msg?: string; hint?: string }[] = Object.values(
      report.plays[0].tasks[0].hosts,
    );
    expect(results.some(({ status }) => status === 'changed')).to.equal(true);
    for (const { status, msg, hint } of results)
      if (status !== 'changed') {
        expect(msg).to.match(/EMFILE/);
        expect(hint).to.match(/ulimit -n/);
      }
  });

  it('too few open files for the program itself: a sentence says what to do', async () => {
    const { code, stderr } = await runWith(crowd(), RUN, { shell: 'ulimit -n 40; exec "$@"' });
    expect(code).to.equal(1);
    expect(stderr).to.match(/^polarplay: EMFILE.*\n.*ulimit -n.*\n$/);
  });

  /** `script` gives the program a terminal, which is closed when it is killed. */
  const ON_TERMINAL = `exec script -qec "'$1' '$2' site.yml -i hosts --output-dir out" /dev/null`;
  const running = 'shell: echo $$ >pid; exec sleep 300\n      args: {chdir: "{{ playbook_dir }}"}';
  const pidOf = (dir: string) => Number(readFileSync(join(dir, 'pid'), 'utf8'));
  const started = (dir: string) => until(() => existsSync(join(dir, 'pid')) && pidOf(dir) > 0);

  it('a terminal that is closed: what runs on the hosts is told to stop', async function () {
    if (!existsSync('/usr/bin/script')) {
      console.log('a closed terminal is not tested: script is not installed (bsdutils)');
      this.skip();
    }
    const dir = folderOf(play(running));
    try {
      const { child, ended } = startIn(dir, [], { shell: ON_TERMINAL });
      await started(dir);
      child.kill('SIGKILL');
      await ended;
      await until(() => !existsSync(`/proc/${pidOf(dir)}`));
      expect(existsSync(join(dir, 'went-on'))).to.equal(false);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('a hangup without a terminal: the run goes on, as nohup promises', async () => {
    const dir = folderOf(play(running.replace('exec sleep 300', 'sleep 1')));
    try {
      const { child, ended } = startIn(dir, RUN);
      await started(dir);
      child.kill('SIGHUP');
      const { code, stderr } = await ended;
      expect([code, existsSync(join(dir, 'went-on'))]).to.deep.equal([0, true]);
      expect(stderr).to.match(/hangup: there is no terminal, the run goes on/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('an interruption: every report says that it was one', async () => {
    const dir = folderOf(play(running));
    try {
      const { child, ended } = startIn(dir, [...RUN, '--format', 'json']);
      await started(dir);
      child.kill('SIGTERM');
      const { code, stdout } = await ended;
      const { exit_code, ended: why } = JSON.parse(stdout);
      expect([code, exit_code, why]).to.deep.equal([99, 99, 'interrupted by the operator']);
      expect(existsSync(`/proc/${pidOf(dir)}`)).to.equal(false);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
