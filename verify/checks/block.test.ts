import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Deployment, Export } from '../../lib/cluster/deployment.ts';
import { Hosts } from '../../lib/cluster/hosts.ts';
import { localConnection } from '../../lib/transport/index.ts';
import type { Finding } from '../findings.ts';
import { runLayers } from '../suite.ts';
import { blockLayer } from './block.ts';

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
    const node = (host: string) => ({
      host,
      address: host,
      diskServices: [],
      services: [],
      slot: undefined,
      sql: {} as Deployment['primary']['sql'],
    });
    const deployment: Deployment = {
      database: 'polardb',
      version: '15',
      storage: {
        host: 'st1',
        service: '',
        address: '',
        port: 0,
        anyAddressAllowed: false,
        configFile: '',
        authFile: undefined,
        extraClients: [],
        exports,
      },
      primary: { ...node('rw1'), role: 'primary' },
      replicas: [{ ...node('ro1'), role: 'replica' }],
      sync: 'off',
      cluster: 'polar',
      recordFile: '',
      record: undefined,
      pfs: pfsDisks && { disks: pfsDisks, cluster: 'disk', pfsBinary: 'pfs' },
    };
    const findings = await runLayers([blockLayer(hosts)], deployment, {
      timeoutMs: 10_000,
      settleMs: 1_000,
      onFinding: () => {},
    });
    return findings.find(f => f.id === 'block.shared')!;
  }
  const scratch = (device: string, backing = device): Export => ({
    name: 'scratch',
    backing,
    device,
    scratch: true,
  });
  const message = (finding: Finding) => (finding.verdict === 'failed' ? finding.message : finding.verdict);

  it('is written through each node in turn and read through the others, again and again', async () => {
    const file = disk('good');
    expect(message(await check([scratch(file)]))).to.equal('passed');
    expect(message(await check([scratch(file)]))).to.equal('passed');
    const content = readFileSync(file);
    expect(content.subarray(0, 4096).every(byte => byte === 0)).to.equal(true);
    expect(content.subarray(4096).toString()).to.match(/^polarplay verify scratch\nrw1 [0-9a-f]{32}\n/);
    expect(content.subarray(8192).toString()).to.match(/^polarplay verify scratch\nro1 /);
  });

  for (const [what, content] of [
    ['a file system', Buffer.concat([Buffer.alloc(1080), Buffer.from([0x53, 0xef])])],
    ['a PFS', Buffer.from([0x48, 0x43, 0x53, 0x46, 0x50])],
    ['something in its second block', Buffer.concat([Buffer.alloc(5000), Buffer.from('data')])],
  ] as const) {
    it(`is not written when it holds ${what}`, async () => {
      const file = disk('foreign', content);
      const before = readFileSync(file);
      expect(message(await check([scratch(file)]))).to.contain(
        'holds something that this suite did not write',
      );
      expect(readFileSync(file).equals(before)).to.equal(true);
    });
  }

  it('is not written when another export is the same disk, or when it carries PFS', async () => {
    const file = disk('shared');
    const data: Export = { name: 'data', backing: file, device: '/dev/elsewhere', scratch: false };
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
    expect(message(await check([scratch(join(dir, 'nosuch'))]))).to.contain('cannot be read');
  });
});
