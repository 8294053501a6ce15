import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { until } from '../../../test/support/until.ts';
import { freeScript, takeScript } from './polardb_lock.ts';

const wish = { name: 'cluster', owner: 'switchover to ro1', wait: 20, queue: false, grace: 3 };

/** A shell as a connection has it: the lock's script runs in a subshell of it. */
async function holdIn(
  dir: string,
  grace = wish.grace,
): Promise<{ readonly shell: ChildProcess; readonly holder: string }> {
  const shell = spawn('sh', { stdio: ['pipe', 'pipe', 'inherit'] });
  shell.stdin.write(`(${takeScript(dir, { ...wish, grace }, 'me on here (process 1)')})\n`);
  const [holder] = (await once(shell.stdout, 'data')) as [Buffer];
  return { shell, holder: holder.toString().trim() };
}

const take = (dir: string) =>
  spawnSync('sh', ['-c', `(${takeScript(dir, wish, 'other on there (process 2)')})`], { encoding: 'utf8' });

describe('the lock of operations', () => {
  it('says who holds it, and does not wait for a run that is alive', async () => {
    await withTemporaryDirectory(async dir => {
      const { shell, holder } = await holdIn(dir);
      try {
        const { status, stderr } = take(dir);
        expect(status).to.equal(75);
        expect(stderr.trim().split('\n').at(-1)).to.match(
          /^switchover to ro1, by me on here \(process 1\), since \d{4}-\d\d-\d\dT/,
        );
      } finally {
        shell.kill();
        spawnSync('sh', ['-c', freeScript(dir, 'cluster', holder)]);
      }
    });
  });

  it('is free at once when the run gives it back at its end', async () => {
    await withTemporaryDirectory(async dir => {
      // Three times longer than `take` waits: it does not get a lock that was left.
      const { shell, holder } = await holdIn(dir, 3 * wish.wait);
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', holder)]);
      shell.kill();
      const next = take(dir);
      expect(next.status, next.stderr).to.equal(0);
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', next.stdout.trim())]);
    });
  });

  it('is not given back by a run that no longer has it', async () => {
    await withTemporaryDirectory(async dir => {
      const { shell, holder } = await holdIn(dir);
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', '1')]);
      expect(existsSync(join(dir, 'cluster.lock.owner'))).to.equal(true);
      shell.kill();
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', holder)]);
    });
  });

  it('stays a while after its runner was killed, and the next run says why it waits', async () => {
    await withTemporaryDirectory(async dir => {
      const { shell } = await holdIn(dir);
      shell.kill('SIGKILL');
      await until(() => existsSync(join(dir, 'cluster.lock.left')));
      const next = take(dir);
      expect(next.stderr).to.match(/waiting for switchover to ro1.*that run was killed.*free in \d s/);
      expect(next.status).to.equal(0);
      expect(readFileSync(join(dir, 'cluster.lock.owner'), 'utf8')).to.match(/by other on there/);
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', next.stdout.trim())]);
    });
  });
});
