import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type BenchCluster, onBenchCluster } from '../../../test/support/bench/bench-cluster.ts';
import type { ThrowawayPostgres } from '../../../test/support/throwaway-postgres.ts';
import { comparable } from '../history/comparability.ts';
import type { RunDetail } from '../result.ts';
import { AWAIT_START, CommonStart } from './common-start.ts';
import { divided } from './generators.ts';
import { withSource } from './profiles.ts';

describe('bench: load from other hosts', function () {
  this.timeout(90_000);
  let server: ThrowawayPostgres;
  let cluster: BenchCluster;
  onBenchCluster((...started) => {
    [server, cluster] = started;
  });

  /** A program of a host that does something before the real one. */
  function withProgram(host: string, program: string, script: string): void {
    const bin = join(cluster.folder, `${host}-bin`);
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    cluster.environment.set(host, { PATH: `${bin}:${process.env.PATH}` });
  }

  async function runFrom(clients: readonly string[]): Promise<RunDetail & { readonly seen: Set<string> }> {
    const load = { clients: 3, threads: 2, seconds: 2 };
    const seen = new Set<string>();
    const detail = await cluster.run({
      deployment: { ...cluster.deployment, clients },
      profile: withSource(
        { ...cluster.profile, readOnly: load, readWrite: load, readOnlyNodes: [2] },
        'clients',
      ),
      onSecond: host => seen.add(host),
    });
    return { ...detail, seen };
  }

  /** Seconds between loads that belong together, the most that the run tells of. */
  const apart = ({ remarks }: RunDetail['record']): number =>
    Math.max(0, ...remarks.map(line => Number(/began (\S+) s apart/.exec(line)?.[1] ?? 0)));

  it('divides the clients among the hosts', () => {
    const clients = (load: { clients: number; threads: number }, hosts: number) =>
      divided({ ...load, seconds: 1 }, hosts).map(l => [l.clients, l.threads]);
    expect(clients({ clients: 16, threads: 8 }, 3)).to.deep.equal([
      [6, 3],
      [5, 3],
      [5, 3],
    ]);
    expect(clients({ clients: 2, threads: 2 }, 4)).to.deep.equal([
      [1, 1],
      [1, 1],
    ]);
  });

  it('the shell waits until the time, not for one that passed or is far, and leaves no file', () => {
    const here = mkdtempSync(join(cluster.folder, 'start-'));
    const waits = (at: number) => {
      const began = performance.now();
      execFileSync('sh', ['-c', `${AWAIT_START}await_start "$1"`, 'sh', at.toFixed(3)], { cwd: here });
      return performance.now() - began;
    };
    const soon = Date.now() / 1000 + 4;
    expect(waits(soon)).to.be.greaterThan(1000);
    expect(Date.now() / 1000).to.be.at.least(soon - 0.01);
    expect(waits(Date.now() / 1000 - 60)).to.be.lessThan(8_000);
    expect(waits(Date.now() / 1000 + 60)).to.be.lessThan(8_000);
    expect(readdirSync(here)).to.deep.equal([]);
  });

  it('two hosts of which one is an hour ahead begin together, and every transaction of both counts', async () => {
    withProgram('cl2', 'date', 'exec /bin/date -d "+1 hour" "$@"');
    const start = await CommonStart.of(cluster.hosts, ['cl1', 'cl2']);
    expect(Number(start.on('cl2')) - Number(start.on('cl1'))).to.be.closeTo(3600, 1);
    const { record, series, consistent, seen } = await runFrom(['cl1', 'cl2']);
    expect([record.complaints, consistent]).to.deep.equal([[], true]);
    // A busy machine starts them a little apart, the clocks would make it an hour.
    expect(apart(record)).to.be.lessThan(60);
    expect([...seen].sort()).to.deep.equal([
      ...['ro1 from cl1', 'ro1 from cl2', 'rw1 from cl1', 'rw1 from cl2'],
    ]);
    expect(record.fingerprint.filter(f => f.role === 'client').map(f => f.host)).to.deep.equal([
      'cl1',
      'cl2',
    ]);
    for (const { perNode, clients } of record.cells) {
      expect(clients).to.equal(3);
      for (const { host, tps, transactions, percentiles } of perNode) {
        expect(percentiles!.count, host).to.equal(transactions);
        expect(tps).to.be.closeTo(transactions / 2, transactions / 4);
      }
    }
    expect(series[0]!.hosts.map(h => h.host)).to.include.members(['cl1', 'cl2', 'rw1']);
    expect(comparable(record, { ...record, load: { ...record.load, generators: 1 } })).to.equal(false);
    expect(JSON.stringify(record)).not.to.contain(server.password);
  });

  it('says when one of them began late', async () => {
    withProgram('cl2', 'sleep', 'exec /bin/sleep "$(echo "$1" | awk "{ print \\$1 + 4 }")"');
    const { record } = await runFrom(['cl1', 'cl2']);
    expect(apart(record)).to.be.greaterThan(3);
  });

  it('this machine alone, and a wrong word', async () => {
    const load = { clients: 2, threads: 1, seconds: 1 };
    const { record } = await cluster.run({
      profile: withSource({ ...cluster.profile, readOnly: load, readOnlyNodes: [1], writes: [] }, 'control'),
    });
    expect(record.complaints).to.deep.equal([]);
    expect(record.load).to.include({ from: 'control', generators: 1 });
    expect(record.night[0]!.tps).to.be.greaterThan(10);
    expect(() => withSource(cluster.profile, 'ro1')).to.throw(
      '--from is nodes, control or clients, not "ro1"',
    );
    expect(withSource(cluster.profile, 'nodes')).not.to.have.property('from');
  });

  it('without such hosts nothing is measured', async () => {
    const failure = await runFrom([]).catch((error: Error) => error);
    expect((failure as Error).message).to.contain('the inventory has none');
  });
});
