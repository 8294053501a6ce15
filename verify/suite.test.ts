import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Hosts } from '../lib/cluster/hosts.ts';
import { Databases } from '../lib/cluster/sql.ts';
import { localConnection } from '../lib/transport/index.ts';
import { sampleDeployment } from '../test/support/verify/sample-deployment.ts';
import type { ActiveCheck, Check, HostCheck } from './check.ts';
import { hostChecks } from './checks/host.ts';
import type { Finding } from './findings.ts';
import { runChecks, type SuiteOptions } from './suite.ts';

const texts = { proves: 'p', expects: 'e', todo: 'mend it', severity: 'fault' } as const;

/** Whether a host answers; what else runs on this machine is nobody's business. */
const answering = hostChecks.slice(0, 1);

describe('verify: the suite, on this machine as every host', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-suite-'));
  const here = localConnection({ kind: 'local', host: 'here' });
  const lost = new Set<string>();
  const hosts = new Hosts(
    host => (lost.has(host) ? Promise.reject(new Error('no route to host')) : here),
    () => undefined,
    3_000,
  );
  afterEach(() => lost.clear());
  after(async () => {
    await here.close();
    rmSync(dir, { recursive: true });
  });

  async function run(
    checks: readonly Check[],
    more: Partial<SuiteOptions> = {},
  ): Promise<readonly Finding[]> {
    const now = performance.now();
    const live: Finding[] = [];
    const findings = await runChecks(checks, sampleDeployment(), {
      reach: hosts,
      databases: new Databases(hosts, []),
      runId: '0123456789ab',
      timeoutMs: 2_000,
      settleBy: now,
      endBy: now + 20_000,
      onFinding: finding => live.push(finding),
      ...more,
    });
    expect(live).to.deep.equal(findings);
    return findings;
  }

  const asking = (id: HostCheck['id'], command: string, more: Partial<HostCheck> = {}): HostCheck => ({
    ...texts,
    id,
    title: id,
    on: 'storage',
    asks: { it: command },
    judge: at => at.check(at.out('it') === 'yes', 'yes', at.out('it')),
    ...more,
  });
  const acting = (act: ActiveCheck['act'], more: Partial<ActiveCheck> = {}): ActiveCheck => ({
    ...texts,
    id: 'data.acts',
    title: 'acts',
    on: 'storage',
    act,
    ...more,
  });
  const verdicts = (findings: readonly Finding[]) => findings.map(f => `${f.id} ${f.verdict}`);

  it('asks every command once, and names what was expected, found, asked and what to do', async () => {
    const log = join(dir, 'asked');
    const command = `echo once >>${log}; echo no`;
    const findings = await run([
      asking('os.a', command),
      asking('os.b', command),
      asking('os.c', 'echo yes'),
    ]);
    expect(verdicts(findings)).to.deep.equal(['os.a failed', 'os.b failed', 'os.c passed']);
    expect(readFileSync(log, 'utf8')).to.equal('once\n');
    const [first] = findings;
    expect(first?.verdict === 'failed' && first).to.deep.include({
      todo: 'mend it',
      faults: [
        { host: 'st1', expected: 'yes', found: 'no', reply: { host: 'st1', command, rc: 0, output: 'no' } },
      ],
    });
  });

  it('takes a command that fails for a fault, with what it said', async () => {
    const [finding] = await run([asking('os.a', 'echo gone >&2; exit 3')]);
    expect(finding?.verdict === 'failed' && finding.faults[0]!.found).to.equal('exit 3: gone');
  });

  it('concludes once that a host does not answer; everything else about it waits', async () => {
    lost.add('ro1');
    const across: Check = {
      ...texts,
      id: 'os.across',
      title: 'across',
      on: 'nodes',
      asks: { it: 'echo same' },
      across: all => all.same('it', new Map(all.hosts.map(at => [at.host, at.out('it')]))),
    };
    const findings = await run([...answering, asking('os.a', 'echo yes', { on: 'nodes' }), across]);
    expect(verdicts(findings)).to.deep.equal(['host.answers failed', 'os.a waiting', 'os.across waiting']);
    const [answers, ...others] = findings;
    expect(answers?.verdict === 'failed' && answers.faults.map(f => `${f.host}: ${f.found}`)).to.deep.equal([
      'ro1: no route to host',
    ]);
    for (const { notLookedAt } of others)
      expect(notLookedAt.map(w => `${w.host} ${w.waitsFor}`)).to.deep.equal(['ro1 host.answers']);
  });

  it('lets what depends on a fault wait for it, by host, by role, and through others', async () => {
    const base = asking('os.base', 'echo no', { on: 'storage' });
    const direct = asking('os.direct', 'echo yes', { needs: ['os.base'] });
    const through = asking('os.through', 'echo yes', { needs: ['os.direct'] });
    const role = asking('os.role', 'echo yes', { on: 'nodes', needs: ['os.base@storage'] });
    const other = asking('os.other', 'echo yes', { on: 'nodes', needs: ['os.base'] });
    const findings = await run([base, direct, through, role, other]);
    expect(verdicts(findings)).to.deep.equal([
      'os.base failed',
      'os.direct waiting',
      'os.through waiting',
      'os.role waiting',
      'os.other passed',
    ]);
    expect(findings[2]?.notLookedAt[0]?.waitsFor).to.equal('os.base');
  });

  it('waits for what settles, says when it held, and does not wait for what is final', async () => {
    const flag = join(dir, 'flag');
    const settles = asking('os.late', `[ -e ${flag} ] && echo yes || echo no`, { settles: true });
    const timer = setTimeout(() => writeFileSync(flag, ''), 700);
    const settled = await run([settles], { settleBy: performance.now() + 15_000 });
    clearTimeout(timer);
    expect(verdicts(settled)).to.deep.equal(['os.late passed']);
    expect(settled[0]?.timeToTrueMs).to.be.within(500, 15_000);
    const never = asking('os.never', 'echo no', {
      settles: true,
      judge: at => at.check(false, 'yes', 'no', { final: true }),
    });
    const began = performance.now();
    expect(verdicts(await run([never], { settleBy: began + 15_000 }))).to.deep.equal(['os.never failed']);
    expect(performance.now() - began).to.be.below(10_000);
  });

  it('keeps what was answered before a command that hangs', async () => {
    const slow = new Hosts(
      () => here,
      () => undefined,
      700,
    );
    const findings = await run(
      [
        ...answering,
        asking('os.a', 'echo yes'),
        asking('os.hangs', 'sleep 20'),
        asking('os.b', 'echo yes; :'),
      ],
      { reach: slow },
    );
    expect(verdicts(findings)).to.deep.equal([
      'host.answers failed',
      'os.a passed',
      'os.hangs waiting',
      'os.b waiting',
    ]);
    expect(findings[0]?.verdict === 'failed' && findings[0].faults[0]!.found).to.equal(
      'no answer in time to: sleep 20',
    );
  });

  it('gives each disk a limit of its own', async () => {
    const disks: HostCheck = {
      ...asking('block.reads', ''),
      asks: {},
      diskAsks: { hangs: 'sleep 20', reads: 'echo yes' },
      judge: at => {
        at.check(at.reply('hangs').rc === 137, 'killed', at.reply('hangs').rc);
        at.check(at.out('reads') === 'yes', 'yes', at.out('reads'));
      },
    };
    expect(verdicts(await run([disks]))).to.deep.equal(['block.reads passed']);
  });

  it('gives what acts its time, undoes what it left, and says so when that fails', async () => {
    const left = join(dir, 'left');
    const findings = await run(
      [
        acting(async doing => {
          writeFileSync(left, doing.runId);
          doing.cleanUp(async () => rmSync(left));
          await new Promise(() => {});
        }),
        acting(async ({ cleanUp }) => cleanUp(() => Promise.reject(new Error('it stays')))),
      ],
      { timeoutMs: 300 },
    );
    const found = findings.map(f => (f.verdict === 'failed' ? f.faults.map(x => x.found).join() : f.verdict));
    expect(found).to.deep.equal(['no answer within 0.3 s', 'it stays']);
    expect(existsSync(left)).to.equal(false);
  });

  it('stops when it is interrupted, and still undoes', async () => {
    const left = join(dir, 'left');
    const stop = new AbortController();
    const findings = await run(
      [
        acting(async doing => {
          writeFileSync(left, '');
          doing.cleanUp(async () => rmSync(left));
          setTimeout(() => stop.abort(new Error('interrupted')), 50);
          await new Promise(() => {});
        }),
      ],
      { signal: stop.signal },
    );
    expect(findings[0]?.verdict === 'waiting' && findings[0].notLookedAt[0]!.reason).to.equal('interrupted');
    expect(existsSync(left)).to.equal(false);
  });

  it('skips what does not apply, and what turns out not to, with the reason', async () => {
    const findings = await run([
      asking('os.a', 'echo no', { skip: () => 'there is none' }),
      asking('os.b', 'echo no', { judge: at => at.skip('none here') }),
      acting(async doing => doing.skip('nor here')),
    ]);
    expect(findings.map(f => (f.verdict === 'skipped' ? f.reason : f.verdict))).to.deep.equal([
      'there is none',
      'none here',
      'nor here',
    ]);
  });

  it('compares hosts with most of the others, on a draw with the primary', async () => {
    const deployment = sampleDeployment();
    const values = (said: Readonly<Record<string, string>>): Check => ({
      ...texts,
      id: 'os.same',
      title: 'same',
      on: 'nodes',
      asks: { it: 'echo' },
      across: all => all.same('the value', new Map(Object.entries(said))),
    });
    const odd = async (said: Readonly<Record<string, string>>) => {
      const [finding] = await run([values(said)]);
      return finding?.verdict === 'failed' ? finding.faults.map(f => f.host) : [];
    };
    expect(deployment.primary.host).to.equal('rw1');
    expect(await odd({ rw1: 'a', ro1: 'b', ro2: 'b' })).to.deep.equal(['rw1']);
    expect(await odd({ ro1: 'b', rw1: 'a' })).to.deep.equal(['ro1']);
    expect(await odd({ rw1: 'a', ro1: 'a' })).to.deep.equal([]);
  });
});
