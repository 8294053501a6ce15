import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../source/errors.ts';
import { checkName, labsDir, requireLab, withLock } from './record.ts';

describe('lab record', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'polarplay-lab-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('refuses names that could not be told apart or used as a folder', () => {
    for (const name of ['', 'A', 'a.b', '../x', 'a/b', '1a']) {
      expect(() => checkName('lab name', name), name).to.throw(UsageError);
    }
    expect(checkName('lab name', 'bench-16')).to.equal('bench-16');
  });

  it('says how to make a lab that is not there', async () => {
    const error = await requireLab(root, 'lab').then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).to.be.instanceOf(UsageError);
    expect((error as Error).message).to.contain('polarplay lab up');
  });

  it('lets one command at a time change a lab', async () => {
    await withLock(root, 'a', async () => {
      const second = await withLock(root, 'a', async () => 'entered').catch((e: Error) => e.message);
      expect(second).to.contain(`process ${process.pid}`);
      expect(await withLock(root, 'b', async () => 'entered')).to.equal('entered');
    });
    expect(await withLock(root, 'a', async () => 'entered')).to.equal('entered');
  });

  it('takes over the lock of a dead command', async () => {
    await withLock(root, 'a', async () => undefined);
    await writeFile(join(labsDir(root), '.a.lock'), '4194304\n');
    expect(await withLock(root, 'a', async () => 'entered')).to.equal('entered');
  });
});
