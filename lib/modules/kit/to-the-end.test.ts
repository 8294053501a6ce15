import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { until } from '../../../test/support/until.ts';
import { killScript } from '../../transport/shell/kill.ts';
import { awaitEnd, toTheEnd } from './to-the-end.ts';

const environment = (dir: string) => ({ ...process.env, POLARPLAY_RUN: join(dir, 'run') });
const run = (dir: string, script: string, input = '') =>
  spawnSync('sh', ['-c', script], { encoding: 'utf8', input, env: environment(dir) });

describe('work that must come to its end', () => {
  it('gives output, exit code and input as if it were done at once, and leaves nothing behind', () =>
    withTemporaryDirectory(dir => {
      const { status, stdout, stderr } = run(dir, toTheEnd('x', 'cat; echo bad >&2; exit 3'), 'in\nput');
      expect([status, stdout, stderr]).to.deep.equal([3, 'in\nput', 'bad\n']);
      expect(readdirSync(join(dir, 'run'))).to.deep.equal(['x.lock']);
    }));

  it('loses nothing of a long output', () =>
    withTemporaryDirectory(dir => {
      const { stdout } = run(
        dir,
        toTheEnd('x', 'i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done'),
      );
      expect(stdout.split('\n').slice(-2)).to.deep.equal(['line 19999', '']);
      expect(stdout.split('\n')).to.have.lengthOf(20001);
    }));

  it('goes on when the request is ended as Ctrl-C ends it, and what comes next waits', () =>
    withTemporaryDirectory(async dir => {
      const [begun, go, done] = ['begun', 'go', 'done'].map(name => join(dir, name)) as [
        string,
        string,
        string,
      ];
      const work = `touch ${begun}; until [ -e ${go} ]; do sleep 0.05; done; echo over >${done}`;
      const shell = spawn('sh', ['-c', `${toTheEnd('x', work)}`], {
        detached: true,
        env: environment(dir),
        stdio: 'ignore',
      });
      await until(() => existsSync(begun));
      run(dir, killScript(shell.pid!, process.pid));
      await once(shell, 'exit');
      expect(run(dir, awaitEnd('x', 0)).status).to.equal(75);
      const next = spawn('sh', ['-c', toTheEnd('x', `cat ${done}`)], { env: environment(dir) });
      let said = '';
      next.stdout.on('data', chunk => (said += chunk));
      let waits = '';
      next.stderr.on('data', chunk => (waits += chunk));
      await until(() => waits !== '');
      writeFileSync(go, '');
      const [code] = await once(next, 'close');
      expect([code, said, waits]).to.deep.equal([
        0,
        'over\n',
        'waiting for the end of what an earlier run began\n',
      ]);
      expect(run(dir, awaitEnd('x', 0)).status).to.equal(0);
      expect(readdirSync(join(dir, 'run'))).to.deep.equal(['x.lock']);
    }));

  it('says so when the work itself was killed', () =>
    withTemporaryDirectory(async dir => {
      const pid = join(dir, 'pid');
      const shell = spawn('sh', ['-c', toTheEnd('x', `echo $PPID >${pid}; exec sleep 60`)], {
        env: environment(dir),
        stdio: 'ignore',
      });
      await until(() => existsSync(pid) && readFileSync(pid, 'utf8').endsWith('\n'));
      const detached = Number(readFileSync(pid, 'utf8'));
      process.kill(-detached, 'SIGKILL');
      const [code] = await once(shell, 'exit');
      expect(code).to.equal(137);
    }));
});
