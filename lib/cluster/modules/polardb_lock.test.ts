import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { until } from '../../../test/support/until.ts';
import { freeScript, takeScript } from './polardb_lock.ts';

const args = { name: 'cluster', owner: 'switchover to ro1', wait: 20, queue: false, grace: 3 };

/** A shell as a connection has it: the lock's script runs in a subshell of it. */
async function holdIn(
  dir: string,
  grace = args.grace,
): Promise<{ readonly shell: ChildProcess; readonly holder: string }> {
  const shell = spawn('sh', { stdio: ['pipe', 'pipe', 'inherit'] });
  shell.stdin.write(`(${takeScript(dir, { ...args, grace }, 'me on here (process 1)', 'run-1')})\n`);
  const [holder] = (await once(shell.stdout, 'data')) as [Buffer];
  return { shell, holder: holder.toString().trim() };
}

const take = (dir: string) =>
  spawnSync('sh', ['-c', `(${takeScript(dir, args, 'other on there (process 2)', 'run-2')})`], {
    encoding: 'utf8',
  });

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
        spawnSync('sh', ['-c', freeScript(dir, 'cluster', { holder: holder })]);
      }
    });
  });

  it('is free at once when the run gives it back at its end', async () => {
    await withTemporaryDirectory(async dir => {
      // Three times longer than `take` waits: it does not get a lock that was left.
      const { shell, holder } = await holdIn(dir, 3 * args.wait);
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', { holder: holder })]);
      shell.kill();
      const next = take(dir);
      expect(next.status, next.stderr).to.equal(0);
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', { holder: next.stdout.trim() })]);
    });
  });

  it('is not given back by a run that no longer has it', async () => {
    await withTemporaryDirectory(async dir => {
      const { shell, holder } = await holdIn(dir);
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', { holder: '1' })]);
      expect(existsSync(join(dir, 'cluster.lock.owner'))).to.equal(true);
      shell.kill();
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', { holder: holder })]);
    });
  });

  it('is taken once by a run, whose parts may ask for it again', async () => {
    await withTemporaryDirectory(async dir => {
      const { shell, holder } = await holdIn(dir);
      const again = takeScript(dir, args, 'me on here (process 1)', 'run-1');
      const { status, stdout } = spawnSync('sh', ['-c', again], { encoding: 'utf8' });
      expect([status, stdout]).to.deep.equal([0, '']);
      shell.kill();
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', { holder })]);
    });
  });

  it('is given back by the run that holds it, by others only with force', async () => {
    await withTemporaryDirectory(async dir => {
      const { shell } = await holdIn(dir);
      const free = (whose: Parameters<typeof freeScript>[2]) =>
        spawnSync('sh', ['-c', freeScript(dir, 'cluster', whose)], { encoding: 'utf8' });
      const other = free({ run: 'run-2' });
      expect([other.status, other.stderr]).to.deep.equal([
        77,
        readFileSync(join(dir, 'cluster.lock.owner'), 'utf8'),
      ]);
      expect(free({ run: 'run-1' }).status).to.equal(0);
      expect(existsSync(join(dir, 'cluster.lock.owner'))).to.equal(false);
      shell.kill();
      const second = await holdIn(dir);
      expect(free({ force: true }).status).to.equal(0);
      expect(take(dir).status).to.equal(0);
      second.shell.kill();
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
      spawnSync('sh', ['-c', freeScript(dir, 'cluster', { holder: next.stdout.trim() })]);
    });
  });
});
