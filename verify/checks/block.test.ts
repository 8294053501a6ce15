import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Export } from '../../lib/cluster/deployment.ts';
import { Hosts } from '../../lib/cluster/hosts.ts';
import { Databases } from '../../lib/cluster/sql.ts';
import { localConnection } from '../../lib/transport/index.ts';
import { sampleDeployment } from '../../test/support/verify/sample-deployment.ts';
import type { Finding } from '../findings.ts';
import { runChecks } from '../suite.ts';
import { blockChecks } from './block.ts';

const MIB = 2 ** 20;

describe('verify: the scratch export', () => {
  // O_DIRECT needs a file system that has it, and the system's temporary folder may be in memory.
  mkdirSync('.polarplay', { recursive: true });
  const dir = mkdtempSync(join('.polarplay', 'scratch-'));
  const here = localConnection({ kind: 'local', host: 'here' });
  const hosts = new Hosts(
    () => here,
    () => undefined,
  );
  after(async () => {
    await here.close();
    rmSync(dir, { recursive: true });
  });

  const disk = (name: string, content = Buffer.alloc(0)) => {
    const file = join(dir, name);
    writeFileSync(file, Buffer.concat([content, Buffer.alloc(MIB - content.length)]));
    return file;
  };

  /** Two nodes that both see `device`; block devices of a test are files. */
  async function check(exports: readonly Export[], pfsDisks?: readonly string[]): Promise<Finding> {
    const sample = sampleDeployment();
    const deployment = {
      ...sample,
      storage: { ...sample.storage, exports },
      replicas: sample.replicas.slice(0, 1),
      pfs: pfsDisks && { disks: pfsDisks, cluster: 'disk', pfsBinary: 'pfs' },
    };
    const shared = blockChecks.find(({ id }) => id === 'block.shared')!;
    const now = performance.now();
    const [finding] = await runChecks([shared], deployment, {
      reach: hosts,
      databases: new Databases(hosts, []),
      runId: '0123456789ab',
      timeoutMs: 10_000,
      settleBy: now,
      endBy: now + 20_000,
    });
    return finding!;
  }
  const scratch = (device: string, backing = device): Export => ({
    name: 'scratch',
    backing,
    device,
    scratch: true,
    nodes: ['rw1', 'ro1'],
  });
  const message = (finding: Finding) =>
    finding.verdict === 'failed' ? finding.faults.map(({ found }) => found).join('\n') : finding.verdict;

  it('is written through each node in turn and read through the others, again and again', async () => {
    const file = disk('good');
    expect(message(await check([scratch(file)]))).to.equal('passed');
    expect(message(await check([scratch(file)]))).to.equal('passed');
    // Nothing stays behind.
    expect(readFileSync(file).every(byte => byte === 0)).to.equal(true);
  });

  it('two runs at once do not disturb each other', async () => {
    const file = disk('busy', Buffer.alloc(MIB));
    const runs = await Promise.all([1, 2, 3].map(() => check([scratch(file)])));
    expect(runs.map(message)).to.deep.equal(['passed', 'passed', 'passed']);
  });

  it('fails when a node or the storage host sees another disk', async () => {
    expect(message(await check([scratch(disk('here'), disk('there'))]))).to.equal(
      'a blank block\na blank block',
    );
  });

  for (const [what, content] of [
    ['a file system', Buffer.concat([Buffer.alloc(1080), Buffer.from([0x53, 0xef])])],
    ['a PFS', Buffer.from([0x48, 0x43, 0x53, 0x46, 0x50])],
    ['something in its second block', Buffer.concat([Buffer.alloc(5000), Buffer.from('data')])],
  ] as const) {
    it(`is not written when it holds ${what}`, async () => {
      const file = disk('foreign', content);
      const before = readFileSync(file);
      expect(message(await check([scratch(file)]))).to.contain('something that this suite did not write');
      expect(readFileSync(file).equals(before)).to.equal(true);
    });
  }

  it('is not written when another export is the same disk, or when it carries PFS', async () => {
    const file = disk('shared');
    const data: Export = { name: 'data', backing: file, device: '/dev/elsewhere', scratch: false, nodes: [] };
    expect(message(await check([data, scratch(disk('other'), file)]))).to.contain('the same disk as data');
    expect(message(await check([{ ...scratch('/dev/nvmescratch') }], ['nvmescratch']))).to.contain(
      'is a PFS disk',
    );
    expect(readFileSync(file).every(byte => byte === 0)).to.equal(true);
  });

  it('is nothing to write to without the inventory saying so', async () => {
    const file = disk('unnamed');
    const finding = await check([{ ...scratch(file), scratch: false }]);
    expect(finding).to.include({ verdict: 'skipped' });
    expect(readFileSync(file).every(byte => byte === 0)).to.equal(true);
  });

  it('fails when a device cannot be read, instead of taking it for blank', async () => {
    expect(message(await check([scratch(join(dir, 'nosuch'))]))).to.match(/No such file/);
  });
});
