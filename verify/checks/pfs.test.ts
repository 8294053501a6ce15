import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Hosts } from '../../lib/cluster/hosts.ts';
import { Databases } from '../../lib/cluster/sql.ts';
import { localConnection } from '../../lib/transport/index.ts';
import { sampleDeployment } from '../../test/support/verify/sample-deployment.ts';
import { runChecks } from '../suite.ts';
import { pfsChecks, servesDisk } from './pfs.ts';

describe('verify: one pfsdaemon per disk', () => {
  const disk = `test${process.pid}`;
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-pfs-'));
  const here = localConnection({ kind: 'local', host: 'here' });
  const hosts = new Hosts(
    () => here,
    () => undefined,
  );
  const started: ChildProcess[] = [];

  /** Runs a shell under another name, with a command line that ends as given, until it is stopped. */
  async function start(name: string, ...args: string[]): Promise<void> {
    const program = join(dir, name);
    if (!existsSync(program)) copyFileSync('/bin/sh', program);
    const child = spawn(program, ['-c', 'echo up; read line; :', ...args], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    started.push(child);
    await new Promise(resolve => child.stdout!.once('data', resolve));
  }

  afterEach(async () => {
    for (const child of started.splice(0)) {
      if (child.kill('SIGKILL')) await once(child, 'exit');
    }
  });
  after(async () => {
    await here.close();
    rmSync(dir, { recursive: true });
  });

  async function verdict(): Promise<string> {
    const check = pfsChecks.find(({ id }) => id === 'pfs.daemon')!;
    const sample = sampleDeployment('hosts');
    const deployment = { ...sample, replicas: [], pfs: { ...sample.pfs!, disks: [disk] } };
    const options = { reach: hosts, databases: new Databases(hosts, []), runId: 'r', timeoutMs: 10_000 };
    const now = performance.now();
    const [finding] = await runChecks([check], deployment, {
      ...options,
      settleBy: now,
      endBy: now + 20_000,
    });
    return finding?.verdict === 'failed' ? finding.faults[0]!.found : String(finding?.verdict);
  }

  it('is seen among everything that runs', async () => {
    await start('pfsdaemon', '-p', disk);
    await start('pfsdaemon', '-p', `${disk}0`);
    await start('other', 'pfsdaemon', '-p', disk);
    expect(await verdict()).to.equal('passed');
  });

  it('is missed, and a second one that somebody started by hand is noticed', async () => {
    expect(await verdict()).to.equal('0');
    await start('pfsdaemon', '-p', disk);
    await start('pfsdaemon', '-f', '-p', disk, '-w', '2');
    expect(await verdict()).to.equal('2');
  });

  it('is not one that a signal has stopped', async () => {
    await start('pfsdaemon', '-p', disk);
    started[0]!.kill('SIGSTOP');
    expect(await verdict()).to.equal('stopped by a signal');
  });

  it('is told by its program and the disk after -p', () => {
    const cases: readonly (readonly [string, boolean])[] = [
      ['/usr/local/polarstore/pfsd/bin/pfsdaemon -f -p nvme0n1 -w 2', true],
      ['pfsdaemon -p nvme0n10', false],
      ['pfsdaemon -w nvme0n1', false],
      ['sh -c pfsdaemon -p nvme0n1', false],
      ['', false],
    ];
    for (const [line, serves] of cases) expect(servesDisk(line.split(' '), 'nvme0n1'), line).to.equal(serves);
  });
});
