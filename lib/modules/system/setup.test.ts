import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { runModule, type TestOptions, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { isObject } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import { setup } from './setup.ts';

type Facts = { readonly [name: string]: Json };

async function gather(args: Readonly<Record<string, Json>> = {}, options: TestOptions = {}): Promise<Facts> {
  const result = await runModule(setup, args, options);
  expect(result.failed, String(result.msg)).to.equal(undefined);
  expect(result.changed).to.equal(false);
  const facts = Object.entries(result.ansible_facts as Facts);
  return Object.fromEntries(facts.map(([name, fact]) => [name.replace(/^ansible_/, ''), fact]));
}

const ORACLE = '/usr/bin/ansible';

/** What Ansible's own setup module says of this machine. */
function oracleFacts(): Facts {
  const output = execFileSync(
    ORACLE,
    [
      '-c',
      'local',
      '-i',
      'localhost,',
      'localhost',
      '-m',
      'setup',
      '-e',
      'ansible_python_interpreter=/usr/bin/python3',
    ],
    {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ANSIBLE_STDOUT_CALLBACK: 'minimal' },
    },
  );
  const { ansible_facts: facts } = JSON.parse(output.slice(output.indexOf('{'))) as { ansible_facts: Facts };
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name.replace(/^ansible_/, ''), value]),
  );
}

/** Facts that differ from one second to the next: only their shape is compared. */
const VOLATILE = new Set([
  'date_time',
  'loadavg',
  'memfree_mb',
  'memory_mb',
  'swapfree_mb',
  'uptime_seconds',
  'mounts',
  'env',
  'devices',
]);
/** Others may add network interfaces while the test runs; python says less on purpose. */
const PARTLY = new Set(['interfaces', 'all_ipv4_addresses', 'all_ipv6_addresses', 'python', 'device_links']);

/** Lists in a fixed order: neither side promises one. */
function sorted(value: Json): Json {
  if (Array.isArray(value))
    return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, sorted(v)]));
}

/** Types instead of values. */
function shape(value: Json): Json {
  if (Array.isArray(value)) return 'list';
  if (!isObject(value)) return typeof value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(key => [key, shape(value[key]!)]),
  );
}

describe('setup', () => {
  it('agrees with Ansible about this machine', async function () {
    if (!existsSync(ORACLE)) {
      console.log('      skipped: ansible is not installed here; it runs where /usr/bin/ansible exists');
      return this.skip();
    }
    const expected = oracleFacts();
    const found = await gather();
    const compared: string[] = [];
    for (const [name, value] of Object.entries(expected)) {
      if (PARTLY.has(name) || (typeof value === 'object' && value !== null && 'device' in value)) continue;
      expect(found, name).to.have.property(name);
      if (name === 'mounts' || name === 'env' || name === 'devices') continue;
      const view = VOLATILE.has(name) ? shape : sorted;
      expect(view(found[name]!), name).to.deep.equal(view(value));
      compared.push(name);
    }
    expect(compared.length).to.be.greaterThan(70);
    const root = (facts: Facts) => (facts.mounts as { mount: string }[]).find(m => m.mount === '/');
    expect(shape(root(found) as unknown as Json)).to.deep.equal(shape(root(expected) as unknown as Json));
    expect(found.lo).to.deep.equal(expected.lo);
    const disk = (facts: Facts) => (facts.devices as { [name: string]: Json })[diskName(expected)]!;
    expect(sorted(disk(found))).to.deep.equal(sorted(disk(expected)));
  });

  for (const shell of ['dash', 'bash', 'busybox'] as const) {
    it(`works under ${shell}`, async function () {
      if (shell === 'busybox' && !existsSync('/bin/busybox')) {
        console.log('      skipped: busybox is not installed here');
        return this.skip();
      }
      const facts = await gather({}, { shell });
      expect(facts.system).to.equal('Linux');
      expect(facts.memtotal_mb).to.be.greaterThan(10);
      expect(facts.processor_vcpus).to.be.greaterThan(0);
      expect(facts).to.have.nested.property('lo.ipv4.address', '127.0.0.1');
      expect(facts).to.have.nested.property('date_time.epoch').that.matches(/^\d+$/);
      expect((facts.mounts as Json[]).length).to.be.greaterThan(0);
    });
  }

  it('is one request', async () => {
    let requests = 0;
    await gather({}, { onRequest: () => requests++ });
    expect(requests).to.equal(1);
  });

  it('runs in check mode', async () => {
    expect(await gather({}, { checkMode: true })).to.include({ system: 'Linux' });
  });

  it('shows the environment as the author set it, not our own changes', async () => {
    const facts = await gather(
      { gather_subset: ['min'] },
      { env: { MARK: 'two\nlines', PATH: '/usr/bin:/bin' } },
    );
    expect(facts.env)
      .to.include({ MARK: 'two\nlines', PATH: '/usr/bin:/bin' })
      .and.not.have.property('LC_ALL');
  });

  const subsets: readonly (readonly [string[], string[], string[]])[] = [
    [
      ['!all'],
      ['distribution', 'pkg_mgr', 'user_id', 'env'],
      ['memtotal_mb', 'default_ipv4', 'virtualization_type'],
    ],
    [['!all', '!min'], ['gather_subset'], ['distribution', 'memtotal_mb']],
    [
      ['!all', '!min', 'network'],
      ['default_ipv4', 'interfaces'],
      ['memtotal_mb', 'env'],
    ],
    [['hardware'], ['memtotal_mb', 'mounts', 'distribution'], ['default_ipv4']],
    [
      ['all', '!hardware'],
      ['default_ipv4', 'loadavg'],
      ['memtotal_mb', 'devices'],
    ],
    [['!all', 'virtual'], ['virtualization_type', 'distribution'], ['mounts']],
    [['!all', '!min', 'mounts'], ['mounts'], ['distribution']],
    [['!all', '!min', 'pkg_mgr'], ['pkg_mgr'], ['env']],
  ];
  for (const [subset, present, absent] of subsets) {
    it(`gathers ${subset.join(',')}`, async () => {
      const facts = await gather({ gather_subset: subset });
      expect(facts).to.include.keys(...present);
      for (const name of absent) expect(facts).not.to.have.property(name);
    });
  }

  it('refuses an unknown subset', async () => {
    const result = await runModule(setup, { gather_subset: ['nonsense'] });
    expect(result.msg).to.match(/^Bad subset 'nonsense' given to Ansible/);
  });

  it('filters by shell patterns, with and without the prefix', async () => {
    expect(Object.keys(await gather({ filter: 'ansible_mem*' })).sort()).to.deep.equal([
      'memfree_mb',
      'memory_mb',
      'memtotal_mb',
    ]);
    expect(await gather({ filter: ['distribution', 'kernel'] })).to.have.all.keys('distribution', 'kernel');
  });

  it('reads local facts: JSON, INI and programs', () =>
    withTemporaryDirectory(async dir => {
      const facts = join(dir, 'facts.d');
      mkdirSync(facts);
      writeFileSync(join(facts, 'a.fact'), '{"x": [1, 2]}');
      writeFileSync(join(facts, 'b.fact'), '# no\n[General]\nKey = v 1\nother: 2\n');
      writeFileSync(join(facts, 'c.fact'), '#!/bin/sh\necho "{\\"from\\": \\"program\\"}"\n');
      writeFileSync(join(facts, 'd.fact'), '#!/bin/sh\necho broken >&2; exit 3\n');
      writeFileSync(join(facts, 'e.fact'), 'neither\n');
      for (const name of ['c', 'd']) chmodSync(join(facts, `${name}.fact`), 0o755);
      const { local } = await gather({ fact_path: facts, gather_subset: ['!all'] });
      expect(local).to.deep.equal({
        a: { x: [1, 2] },
        b: { General: { key: 'v 1', other: '2' } },
        c: { from: 'program' },
        d: `Failure executing fact script (${facts}/d.fact), rc: 3, err: broken`,
        e: `error loading facts as JSON or ini - please check content: ${facts}/e.fact`,
      });
    }));
});

function diskName(facts: Facts): string {
  const names = Object.keys(facts.devices as object).filter(name => !/^(loop|ram|zram|nbd|dm-)/.test(name));
  return names[0]!;
}
