import { expect } from 'chai';
import type { Deployment } from '../../lib/cluster/deployment.ts';
import { Hosts } from '../../lib/cluster/hosts.ts';
import { Databases, type SqlTarget } from '../../lib/cluster/sql.ts';
import { localConnection } from '../../lib/transport/index.ts';
import { startOrSkip, type ThrowawayPostgres } from '../../test/support/throwaway-postgres.ts';
import type { Finding } from '../findings.ts';
import { runLayers } from '../suite.ts';
import { dataLayer } from './data.ts';
import { databaseLayer } from './database.ts';
import { fitsPolicy, replicationLayer } from './replication.ts';

/** What is healthy is seen at once, but for a busy machine. */
const HEALTHY_MS = 20_000;

const here = localConnection({ kind: 'local', host: 'here' });
const hosts = new Hosts(
  () => here,
  () => undefined,
);

describe('verify: the layers that speak SQL, on a real primary and replica', function () {
  this.timeout(90_000);
  let server: ThrowawayPostgres;

  before(async function () {
    server = await startOrSkip(this);
  });
  after(async () => {
    server?.stop();
    await here.close();
  });

  const target = (host: string, port: number): SqlTarget => ({
    host,
    address: '127.0.0.1',
    port,
    database: 'postgres',
    user: 'postgres',
    password: server.password,
    osUser: 'postgres',
    socketDir: server.dir,
    psql: `${server.bin}/psql`,
  });

  function deployment(change: Partial<Deployment> = {}): Deployment {
    const node = (host: string, port: number) => ({
      host,
      address: '127.0.0.1',
      diskServices: [],
      services: [],
      sql: target(host, port),
    });
    return {
      database: 'postgresql',
      version: server.bin.split('/').at(-2)!,
      storage: {
        host: 'st1',
        service: 'none',
        address: '',
        port: 0,
        anyAddressAllowed: false,
        configFile: '',
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
      ...change,
    };
  }

  async function verify(
    what: Deployment,
    targets: readonly SqlTarget[],
    settleMs = 1_500,
  ): Promise<{ findings: readonly Finding[]; remarks: readonly string[] }> {
    const databases = new Databases(hosts, targets);
    try {
      const layers = [databaseLayer(databases), replicationLayer(databases), dataLayer(databases)];
      const findings = await runLayers(layers, what, { timeoutMs: 20_000, settleMs, onFinding: () => {} });
      return { findings, remarks: databases.remarks };
    } finally {
      await databases.close();
    }
  }

  const failed = (findings: readonly Finding[]) =>
    Object.fromEntries(findings.flatMap(f => (f.verdict === 'failed' ? [[f.id, f.message]] : [])));
  const both = () => [target('rw1', server.primaryPort), target('ro1', server.replicaPort)];

  it('passes a healthy pair through pg, times the delay and leaves nothing behind', async () => {
    const { findings, remarks } = await verify(deployment(), both(), HEALTHY_MS);
    expect(failed(findings)).to.deep.equal({});
    expect(findings).to.have.length(15);
    const figures = findings.find(f => f.id === 'data.delay')!.figures;
    expect(figures.map(f => `${f.host} ${f.name} ${f.unit}`)).to.deep.equal([
      'ro1 delay p50 ms',
      'ro1 delay p99 ms',
    ]);
    expect(figures[0]!.value).to.be.a('number').within(0, 1000);
    expect(remarks.join('\n')).to.match(/^SQL on rw1: pg to 127\.0\.0\.1:\d+ as postgres$/m);
    expect(server.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'polarplay%'").trim()).to.equal(
      '0',
    );
  });

  it('goes through psql on the host where pg is not let in, and says so', async () => {
    const wrong = both().map(t => ({ ...t, password: 'not the one' }));
    const { findings, remarks } = await verify(deployment(), wrong, HEALTHY_MS);
    expect(failed(findings)).to.deep.equal({});
    expect(remarks[1]).to.match(
      /^SQL on \w+: psql on \w+ as postgres \(pg was not let in: password authentication failed/,
    );
    expect(remarks.join('\n')).not.to.contain('not the one');
  });

  it('tells what is wrong: roles swapped, another slot, another sync policy, another version', async () => {
    const right = deployment();
    const { findings } = await verify(
      deployment({
        version: '11',
        sync: 'all',
        replicas: [{ ...right.replicas[0]!, slot: 'replica9' }],
      }),
      both(),
    );
    const messages = failed(findings);
    expect(Object.keys(messages)).to.deep.equal([
      'database.version',
      'replication.streaming',
      'replication.sync',
      'replication.slots',
      'replication.receivers',
      'replication.lag',
    ]);
    expect(messages['replication.lag']).to.match(/replicas that are not connected/);
    expect(messages['replication.streaming']).to.match(/replicas that stream: expected \[\] to deeply equal/);
    expect(messages['replication.sync']).to.equal(
      'replica9 is not connected, which does not fit the policy "all"',
    );
    expect(messages['replication.receivers']).to.match(/^ro1: wal receivers/);

    const swapped = deployment();
    const { primary, replicas } = swapped;
    const second = await verify(
      deployment({
        primary: { ...primary, sql: replicas[0]!.sql },
        replicas: [{ ...replicas[0]!, sql: primary.sql }],
      }),
      [target('rw1', server.replicaPort), target('ro1', server.primaryPort)],
    );
    expect(failed(second.findings)['database.role.rw1']).to.equal(
      'rw1 in recovery: expected true to equal false',
    );
    expect(failed(second.findings)['data.rows']).to.contain('read-only transaction');
  });

  it('tells that a replica is down, and that its rows are missing', async () => {
    server.control('replica', 'stop');
    const { findings } = await verify(deployment(), both());
    const messages = failed(findings);
    expect(messages['database.answers']).to.match(
      /^ro1: (not true within .* last: )?the database cannot be reached: pg to 127/,
    );
    expect(messages['replication.slots']).to.contain('slots that are not active');
    expect(messages['data.rows']).to.match(/^ro1: /);
    expect(Object.keys(messages)).not.to.include('database.role.rw1');
  });

  it('leaves a schema of that name alone when somebody else made it', async () => {
    server.control('replica', 'start');
    server.sql('CREATE SCHEMA polarplay_verify');
    const { findings } = await verify(deployment(), both());
    expect(failed(findings)['data.rows']).to.contain('did not make');
    expect(
      server.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'polarplay_verify'").trim(),
    ).to.equal('1');
  });
});

describe('verify: sync states', () => {
  for (const [policy, state, fits] of [
    ['off', 'async', true],
    ['off', 'sync', false],
    ['any1', 'quorum', true],
    ['any1', 'async', false],
    ['first1', 'potential', true],
    ['all', 'sync', true],
    ['all', 'potential', false],
  ] as const) {
    it(`${state} ${fits ? 'fits' : 'does not fit'} the policy ${policy}`, () => {
      expect(fitsPolicy(policy, state)).to.equal(fits);
    });
  }
});
