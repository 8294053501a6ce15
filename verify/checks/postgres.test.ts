import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Deployment } from '../../lib/cluster/deployment.ts';
import { Hosts } from '../../lib/cluster/hosts.ts';
import { Databases } from '../../lib/cluster/sql.ts';
import { localConnection } from '../../lib/transport/index.ts';
import { startOrSkip, type ThrowawayPostgres } from '../../test/support/throwaway-postgres.ts';
import { localDeployment } from '../../test/support/verify/sample-deployment.ts';
import type { Finding } from '../findings.ts';
import { runChecks } from '../suite.ts';
import { CHECKS } from './index.ts';
import { fitsPolicy, meansPolicy } from './replication.ts';

/** What is healthy is seen at once, but for a busy machine. */
const HEALTHY_MS = 20_000;

const here = localConnection({ kind: 'local', host: 'here' });
const hosts = new Hosts(
  () => here,
  () => undefined,
);
/** What the throw-away servers have: no services, no guard, no settings of a role. */
const APPLYING =
  /^(database\.(?!place|checksums)|replication\.(?!policy)|data\.|security\.password|build\.(version|assertions)|settings\.(replicas|overrides)|health\.(connections|transactions|archive))/;

describe('verify: the checks that speak SQL, on a real primary and replica', function () {
  this.timeout(120_000);
  let server: ThrowawayPostgres;

  before(async function () {
    server = await startOrSkip(this);
  });
  after(async () => {
    server?.stop();
    await here.close();
  });

  async function verify(
    change: Partial<Deployment> = {},
    settleMs = 1_500,
    only?: readonly string[],
  ): Promise<{ findings: readonly Finding[]; remarks: readonly string[] }> {
    const deployment = localDeployment(server, change);
    const nodes = [deployment.primary, ...deployment.replicas];
    const databases = new Databases(
      hosts,
      nodes.map(node => node.sql),
      20_000,
    );
    const checks = CHECKS.filter(check => (only ? only.includes(check.id) : APPLYING.test(check.id))).map(
      check => ({
        ...check,
        needs: only
          ? []
          : (check.needs?.filter(need => !/^(services|storage|replication.policy)/.test(need)) ?? []),
      }),
    );
    const now = performance.now();
    try {
      const findings = await runChecks(checks, deployment, {
        reach: hosts,
        databases,
        runId: randomBytes(6).toString('hex'),
        timeoutMs: 20_000,
        settleBy: now + settleMs,
        endBy: now + 80_000,
      });
      return { findings, remarks: databases.remarks };
    } finally {
      await databases.close();
    }
  }

  const failed = (findings: readonly Finding[]) =>
    Object.fromEntries(
      findings.flatMap(f =>
        f.verdict === 'failed' ? [[f.id, f.faults.map(x => `${x.host}: ${x.found}`).join('\n')]] : [],
      ),
    );
  const left = () => server.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'polarplay%'").trim();

  it('passes a healthy pair, times the delay and leaves nothing behind', async () => {
    const { findings, remarks } = await verify({}, HEALTHY_MS);
    expect(failed(findings)).to.deep.equal({});
    expect(findings.filter(f => f.verdict === 'waiting').map(f => f.id)).to.deep.equal([]);
    const figures = findings.find(f => f.id === 'data.delay')!.figures;
    expect(figures.map(f => `${f.host} ${f.name} ${f.unit}`)).to.deep.equal([
      'ro1 delay p50 ms',
      'ro1 delay p99 ms',
    ]);
    expect(figures[0]!.value).to.be.a('number').within(0, 1000);
    expect(remarks.join('\n')).to.match(/^SQL on rw1: psql on the node as postgres$/m);
    expect(left()).to.equal('0');
  });

  it('tells that clients are not let in, and goes on through psql on the node', async () => {
    const { primary, replicas } = localDeployment(server);
    const password = 'not the one';
    const { findings, remarks } = await verify(
      {
        primary: { ...primary, sql: { ...primary.sql, password } },
        replicas: replicas.map(node => ({ ...node, sql: { ...node.sql, password } })),
      },
      HEALTHY_MS,
    );
    const messages = failed(findings);
    expect(Object.keys(messages)).to.deep.equal(['database.login']);
    expect(messages['database.login']).to.contain('rw1: password authentication failed');
    expect(findings.find(f => f.id === 'data.rows')?.verdict).to.equal('passed');
    expect(remarks.join('\n')).not.to.contain(password);
  });

  it('tells what is wrong: another slot, another version', async () => {
    const { replicas } = localDeployment(server);
    const { findings } = await verify({
      version: '11',
      replicas: [{ ...replicas[0]!, slot: 'replica9', ownSlot: 'replica9' }],
    });
    const messages = failed(findings);
    expect(Object.keys(messages)).to.deep.equal(['build.version', 'replication.slots']);
    expect(messages['replication.slots']).to.equal('ro1: there is none');
  });

  it('shows no password of a connection string', async () => {
    server.sql(
      "ALTER SYSTEM SET primary_conninfo = 'host=other user=x password = ''s3cret \\''w0rds\\'' l4st'' dbname=y'",
    );
    server.sql('SELECT pg_reload_conf()');
    try {
      const { findings } = await verify({}, 3_000, ['settings.drift', 'settings.pending']);
      const text = JSON.stringify(findings);
      expect(text).to.contain('user=x password=(hidden) dbname=y');
      expect(text).not.to.match(/s3cret|w0rds|l4st/);
    } finally {
      server.sql('ALTER SYSTEM RESET primary_conninfo');
      server.sql('SELECT pg_reload_conf()');
    }
  });

  it('never writes where two nodes may write', async () => {
    const { primary, replicas } = localDeployment(server);
    const { findings } = await verify({
      primary: { ...primary, sql: { ...replicas[0]!.sql, host: 'rw1' } },
      replicas: [{ ...replicas[0]!, sql: { ...primary.sql, host: 'ro1' } }],
    });
    const messages = failed(findings);
    expect(Object.keys(messages)).to.deep.equal(['database.writers']);
    expect(messages['database.writers']).to.equal('rw1: it is in recovery\nro1: it takes writes');
    expect(findings.filter(f => f.id.startsWith('data.')).every(f => f.verdict === 'waiting')).to.equal(true);
  });

  it('ends its session when a commit waits for a replica that never comes', async () => {
    server.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    server.sql('SELECT pg_reload_conf()');
    try {
      const { findings } = await verify();
      const messages = failed(findings);
      expect(Object.keys(messages)).to.deep.equal(['data.commit']);
      expect(messages['data.commit']).to.match(/^rw1: no answer within 5 s: it waits for SyncRep/);
      expect(
        server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").trim(),
      ).to.equal('0');
      expect(left()).to.equal('0');
    } finally {
      server.sql('ALTER SYSTEM RESET synchronous_standby_names');
      server.sql('SELECT pg_reload_conf()');
    }
  });

  it('leaves alone what is not its own, and removes what a killed run has left', async () => {
    const mark = 'made by the polarplay acceptance suite; dropped at its end; unix time ';
    for (const statement of [
      'CREATE SCHEMA polarplay_verify',
      'CREATE SCHEMA polarplay_verify_aaaaaaaaaaaa_rows',
      'CREATE SCHEMA polarplay_verify_bbbbbbbbbbbb_rows',
      `COMMENT ON SCHEMA polarplay_verify_bbbbbbbbbbbb_rows IS '${mark}1000'`,
    ])
      server.sql(statement);
    await verify({}, HEALTHY_MS);
    expect(
      server.sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'polarplay%' ORDER BY 1").trim(),
    ).to.equal('polarplay_verify\npolarplay_verify_aaaaaaaaaaaa_rows');
  });

  it('two runs at once do not disturb each other', async () => {
    server.sql('DROP SCHEMA polarplay_verify, polarplay_verify_aaaaaaaaaaaa_rows');
    const [one, two] = await Promise.all([verify({}, HEALTHY_MS), verify({}, HEALTHY_MS)]);
    expect([failed(one.findings), failed(two.findings)]).to.deep.equal([{}, {}]);
    expect(left()).to.equal('0');
  });

  it('misses on a replica what it does not replay', async () => {
    server.sql('SELECT pg_wal_replay_pause()', 'replica');
    try {
      const { findings } = await verify({}, 1_500, ['data.rows', 'data.delay']);
      const messages = failed(findings);
      expect(messages['data.rows']).to.match(/^ro1: relation .* does not exist/);
      expect(messages['data.delay']).to.match(/^ro1: value 1 of 100 is not/);
    } finally {
      server.sql('SELECT pg_wal_replay_resume()', 'replica');
    }
  });

  it('concludes once that a replica is down', async () => {
    server.control('replica', 'stop');
    const { findings } = await verify();
    const messages = failed(findings);
    expect(Object.keys(messages)).to.deep.equal(['database.answers']);
    expect(messages['database.answers']).to.match(/^ro1: psql on ro1: .*; pg to 127/s);
    const waits = findings.filter(f => f.verdict === 'waiting' && f.id.startsWith('replication'));
    expect(waits.length).to.be.above(3);
    expect(left()).to.equal('0');
  });
});

describe('verify: synchronous_standby_names', () => {
  const slots = ['replica1', 'replica2'];
  for (const [policy, value, means] of [
    ['off', '', true],
    ['off', 'ANY 1 (replica1, replica2)', false],
    ['any1', 'ANY 1 (replica1, replica2)', true],
    ['any1', 'any 1 (replica2,"replica1")', true],
    ['any1', 'ANY 2 (replica1, replica2)', false],
    ['any1', 'FIRST 1 (replica1, replica2)', false],
    ['any1', 'ANY 1 (replica1)', false],
    ['any1', 'ANY 1 (*)', false],
    ['any1', '', false],
    ['first1', 'replica1, replica2', true],
    ['first1', 'FIRST 1 (replica1, replica2)', true],
    ['first1', 'ANY 1 (replica1, replica2)', false],
    ['all', 'FIRST 2 (replica1, replica2)', true],
    ['all', 'FIRST 1 (replica1, replica2)', false],
    ['all', 'FIRST 3 (replica1, replica2, replica3)', false],
  ] as const) {
    it(`'${value}' ${means ? 'means' : 'does not mean'} ${policy}`, () => {
      expect(meansPolicy(value, policy, slots)).to.equal(means);
    });
  }
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
