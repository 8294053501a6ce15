import { expect } from 'chai';
import { type BenchCluster, onBenchCluster } from '../../test/support/bench/bench-cluster.ts';
import { madeUpNight } from '../../test/support/bench/made-up-nights.ts';
import type { ThrowawayPostgres } from '../../test/support/throwaway-postgres.ts';
import { formatHtml } from '../report/html.ts';
import { formatMarkdown } from '../report/markdown.ts';
import { comparable } from './history/comparability.ts';
import { writeToPostgres } from './history/postgres-history.ts';
import { rowsOf } from './history/rows.ts';
import { judgeRun } from './history/verdict.ts';
import type { NodeFigures } from './result.ts';
import { scalingOf, summariseRun } from './summary.ts';

describe('bench: a run on a real primary and replica', function () {
  this.timeout(90_000);
  let server: ThrowawayPostgres;
  let cluster: BenchCluster;
  onBenchCluster((...started) => {
    [server, cluster] = started;
  });

  it('measures reading and writing, counts every transaction, and leaves nothing behind', async () => {
    const sweep = { clients: [3, 1], seconds: 1 };
    const detail = await cluster.run({ profile: { ...cluster.profile, sweep } });
    const { record } = detail;
    expect(record.sweep!.map(s => s.clients)).to.deep.equal([1, 3]);
    for (const { tps, percentiles } of record.sweep!) {
      expect(tps).to.be.greaterThan(10);
      expect(percentiles!.count).to.be.greaterThan(10);
    }
    expect(record.complaints).to.deep.equal([]);
    expect(detail.consistent).to.equal(true);
    const summaries = summariseRun(record);
    expect(summaries.map(s => [s.workload, s.nodes])).to.deep.equal([
      ['read-only', 1],
      ['read-only', 2],
      ['read-write', 1],
    ]);
    expect(scalingOf(summaries)!.nodes).to.equal(2);
    // What happened beside the load: the replica's lag, when a row was seen there, and the host's counters.
    const [writing] = record.cells.filter(c => c.workload === 'read-write');
    expect(writing!.lag!.ro1!.maxBytes).to.be.at.least(0);
    expect(writing!.lag!.ro1!.visibleMedianMs).to.be.greaterThan(0);
    expect(detail.series[0]!.hosts.map(h => h.host)).to.deep.equal(['st1', 'rw1', 'ro1']);
    expect(detail.series[0]!.hosts[1]!.seconds[0]!.cpu).to.be.within(0.01, 1);
    for (const cell of record.cells) {
      for (const node of cell.perNode) {
        expect(node.tps, node.host).to.be.greaterThan(10);
        expect(node.percentiles!.count, node.host).to.equal(node.transactions);
        expect(node.percentiles!.p50).to.be.at.most(node.percentiles!.max!);
      }
    }
    expect(record.fingerprint.map(f => f.role)).to.deep.equal(['storage', 'primary', 'replica']);
    expect(record.fingerprint[1]!.stable).to.include({ fsync: 'off' });
    expect(JSON.stringify(detail)).not.to.contain(server.password);
    expect(server.sql("SELECT count(*) FROM pg_database WHERE datname = 'polarplay_bench'").trim()).to.equal(
      '0',
    );
    expect(formatMarkdown(detail, judgeRun(record, []), [])).to.contain(
      '| **read-only, 2 nodes** | 2 each |',
    );
    const page = formatHtml(detail, judgeRun(record, []), []);
    expect(page).to.contain('stands in for PolarDB').and.to.contain('<svg');
    expect(page).to.contain('More clients on the primary');
    // Nothing of it comes from a network.
    expect(page).not.to.match(/src=|https?:|url\(/);
  });

  it('a log of intervals knows the slowest transaction and no percentiles', async () => {
    const profile = { ...cluster.profile, readOnlyNodes: [1], writes: [], aggregateSeconds: 1 };
    const detail = await cluster.run({ profile });
    const [{ transactions, errors, percentiles, slowestMs }] = detail.record.cells[0]!.perNode as [
      NodeFigures,
    ];
    expect([errors, percentiles]).to.deep.equal([0, undefined]);
    expect(transactions).to.be.greaterThan(10);
    expect(slowestMs).to.be.within(0.01, 1000);
    expect(formatMarkdown(detail, judgeRun(detail.record, []), [])).to.contain(
      `| ${slowestMs!.toFixed(2)} | 0 |`,
    );
  });

  it('makes runs of the same thing comparable, and those of another load not', async () => {
    const profile = { ...cluster.profile, readOnlyNodes: [1], writes: [] };
    const [one, two] = [(await cluster.run({ profile })).record, (await cluster.run({ profile })).record];
    expect(comparable(one, two)).to.equal(true);
    expect(comparable(one, { ...two, load: { ...two.load, scale: 2 } })).to.equal(false);
  });

  it('writes a night into a table for other programs, and replaces what is there', async () => {
    const { record } = madeUpNight({ nodes: 2, day: 1 });
    const rows = rowsOf(record, judgeRun(record, []));
    const password = encodeURIComponent(server.password);
    const url = `postgresql://postgres:${password}@127.0.0.1:${server.primaryPort}/postgres`;
    await writeToPostgres(url, rows);
    await writeToPostgres(url, rows);
    const stored = 'SELECT count(*), round(max(tps)), min(verdict) FROM polarplay_bench_history';
    const most = Math.round(Math.max(...rows.map(row => row.tps)));
    expect(server.sql(stored).trim()).to.equal(`${rows.length}|${most}|learning`);
    server.sql('DROP TABLE polarplay_bench_history');
  });

  it('marks a run whose replica goes away as failed, and still reports the rest', async () => {
    let stopped = false;
    const detail = await cluster.run({
      say: line => {
        if (!/read-only on rw1, ro1/.test(line)) return;
        stopped = true;
        setTimeout(() => server.control('replica', 'stop'), 500);
      },
    });
    server.control('replica', 'start');
    expect(stopped).to.equal(true);
    expect(detail.record.failed).to.equal(true);
    expect(detail.record.complaints.join('\n')).to.match(/^ro1: /);
    expect(detail.record.cells.at(-1)!.tps).to.be.greaterThan(10);
    expect(formatMarkdown(detail, judgeRun(detail.record, []), [])).to.contain(
      '**read-only, 2 nodes (no measure)**',
    );
  });

  it('leaves a database of that name alone when somebody else made it', async () => {
    server.sql('CREATE DATABASE polarplay_bench');
    const failure = await cluster.run().catch((error: Error) => error);
    expect((failure as Error).message).to.contain('did not make');
    expect(server.sql("SELECT count(*) FROM pg_database WHERE datname = 'polarplay_bench'").trim()).to.equal(
      '1',
    );
    server.sql('DROP DATABASE polarplay_bench');
  });
});
