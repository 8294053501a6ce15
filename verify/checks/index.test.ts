import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { nodesOf } from '../../lib/cluster/deployment.ts';
import { sampleDeployment } from '../../test/support/verify/sample-deployment.ts';
import { type Check, LAYERS, layerOf } from '../check.ts';
import { asksOf } from '../look.ts';
import { needsOf } from '../select.ts';
import { subjectsOf } from '../subjects.ts';
import { CHECKS } from './index.ts';

describe('verify: the list of checks', () => {
  it('holds a layer for every file of the folder, and nothing else', () => {
    const files = readdirSync(import.meta.dirname)
      .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'index.ts')
      .map(name => name.replace('.ts', ''));
    expect([...new Set(CHECKS.map(layerOf))].sort()).to.deep.equal(files.sort());
    expect(Object.keys(LAYERS).sort()).to.deep.equal(files.sort());
  });

  it('names each check once, after those that it needs', () => {
    const seen = new Set<string>();
    for (const check of CHECKS) {
      expect(seen.has(check.id), check.id).to.equal(false);
      // Whether a server answers is known before any check: who writes is judged first, to be told first.
      const needs = needsOf(check).filter(id => id !== 'database.answers' || check.needs?.includes(id));
      for (const id of needs) expect(seen.has(id), `${check.id} needs ${id}`).to.equal(true);
      seen.add(check.id);
    }
  });

  it('says of each check what it proves, what to expect and what to do', () => {
    for (const { id, title, proves, expects, todo } of CHECKS)
      for (const text of [title, proves, expects, todo]) expect(text.trim().length, id).to.be.above(3);
  });

  it('never advises what destroys data', () => {
    const advice = (check: Check) => check.todo;
    for (const check of CHECKS)
      expect(advice(check), check.id).not.to.match(/rm -rf|mkfs|pfs .*-f\b|DROP DATABASE|pg_resetwal/);
  });

  it('never asks systemd for the state of all unit files, which takes it seconds', () => {
    const deployment = sampleDeployment('standin');
    const hosts = [deployment.storage.host, ...nodesOf(deployment).map(({ host }) => host)];
    const asked = CHECKS.flatMap(check =>
      (['asks', 'storageAsks', 'primaryAsks'] as const).flatMap(kind =>
        hosts
          .filter(host => kind !== 'asks' || subjectsOf(check.on, deployment).includes(host))
          .flatMap(host => Object.values(asksOf(check, kind, deployment, host))),
      ),
    );
    const listing = asked.flatMap(command => [...command.matchAll(/list-unit-files [^|;]*/g)].map(String));
    expect(listing).not.to.deep.equal([]);
    for (const command of listing) expect(command).to.match(/[\w*-]+\.(timer|mount|service)\b/);
  });

  it('applies to PolarDB all of it, and to the stand-in what it has', () => {
    const skipped = (name: 'standin' | 'hosts') =>
      CHECKS.filter(check => check.skip?.(sampleDeployment(name)) !== undefined).map(check => check.id);
    expect(skipped('hosts')).to.deep.equal(['pfs.death', 'performance.pgbench']);
    expect(skipped('standin').filter(id => !id.startsWith('pfs.'))).to.deep.equal([
      'database.hostids',
      'database.shared',
      'build.options',
      'performance.pgbench',
    ]);
  });
});
