import { expect } from 'chai';
import { localConnection } from '../lib/transport/index.ts';
import type { Deployment } from '../verify/deployment.ts';
import { Hosts } from '../verify/hosts.ts';
import { Databases } from '../verify/sql.ts';
import { startOrSkip, type ThrowawayPostgres } from '../verify/testing/throwaway-postgres.ts';
import { environmentOf, takeFingerprint } from './fingerprint.ts';
import { PROFILES } from './profiles.ts';
import { formatHtml } from './report/html.ts';
import { formatMarkdown } from './report/markdown.ts';
import { runBench } from './run.ts';
import { scalingOf, summariseRun } from './summary.ts';

const here = localConnection({ kind: 'local', host: 'here' });
const hosts = new Hosts(
  () => here,
  (_, user) => (user === 'root' || process.getuid?.() !== 0 ? undefined : { method: 'su', user }),
);

describe('bench: a run on a real primary and replica', function () {
  this.timeout(90_000);
  let server: ThrowawayPostgres;
  before(async function () {
    server = await startOrSkip(this);
  });
  after(async () => {
    server?.stop();
    await here.close();
  });

  function deployment(): Deployment {
    const node = (host: string, port: number) => ({
      host,
      address: '127.0.0.1',
      diskServices: [],
      services: [],
      sql: {
        host,
        address: '127.0.0.1',
        port,
        database: 'postgres',
        user: 'postgres',
        password: server.password,
        osUser: 'postgres',
        socketDir: server.dir,
        psql: `${server.bin}/psql`,
      },
    });
    return {
      database: 'postgresql',
      version: '15',
      storage: {
        host: 'st1',
        service: 'none',
        address: '',
        port: 0,
        anyAddressAllowed: false,
        configFile: '/nonexistent',
        authFile: undefined,
        extraClients: [],
        exports: [],
      },
      primary: { ...node('rw1', server.primaryPort), role: 'primary', slot: undefined },
      replicas: [{ ...node('ro1', server.replicaPort), role: 'replica', slot: 'replica1' }],
      sync: 'off',
      cluster: 'polar',
      recordFile: '/nonexistent',
      record: undefined,
      pfs: undefined,
    };
  }

  const profile = {
    ...PROFILES.smoke!,
    name: 'test',
    scale: 1,
    warmUpSeconds: 0,
    readOnly: { clients: 2, threads: 1, seconds: 1 },
    readWrite: { clients: 2, threads: 1, seconds: 1 },
  };
  const run = (change: Partial<Parameters<typeof runBench>[0]> = {}) =>
    runBench({ deployment: deployment(), hosts, profile, keep: false, say: () => {}, ...change });

  it('measures reading and writing, counts every transaction, and leaves nothing behind', async () => {
    const detail = await run();
    const { record } = detail;
    expect(record.complaints).to.deep.equal([]);
    expect(detail.consistent).to.equal(true);
    const summaries = summariseRun(record);
    expect(summaries.map(s => [s.workload, s.nodes])).to.deep.equal([
      ['read-only', 1],
      ['read-only', 2],
      ['read-write', 1],
    ]);
    expect(scalingOf(summaries)!.nodes).to.equal(2);
    for (const cell of record.cells) {
      for (const node of cell.perNode) {
        expect(node.tps, node.host).to.be.greaterThan(10);
        expect(node.percentiles!.count, node.host).to.equal(node.transactions);
        expect(node.percentiles!.p50).to.be.at.most(node.percentiles!.max);
      }
    }
    expect(detail.fingerprint.map(f => f.role)).to.deep.equal(['storage', 'primary', 'replica']);
    expect(detail.fingerprint[1]!.stable).to.include({ fsync: 'off' });
    expect(JSON.stringify(detail)).not.to.contain(server.password);
    expect(server.sql("SELECT count(*) FROM pg_database WHERE datname = 'polarplay_bench'").trim()).to.equal(
      '0',
    );
    expect(formatMarkdown(detail)).to.contain('| **read-only, 2 nodes** | 2 each |');
    const page = formatHtml(detail, []);
    expect(page).to.contain('stands in for PolarDB').and.to.contain('uPlot');
    expect(page).not.to.match(/(src|href)=/);
  });

  it('gives two runs of the same thing the same environment, and another load another', async () => {
    const cluster = deployment();
    const databases = new Databases(hosts, [cluster.primary.sql, cluster.replicas[0]!.sql]);
    try {
      const [one, two] = [
        await takeFingerprint(cluster, hosts, databases),
        await takeFingerprint(cluster, hosts, databases),
      ];
      expect(environmentOf(cluster, profile, one)).to.equal(environmentOf(cluster, profile, two));
      expect(environmentOf(cluster, { ...profile, scale: 2 }, one)).not.to.equal(
        environmentOf(cluster, profile, one),
      );
    } finally {
      await databases.close();
    }
  });

  it('marks a run whose replica goes away as failed, and still reports the rest', async () => {
    let stopped = false;
    const detail = await run({
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
    expect(formatMarkdown(detail)).to.contain('its figures are no measure');
  });

  it('leaves a database of that name alone when somebody else made it', async () => {
    server.sql('CREATE DATABASE polarplay_bench');
    const failure = await run().catch((error: Error) => error);
    expect((failure as Error).message).to.contain('did not make');
    expect(server.sql("SELECT count(*) FROM pg_database WHERE datname = 'polarplay_bench'").trim()).to.equal(
      '1',
    );
    server.sql('DROP DATABASE polarplay_bench');
  });
});
