import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../support/run-module.ts';

const PROGRAM = join(import.meta.dirname, '../../roles/common/files/polar-run-on-change');

/** A service whose restarts are counted, with the files it reads. */
async function withService(work: (service: Service) => void): Promise<void> {
  await withTemporaryDirectory(dir => {
    const restarts = join(dir, 'restarts');
    const run = (command: readonly string[]) =>
      spawnSync('sh', [PROGRAM, 'service', join(dir, 'a.conf'), join(dir, 'b.conf'), '--', ...command], {
        encoding: 'utf8',
        env: { ...process.env, POLAR_RUN_ON_CHANGE: join(dir, 'polar/run-on-change') },
      });
    work({
      write: (name, text) => writeFileSync(join(dir, name), text),
      touchMode: name => chmodSync(join(dir, name), 0o600),
      restart: () => run(['sh', '-c', `echo x >>${restarts}`]),
      fail: () => run(['sh', '-c', 'exit 3']),
      killed: () => run(['sh', '-c', `echo x >>${restarts}; kill -9 $PPID`]),
      moveMarks: () => renameSync(join(dir, 'polar/run-on-change'), join(dir, 'polar/in-force')),
      restarts: () => (existsSync(restarts) ? readFileSync(restarts, 'utf8').length / 2 : 0),
    });
  });
}

interface Service {
  readonly write: (name: string, text: string) => void;
  readonly touchMode: (name: string) => void;
  readonly restart: () => ReturnType<typeof spawnSync>;
  readonly fail: () => ReturnType<typeof spawnSync>;
  readonly killed: () => ReturnType<typeof spawnSync>;
  /** Moves the marks to where version 0.3 kept them. */
  readonly moveMarks: () => void;
  readonly restarts: () => number;
}

describe('polar-run-on-change, instead of a handler', () => {
  it('runs the command after a change, says so, and is silent afterwards', async () => {
    await withService(({ write, restart, restarts }) => {
      write('a.conf', '1');
      expect(restart()).to.include({ status: 0, stdout: 'command succeeded\n' });
      expect(restart()).to.include({ status: 0, stdout: '' });
      write('a.conf', '2');
      restart();
      expect(restarts()).to.equal(2);
    });
  });

  it('sees a file that comes, goes, or is written again with the same content', async () => {
    await withService(({ write, touchMode, restart, restarts }) => {
      write('a.conf', '1');
      restart();
      write('b.conf', '1');
      restart();
      write('b.conf', '1');
      restart();
      touchMode('b.conf');
      restart();
      restart();
      expect(restarts()).to.equal(4);
    });
  });

  it('runs it again when it failed, or when it was killed before it was entered', async () => {
    await withService(({ write, fail, killed, restart, restarts }) => {
      write('a.conf', '1');
      expect(fail()).to.include({ status: 3, stdout: '' });
      expect(killed().status).to.equal(null);
      expect(restart()).to.include({ status: 0, stdout: 'command succeeded\n' });
      expect(restarts()).to.equal(2);
    });
  });

  it('takes over the marks of version 0.3, so that an upgrade restarts nothing', async () => {
    await withService(({ write, restart, moveMarks, restarts }) => {
      write('a.conf', '1');
      restart();
      moveMarks();
      expect(restart()).to.include({ status: 0, stdout: '', stderr: '' });
      expect(restarts()).to.equal(1);
      write('a.conf', '2');
      restart();
      expect(restarts()).to.equal(2);
    });
  });
});
