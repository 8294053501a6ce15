import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { sampleDeployment } from '../test/support/verify/sample-deployment.ts';
import { CHECKS } from './checks/index.ts';
import type { Finding } from './findings.ts';
import { nothingLookedAt } from './nothing.ts';
import { limited, select } from './select.ts';
import { readWaivers, waive } from './waivers.ts';

const all = { only: [], skip: [], tags: [] };
const base = {
  id: 'os.users',
  layer: 'os',
  title: 't',
  severity: 'fault',
  hosts: ['rw1', 'ro1'],
  durationMs: 0,
  figures: [],
  notLookedAt: [],
} as const;
const fault = (host: string) => ({ host, expected: 'e', found: 'f' });
const failed: Finding = { ...base, verdict: 'failed', faults: [fault('rw1'), fault('ro1')], todo: 'Do.' };

describe('verify: selection', () => {
  it('takes layers, ids and ids with a star, and adds what these need', () => {
    expect(select(CHECKS, all).chosen.size).to.equal(CHECKS.length);
    const { chosen, checks } = select(CHECKS, { ...all, only: ['data.rows', 'storage.s*'] });
    expect([...chosen]).to.deep.equal([
      'storage.service',
      'storage.strangers',
      'storage.sessions',
      'storage.servers',
      'data.rows',
    ]);
    expect(checks.map(check => check.id)).to.include.members([
      'host.answers',
      'services.active',
      'database.writers',
    ]);
    expect(checks.map(check => check.id)).not.to.include('os.users');
    expect(select(CHECKS, { ...all, skip: ['os', 'data.rows'] }).chosen.has('data.rows')).to.equal(false);
    const dangers = select(CHECKS, { ...all, tags: ['danger'] });
    expect(dangers.chosen.has('database.writers') && !dangers.chosen.has('os.sysctl')).to.equal(true);
  });

  it('refuses what fits no check, with the nearest name', () => {
    expect(() => select(CHECKS, { ...all, only: ['storge'] })).to.throw('did you mean "storage"');
    expect(() => select(CHECKS, { ...all, skip: ['data.rowz'] })).to.throw('did you mean "data.rows"');
    expect(() => select(CHECKS, { ...all, tags: ['dangerous'] })).to.throw('no check has it');
  });

  it('shows of a host only what concerns it', () => {
    const about = (host: string) => limited(failed, new Set([host]));
    expect(about('ro1')).to.deep.include({ verdict: 'failed', hosts: ['ro1'], faults: [fault('ro1')] });
    expect(about('st1')).to.equal(undefined);
    const one: Finding = { ...failed, faults: [fault('rw1')] };
    expect(limited(one, new Set(['ro1']))).to.include({ verdict: 'passed' });
    const waiting: Finding = {
      ...base,
      verdict: 'waiting',
      notLookedAt: [{ host: 'rw1', waitsFor: 'x', reason: '' }],
    };
    expect(limited(waiting, new Set(['ro1']))).to.include({ verdict: 'passed' });
    expect(
      limited({ ...one, notLookedAt: [{ host: 'ro1', waitsFor: 'x', reason: '' }] }, new Set(['ro1'])),
    ).to.include({
      verdict: 'waiting',
    });
  });
});

describe('verify: nothing looked at', () => {
  const skipped = (layer: string): Finding => ({
    ...base,
    id: `${layer}.x`,
    layer,
    verdict: 'skipped',
    reason: 'why',
  });
  const passed = (layer: string): Finding => ({ ...base, id: `${layer}.x`, layer, verdict: 'passed' });
  const ids = (findings: readonly Finding[], explicit = false, replicas = true) => {
    const deployment = sampleDeployment();
    return nothingLookedAt(
      findings,
      replicas ? deployment : { ...deployment, replicas: [] },
      () => explicit,
    ).map(f => f.id);
  };

  it('is a failure: no check, a layer skipped as a whole, one node', () => {
    expect(ids([])).to.deep.equal(['suite.nothing']);
    expect(ids([skipped('block'), passed('os')])).to.deep.equal(['block.nothing']);
    expect(ids([skipped('pfs'), passed('os')])).to.deep.equal([]);
    expect(ids([skipped('pfs')], true)).to.deep.equal(['pfs.nothing']);
    expect(ids([passed('replication')], false, false)).to.deep.equal(['replication.nothing']);
    expect(ids([passed('replication')])).to.deep.equal([]);
  });
});

describe('verify: waivers', () => {
  const file = join(tmpdir(), `polarplay-waivers-${process.pid}.yml`);
  const read = (text: string) => {
    writeFileSync(file, text);
    return readWaivers(
      file,
      CHECKS.map(check => check.id),
    );
  };

  it('turn a fault of one host, or of all, into what is known until a day', () => {
    const one = read('- {id: os.users, host: rw1, reason: old machine, expires: 2027-01-31}\n');
    const left = waive(failed, one, '2026-11-30');
    expect(left).to.deep.include({ verdict: 'failed', faults: [fault('ro1')] });
    const both = read('- {id: os.users, reason: old machines, expires: 2027-01-31}\n');
    expect(waive(failed, both, '2027-01-31')).to.include({ verdict: 'waived', reason: 'old machines' });
    expect(waive({ ...base, verdict: 'passed' }, both, '2026-11-30').verdict).to.equal('passed');
  });

  it('end on their day, and say so', () => {
    const waivers = read('- {id: os.users, reason: old machines, expires: 2027-01-31}\n');
    const finding = waive(failed, waivers, '2027-02-01');
    expect(finding.verdict === 'failed' && finding.todo).to.equal(
      'Do. (Its waiver expired on 2027-01-31: old machines)',
    );
  });

  for (const [what, text, message] of [
    ['no list', 'id: os.users\n', 'is a list'],
    ['an unknown check', '- {id: os.userz, reason: r, expires: 2027-01-31}\n', 'did you mean "os.users"'],
    ['an unknown key', '- {id: os.users, reasn: r, expires: 2027-01-31}\n', 'did you mean "reason"'],
    ['no reason', '- {id: os.users, expires: 2027-01-31}\n', 'needs "reason"'],
    ['a day that is none', '- {id: os.users, reason: r, expires: soon}\n', 'is not a day'],
  ] as const) {
    it(`are refused with ${what}`, () => {
      expect(() => read(text)).to.throw(message);
    });
  }
});
