import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Hosts } from '../../lib/cluster/hosts.ts';
import { Databases } from '../../lib/cluster/sql.ts';
import { localConnection } from '../../lib/transport/index.ts';
import { startOrSkip, type ThrowawayPostgres } from '../../test/support/throwaway-postgres.ts';
import { localDeployment } from '../../test/support/verify/sample-deployment.ts';
import { performanceChecks, type Trial } from '../checks/performance.ts';
import type { Finding } from '../findings.ts';
import { runChecks } from '../suite.ts';
import { type Baseline, compare, differences, median, readBaseline } from './baseline.ts';
import { readTps } from './pgbench.ts';

const baseline: Baseline = {
  schema: 1,
  storedAt: '2026-01-02T00:00:00.000Z',
  primary: 'rw1',
  load: { scale: '5' },
  hosts: { st1: { cpus: '2' }, rw1: { cpus: '2', 'memory MiB': '2000' }, ro1: { cpus: '2' } },
  measured: { reads: { rw1: 1000, ro1: 1000 }, writes: 100 },
};

describe('verify: the baseline of a cluster', () => {
  it('is compared figure by figure', () => {
    const now = { ...baseline, measured: { reads: { rw1: 699, ro1: 700 }, writes: 20 } };
    const slow = compare(baseline, now).filter(verdict => !verdict.ok);
    expect(slow.map(({ host, what, share }) => `${host} ${what} ${share}`)).to.deep.equal([
      'rw1 reads 0.699',
      'rw1 writes 0.2',
    ]);
  });

  it('is not compared where something else was measured', () => {
    const other = (change: Partial<Baseline>) => differences(baseline, { ...baseline, ...change }).join('; ');
    const hosts = (name: string, facts: Record<string, string>) => ({
      hosts: { ...baseline.hosts, [name]: facts },
    });
    expect(other({})).to.equal('');
    expect(other({ load: { scale: '6' } })).to.equal('scale 5 → 6');
    expect(other(hosts('ro1', { cpus: '4' }))).to.equal('ro1: cpus 2 → 4');
    expect(other(hosts('rw1', { cpus: '2', 'memory MiB': '2010' }))).to.equal('');
    expect(other(hosts('rw1', { cpus: '2', 'memory MiB': '3000' }))).to.equal('rw1: memory MiB 2000 → 3000');
    expect(other(hosts('ro2', { cpus: '2' }))).to.equal('ro2 was not measured then');
    expect(other({ hosts: { rw1: baseline.hosts['rw1']!, st1: { cpus: '2' } } })).to.equal(
      'ro1 was measured then, and not now',
    );
    expect(other({ primary: 'ro1' })).to.equal('primary: memory MiB 2000 → nothing');
  });

  it('is the median of its repetitions', () => {
    expect([median([3, 1, 2]), median([4, 1]), median([])]).to.deep.equal([2, 1, 0]);
  });

  it('reads what each version of pgbench says', () => {
    expect(readTps('x\ntps = 12.5 (without initial connection time)\n', 'rw1')).to.equal(12.5);
    expect(
      readTps('tps = 9 (including connections establishing)\ntps = 10 (excluding connections …)', 'rw1'),
    ).to.equal(10);
    expect(() => readTps('', 'rw1')).to.throw('no figure');
  });
});

describe('verify --performance, on a real primary and replica', function () {
  this.timeout(120_000);
  const here = localConnection({ kind: 'local', host: 'here' });
  const hosts = new Hosts(
    () => here,
    () => undefined,
  );
  let server: ThrowawayPostgres;
  let folder: string;
  const trial = (change: Partial<Trial> = {}): Trial => ({
    baselineFile: join(folder, '.polarplay', 'performance.json'),
    anew: false,
    mostBusy: 1,
    load: { scale: 1, clients: 2, threads: 1, seconds: 1, repetitions: 1 },
    ...change,
  });

  before(async function () {
    server = await startOrSkip(this);
    folder = mkdtempSync(join(tmpdir(), 'polarplay-performance-'));
  });
  after(async () => {
    server?.stop();
    if (folder) rmSync(folder, { recursive: true });
    await here.close();
  });

  async function measure(asked: Trial | undefined, signal?: AbortSignal): Promise<Finding> {
    const deployment = localDeployment(server, {});
    const nodes = [deployment.primary, ...deployment.replicas];
    const databases = new Databases(
      hosts,
      nodes.map(node => node.sql),
      20_000,
    );
    const now = performance.now();
    try {
      const checks = performanceChecks(asked).map(check => ({ ...check, needs: [] }));
      const [finding] = await runChecks(checks, deployment, {
        reach: hosts,
        databases,
        runId: randomBytes(6).toString('hex'),
        timeoutMs: 20_000,
        settleBy: now,
        endBy: now + 80_000,
        ...(signal ? { signal } : {}),
      });
      return finding!;
    } finally {
      await databases.close();
    }
  }
  const said = (finding: Finding) =>
    finding.verdict === 'failed'
      ? finding.faults.map(fault => `${fault.host}: ${fault.found}`).join('\n')
      : finding.verdict === 'skipped'
        ? finding.reason
        : finding.verdict;
  const left = () => server.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'polarplay%'").trim();

  it('puts no load on a cluster that nobody asked for', async () => {
    expect(said(await measure(undefined))).to.match(/--performance asks/);
  });

  it('stores a baseline, compares with it, and tells what has become slow', async () => {
    expect(said(await measure(trial()))).to.match(/^stored as the baseline in .*nothing to compare with$/);
    const { baselineFile } = trial();
    const stored = readBaseline(baselineFile)!;
    expect(Object.keys(stored.measured.reads)).to.deep.equal(['rw1', 'ro1']);
    expect(stored.measured.writes).to.be.greaterThan(0);
    // A machine under load scatters: the figures of then are set, and what is said about those of now is looked at.
    const store = (factor: number, change: Partial<Baseline> = {}) =>
      writeFileSync(
        baselineFile,
        JSON.stringify({
          ...stored,
          ...change,
          measured: {
            reads: Object.fromEntries(
              Object.entries(stored.measured.reads).map(([host, tps]) => [host, factor * tps]),
            ),
            writes: factor * stored.measured.writes,
          },
        }),
      );
    store(0.001);
    expect(said(await measure(trial()))).to.equal('passed');
    store(1000);
    expect(said(await measure(trial()))).to.match(/^rw1: \d+ reads a second, 0 %\nro1: .*\nrw1: \d+ writes/);
    store(1, { hosts: { ...stored.hosts, ro1: { ...stored.hosts['ro1'], data_checksums: 'no idea' } } });
    expect(said(await measure(trial()))).to.match(/^rw1: ro1: data_checksums no idea → o\w+: not compared/);
    expect(left()).to.equal('0');
  });

  it('measures nothing where others are at work', async () => {
    expect(said(await measure(trial({ mostBusy: -1 })))).to.match(/busy: nothing was measured/);
    expect(left()).to.equal('0');
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const stop = new AbortController();
    const load = { ...trial().load, seconds: 20 };
    const running = measure(trial({ load }), stop.signal);
    // It runs as soon as its tables are filled.
    const query =
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench' AND query ~ '^SELECT abalance'";
    while (server.sql(query).trim() === '0') await new Promise(resolve => setTimeout(resolve, 100));
    stop.abort(new Error('interrupted'));
    await running;
    expect(left()).to.equal('0');
  });

  it('does not take anything for a baseline', () => {
    const file = join(folder, 'other.json');
    writeFileSync(file, '{"schema": 2}');
    expect(() => readBaseline(file)).to.throw('--new-baseline');
    expect(readFileSync(file, 'utf8')).to.equal('{"schema": 2}');
  });
});
