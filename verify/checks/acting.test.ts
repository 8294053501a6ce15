import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Databases, SqlSession } from '../../lib/cluster/sql.ts';
import { sampleDeployment } from '../../test/support/verify/sample-deployment.ts';
import type { ActiveCheck, Doing } from '../check.ts';
import { CHECKS } from './index.ts';

/** What a check that does something says when its servers do as given. */
async function act(
  id: string,
  databases: Partial<Databases>,
  change: Partial<Doing> = {},
): Promise<readonly string[]> {
  const check = CHECKS.find(one => one.id === id) as ActiveCheck;
  const deployment = sampleDeployment();
  const said: string[] = [];
  await check.act({
    deployment,
    hosts: check.on === 'replicas' ? ['ro1'] : ['rw1'],
    signal: new AbortController().signal,
    runId: '0123456789ab',
    databases: databases as Databases,
    reach: undefined as never,
    check: (host, ok, _, found) => {
      if (!ok) said.push(`${host}: ${found}`);
    },
    note: () => {},
    cleanUp: () => {},
    skip: reason => said.push(`skipped: ${reason}`),
    ...change,
  });
  return said;
}

/** A session in which every question has the same answer and every statement works. */
const session = (row: object): SqlSession => ({
  route: 'test',
  timely: true,
  select: async <Row>() => [row as Row],
  execute: async () => {},
  close: async () => {},
});

describe('verify: checks that do something, on servers that do what none should', () => {
  it('a replica that takes a write', async () => {
    const takes = { fresh: async () => session({ recovering: true }) };
    expect(await act('data.read-only', takes)).to.deep.equal(['ro1: not refused']);
  });

  it('a replica that is none: nothing is tried', async () => {
    const executed: string[] = [];
    const writer = {
      ...session({ recovering: false }),
      execute: async (sql: string) => void executed.push(sql),
    };
    expect(await act('data.read-only', { fresh: async () => writer })).to.deep.equal([
      'ro1: it is not: nothing was tried',
    ]);
    expect(executed).to.deep.equal([]);
  });

  it('a server that lets in with a wrong password', async () => {
    const given: (string | undefined)[] = [];
    const direct = async (_: string, password?: string) => {
      given.push(password);
      return session({});
    };
    expect(await act('security.password', { direct })).to.deep.equal(['rw1: let in with a wrong password']);
    expect(given[0]).to.match(/^wrong on purpose/);
  });

  it('another server behind the address of a node', async () => {
    const local = async <Row>() => ({ server: 'this one' }) as Row;
    const said = await act('database.login', { local, direct: async () => session({ server: 'that one' }) });
    expect(said).to.deep.equal(['rw1: another server answers there']);
  });

  it('a node whose users do not get in', async () => {
    expect(await act('database.local', { refusedLocally: () => 'no' })).to.deep.equal(['rw1: no']);
    expect(await act('database.local', { refusedLocally: () => undefined })).to.deep.equal([]);
  });

  it('a password file that others may read', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'polarplay-password-'));
    const passwordFile = join(dir, 'polar.polardb');
    writeFileSync(passwordFile, 'for the test only\n');
    try {
      const said = async (mode: number, file = passwordFile) => {
        chmodSync(passwordFile, mode);
        return act('security.credentials', {}, { deployment: { ...sampleDeployment(), passwordFile: file } });
      };
      expect(await said(0o644)).to.deep.equal(['rw1: mode 0644']);
      expect(await said(0o600)).to.deep.equal([]);
      expect((await said(0o600, join(dir, 'none'))).join()).to.match(/^skipped/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('verify: balancers', () => {
  const balancer = {
    host: 'lb1',
    write: { address: '10.0.0.9', port: 5000 },
    read: { address: '10.0.0.9', port: 5001 },
    figures: undefined,
    figuresPort: 8404,
    readFallback: false,
    behindMs: 4500,
  };
  const says = (stdout: string) => {
    const reach = { script: async () => ({ rc: 0, stdout, stderr: '' }) } as unknown as Doing['reach'];
    return act(
      'health.balancers',
      {},
      { reach, deployment: { ...sampleDeployment(), balancers: [balancer] } },
    );
  };
  const figures = (...up: readonly string[]) =>
    ['active', 'HTTP/1.0 200 OK', '', '# pxname,svname,status', ...up.map(server => `${server},UP`)].join(
      '\n',
    );

  it('that lead where they should, and ones that do not', async () => {
    const replicas = sampleDeployment().replicas.map(({ host }) => `replicas,${host}`);
    expect(await says(figures('primary,rw1', ...replicas))).to.deep.equal([]);
    expect(await says(figures('primary,rw1', 'primary,ro1', ...replicas))).to.deep.equal(['lb1: rw1, ro1']);
    expect(await says(figures(...replicas))).to.deep.equal(['lb1: nobody']);
    expect(await says(figures('primary,rw1', 'replicas,rw1', ...replicas))).to.deep.equal([
      'lb1: they go to rw1',
    ]);
    expect((await says(figures('primary,rw1')))[0]).to.equal('lb1: nobody');
    expect(await says('inactive')).to.deep.equal(['lb1: inactive']);
  });

  it('where there are none, and one that does not answer', async () => {
    expect(await act('health.balancers', {})).to.deep.equal([
      'skipped: the inventory has no group balancers',
    ]);
    const reach = { script: async () => Promise.reject(new Error('no route')) } as unknown as Doing['reach'];
    expect(
      await act(
        'health.balancers',
        {},
        { reach, deployment: { ...sampleDeployment(), balancers: [balancer] } },
      ),
    ).to.deep.equal(['lb1: no route']);
  });
});
