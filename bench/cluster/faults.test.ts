import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { eventually } from '../../lib/cluster/eventually.ts';
import { type BenchCluster, onBenchCluster } from '../../test/support/bench/bench-cluster.ts';
import { madeUpNight } from '../../test/support/bench/made-up-nights.ts';
import { onlyAsRoot } from '../../test/support/requirements.ts';
import type { ThrowawayPostgres } from '../../test/support/throwaway-postgres.ts';
import { readHistory } from './history/history.ts';
import { RunJournal, type RunSoFar, recoverRuns } from './journal.ts';
import { writeRun } from './output.ts';
import type { RunDetail } from './result.ts';
import { detailOf } from './run.ts';

const READ_ONLY = { readOnlyNodes: [1], writes: [] };

describe('bench: faults do not cost the night', function () {
  this.timeout(180_000);
  let server: ThrowawayPostgres;
  let cluster: BenchCluster;
  onBenchCluster((...started) => {
    [server, cluster] = started;
  });

  /** Does something when the run says a line, and gives the run's result. */
  async function runWith(
    line: RegExp,
    disturb: () => void,
    change: Partial<Parameters<BenchCluster['run']>[0]> = {},
  ): Promise<RunDetail> {
    let disturbed = false;
    const detail = await cluster.run({
      ...change,
      say: said => {
        if (disturbed || !line.test(said)) return;
        disturbed = true;
        disturb();
      },
    });
    expect(disturbed, `nothing said ${line}`).to.equal(true);
    return detail;
  }

  const databases = () =>
    server.sql("SELECT count(*) FROM pg_database WHERE datname = 'polarplay_bench'").trim();
  /** Processes of a server, its postmaster first. */
  const processesOf = (node: 'primary' | 'replica'): number[] => {
    const postmaster = Number(readFileSync(join(server.data(node), 'postmaster.pid'), 'utf8').split('\n')[0]);
    const children = execFileSync('pgrep', ['-P', `${postmaster}`], { encoding: 'utf8' });
    return [postmaster, ...children.trim().split('\n').map(Number)];
  };
  const loads = (): string[] => {
    try {
      return execFileSync('pgrep', ['-fa', `pgbench -h ${server.dir}`], { encoding: 'utf8' })
        .trim()
        .split('\n');
    } catch {
      return [];
    }
  };
  const leftovers = () => readdirSync(cluster.folder).filter(name => /^polarplay-bench\./.test(name));

  it('a session that stays in the database does not keep it, nor take the results', async () => {
    let session: ChildProcess | undefined;
    const profile = { ...cluster.profile, ...READ_ONLY };
    const detail = await runWith(
      /^1\/1 /,
      () => {
        const argv = [
          `${server.bin}/psql`,
          '-h',
          server.dir,
          '-p',
          `${server.primaryPort}`,
          '-U',
          'postgres',
        ];
        session = spawn(
          'setpriv',
          ['--reuid=postgres', '--clear-groups', ...argv, 'polarplay_bench', '-c', 'SELECT pg_sleep(60)'],
          {
            stdio: 'ignore',
          },
        );
      },
      { profile },
    );
    session?.kill();
    expect(detail.record.complaints).to.deep.equal([]);
    expect(detail.record.night[0]!.tps).to.be.greaterThan(10);
    expect(databases()).to.equal('0');
  });

  it('a primary that restarts during the last measurement costs that measurement only', async () => {
    const detail = await runWith(/^3\/3 /, () =>
      setTimeout(() => {
        server.control('primary', 'stop');
        server.control('primary', 'start');
      }, 300),
    );
    const { cells, complaints, night } = detail.record;
    expect(cells.map(c => [c.workload, c.nodes, c.invalid === undefined])).to.deep.equal([
      ['read-only', 1, true],
      ['read-only', 2, true],
      ['read-write', 1, false],
    ]);
    expect(night.map(n => n.workload)).to.deep.equal(['read-only', 'read-only']);
    expect(complaints.join('\n')).to.match(/^rw1: \d+ errors?, such as: .*pgbench/m);
    expect(databases()).to.equal('0');
  });

  it('a primary that is gone at the end costs the cleaning up only, and the next run does it', async () => {
    const profile = { ...cluster.profile, ...READ_ONLY };
    const detail = await runWith(/transactions a second$/, () => server.control('primary', 'stop'), {
      profile,
    });
    server.control('primary', 'start');
    expect(detail.record.cells[0]!.invalid).to.equal(undefined);
    expect(detail.record.complaints.join('\n')).to.contain('polarplay_bench was left on rw1');
    expect(databases()).to.equal('1');
    expect((await cluster.run({ profile })).record.complaints).to.deep.equal([]);
    expect(databases()).to.equal('0');
  });

  it('a checkpoint longer than any look at a catalogue is waited for', async () => {
    const pid = Number(server.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"));
    const profile = { ...cluster.profile, ...READ_ONLY };
    let stoppedAt = 0;
    const detail = await runWith(
      /^filling/,
      () => {
        stoppedAt = performance.now();
        process.kill(pid, 'SIGSTOP');
        setTimeout(() => process.kill(pid, 'SIGCONT'), 17_000);
      },
      { profile },
    );
    expect(performance.now() - stoppedAt).to.be.greaterThan(17_000);
    expect(detail.record.complaints).to.deep.equal([]);
    expect(detail.record.night).to.have.length(1);
  });

  it('a node that is down at the start is named, and the rest is measured', async () => {
    server.control('replica', 'stop');
    const detail = await cluster.run();
    server.control('replica', 'start');
    expect(detail.record.night.map(n => [n.workload, n.nodes])).to.deep.equal([
      ['read-only', 1],
      ['read-write', 1],
    ]);
    const said = detail.record.complaints.join('\n');
    expect(said)
      .to.match(/^ro1 was not measured: /)
      .and.to.contain('read-only, 2 nodes was not measured: ro1');
    expect(detail.record.cluster.nodes).to.deep.equal(['rw1', 'ro1']);
  });

  it('a replica that dies while the tables are filled, and stays away, costs its own measurements only', async () => {
    const detail = await runWith(/^filling/, () => server.control('replica', 'stop'), { catchUpMs: 1_500 });
    server.control('replica', 'start');
    expect(detail.record.night.map(n => [n.workload, n.nodes])).to.deep.equal([
      ['read-only', 1],
      ['read-write', 1],
    ]);
    const waited = detail.record.complaints.filter(c => c.startsWith('ro1 was not waited for any longer'));
    expect(waited).to.have.length(1);
  });

  it('a checkpoint that does not end is told once, and everything is measured', async () => {
    const { record } = await cluster.run({ checkpointMs: 0 });
    expect(record.complaints.filter(c => c.startsWith('a checkpoint did not end'))).to.have.length(1);
    expect(record.night.map(n => [n.workload, n.nodes])).to.deep.include(['read-write', 1]);
  });

  it('a primary that restarts while the tables are filled is waited for, and they are filled once more', async () => {
    const profile = { ...cluster.profile, ...READ_ONLY };
    const detail = await runWith(
      /^filling/,
      () => {
        server.control('primary', 'stop');
        setTimeout(() => server.control('primary', 'start'), 2_000);
      },
      { profile },
    );
    expect(detail.record.complaints.join('\n')).to.match(/^the tables were filled once more: /);
    expect(detail.record.night.map(n => n.workload)).to.deep.equal(['read-only']);
  });

  it('a primary that is away between two measurements is waited for', async () => {
    const detail = await runWith(/transactions a second$/, () => {
      server.control('primary', 'stop');
      setTimeout(() => server.control('primary', 'start'), 2_000);
    });
    expect(detail.record.complaints).to.deep.equal([]);
    expect(detail.record.night).to.have.length(3);
  });

  it('pgbench killed on its node costs that measurement only', async () => {
    const readOnly = { ...cluster.profile.readOnly, seconds: 6 };
    const detail = await runWith(
      /^1\/3 /,
      () =>
        void eventually(
          async () => {
            const running = execFileSync('pgrep', ['-xa', 'pgbench'], { encoding: 'utf8' }).split('\n');
            const [pid] = running
              .find(line => line.includes(server.dir) && line.includes(' -S '))!
              .split(' ');
            process.kill(Number(pid), 'SIGKILL');
          },
          { withinMs: 30_000 },
        ).catch(() => {}),
      { profile: { ...cluster.profile, readOnly } },
    );
    const { cells, night } = detail.record;
    expect(cells.map(c => c.invalid === undefined)).to.deep.equal([false, true, true]);
    expect(night.map(n => [n.workload, n.nodes])).to.deep.equal([
      ['read-only', 2],
      ['read-write', 1],
    ]);
  });

  it('a node that dies on the way falls to zero and never counts as fast', async () => {
    const readOnly = { ...cluster.profile.readOnly, seconds: 5 };
    const profile = { ...cluster.profile, readOnly, readOnlyNodes: [2], writes: [] };
    let seconds = 0;
    const detail = await cluster.run({
      profile,
      onSecond: host => {
        if (host === 'ro1' && ++seconds === 2) server.control('replica', 'stop');
      },
    });
    server.control('replica', 'start');
    const [cell] = detail.record.cells;
    const [rw1, ro1] = cell!.perNode;
    expect(rw1!.invalid).to.equal(undefined);
    expect(ro1!.invalid).to.match(/error/);
    expect(cell!.invalid).to.match(/^ro1: /);
    expect(detail.record.night).to.deep.equal([]);
    const course = detail.series[0]!.perNode[1]!.progress;
    expect(course).to.have.length(4);
    expect(course[0]!.tps).to.be.greaterThan(0);
    expect(course.at(-1)!.tps).to.equal(0);
    // Less than half of the time, so less than what it did in its best second.
    expect(ro1!.tps).to.be.lessThan(0.8 * Math.max(...course.map(p => p.tps)));
  });

  it('a node that hangs is named, and nobody waits for it for ever', async () => {
    const profile = { ...cluster.profile, readOnlyNodes: [2], writes: [] };
    let frozen: number[] = [];
    const freeze = () =>
      setTimeout(() => {
        frozen = processesOf('replica');
        for (const pid of frozen) process.kill(pid, 'SIGSTOP');
      }, 300);
    const thaw = () => {
      for (const pid of frozen.splice(0)) process.kill(pid, 'SIGCONT');
    };
    try {
      const detail = await runWith(/^1\/1 /, freeze, { profile, overrunS: 3 });
      expect(detail.record.complaints.join('\n')).to.contain('ro1: hung: pgbench of 1 s did not end');
      expect(detail.record.cells[0]!.perNode[0]!.tps).to.be.greaterThan(10);
    } finally {
      thaw();
    }
    expect(loads()).to.deep.equal([]);
  });

  it('a signal ends the load at once, and what was measured is kept', async () => {
    const stop = new AbortController();
    const readWrite = { ...cluster.profile.readWrite, seconds: 60 };
    const started = performance.now();
    const detail = await runWith(
      /^3\/3 /,
      () => setTimeout(() => stop.abort(new Error('ended by SIGTERM')), 500),
      { signal: stop.signal, profile: { ...cluster.profile, readWrite } },
    );
    expect(performance.now() - started).to.be.lessThan(55_000);
    expect(detail.record).to.deep.include({ interrupted: 'ended by SIGTERM', complaints: [] });
    expect(detail.record.night.map(n => n.workload)).to.deep.equal(['read-only', 'read-only']);
    expect([loads(), leftovers(), databases()]).to.deep.equal([[], [], '0']);
  });

  it('a killed runner leaves no load, no files and no measurement behind that the next run does not keep', async () => {
    const { primaryPort, replicaPort, password, dir, bin } = server;
    const out = join(cluster.out, 'killed');
    const program = resolve(import.meta.dirname, '../../test/support/bench/killed-bench.ts');
    const known = JSON.stringify({ primaryPort, replicaPort, password, dir, bin });
    const runner = spawn(process.execPath, ['--import', 'tsx', program, known, out, cluster.folder, '60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: runner.stdout })) if (line.startsWith('3/3 ')) break;
    await eventually(async () => expect(loads()).not.to.deep.equal([]), { withinMs: 20_000 });
    runner.kill('SIGKILL');
    await eventually(async () => expect([loads(), leftovers()]).to.deep.equal([[], []]), {
      withinMs: 20_000,
    });
    const kept: RunSoFar[] = [];
    recoverRuns(out, run => kept.push(run));
    expect(kept).to.have.length(1);
    const detail = detailOf(kept[0]!, undefined, 'the run was killed');
    expect(detail.record.night.map(n => n.nodes)).to.deep.equal([1, 2]);
    expect(readdirSync(out)).to.deep.equal([]);
    const profile = { ...cluster.profile, ...READ_ONLY };
    expect((await cluster.run({ profile })).record.complaints).to.deep.equal([]);
  });

  it('two runs at once do not meet: the second says whose the first is', async () => {
    let second: Error | undefined;
    await runWith(
      /^1\/1 /,
      () => {
        cluster.run().catch(error => {
          second = error;
        });
      },
      { profile: { ...cluster.profile, ...READ_ONLY, readOnly: { clients: 1, threads: 1, seconds: 5 } } },
    );
    expect(second?.message).to.match(/^the cluster is in use: benchmark, profile test, by .* since \d{4}-/);
    expect(
      (await cluster.run({ profile: { ...cluster.profile, ...READ_ONLY } })).record.complaints,
    ).to.deep.equal([]);
  });

  it('what an earlier run left on a node goes, and nothing of anybody else', async () => {
    const here = mkdtempSync(join(cluster.folder, 'polarplay-bench.'));
    const foreign = mkdtempSync(join(cluster.folder, 'polarplay-bench.'));
    writeFileSync(join(foreign, 'pid'), `${process.pid}\n`);
    execFileSync('chown', ['-R', 'postgres', here]);
    chmodSync(foreign, 0o755);
    const said: string[] = [];
    await cluster.run({ profile: { ...cluster.profile, ...READ_ONLY }, say: line => said.push(line) });
    expect(said.join('\n')).to.contain(`removed ${here} of an earlier run`);
    if (process.getuid?.() === 0) expect(leftovers()).to.deep.equal([basename(foreign)]);
    rmSync(foreign, { recursive: true });
  });

  it('a disk without room for the tables is found before they are filled', async () => {
    const failure = await cluster
      .run({ profile: { ...cluster.profile, scale: 100_000 } })
      .catch(e => e as Error);
    expect((failure as Error).message).to.match(
      /^rw1 has .* GiB free, and scale 100000 .*: nothing was filled/,
    );
    expect(databases()).to.equal('0');
  });

  it('tables have the same size in each repetition, and the books still balance', async () => {
    const detail = await cluster.run({
      keep: true,
      profile: {
        ...cluster.profile,
        readOnlyNodes: [1],
        writes: ['read-write', 'simple-update'],
        repetitions: 2,
      },
    });
    expect(detail.record.complaints).to.deep.equal([]);
    expect(detail.consistent).to.equal(true);
    const last = detail.record.cells.findLast(c => c.workload !== 'read-only')!;
    const rows = server.program(
      'psql',
      ...[
        '-XAtq',
        '-h',
        server.dir,
        '-p',
        `${server.primaryPort}`,
        '-U',
        'postgres',
        '-d',
        'polarplay_bench',
      ],
      ...['-c', 'SELECT count(*) FROM pgbench_history'],
    );
    expect(Number(rows)).to.be.at.most(last.perNode[0]!.transactions);
  });
});

describe('bench: the folder of the reports', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-out-'));
  after(() => rmSync(dir, { recursive: true }));
  const folder = (name: string) => {
    mkdirSync(join(dir, name));
    return join(dir, name);
  };
  const { cells, night, complaints, remarks, storage, sweep, endedAt, failed, ...head } = madeUpNight({
    nodes: 1,
    day: 0,
  }).record;
  const measurement = {
    figures: cells[0]!,
    series: {
      workload: 'read-only',
      nodes: 1,
      repetition: 1,
      perNode: [],
      hosts: [],
      checkpoints: [],
      lag: [],
    },
    histograms: {},
  };
  /** What a run that was killed left behind. */
  const killed = (out: string, owner: object, ...more: string[]) =>
    writeFileSync(
      join(out, 'killed.running.jsonl'),
      [
        JSON.stringify({ kind: 'owner', host: hostname(), pid: 2 ** 22 + 1, ...owner }),
        JSON.stringify({ kind: 'head', head }),
        JSON.stringify({ kind: 'measurement', measurement }),
        ...more,
      ].join('\n'),
    );
  const recovered = (out: string, say?: (line: string) => void) => {
    const found: RunSoFar[] = [];
    recoverRuns(out, run => found.push(run), say);
    return found.map(run => run.measurements.length);
  };

  it('is tried before anything is measured', () => {
    const out = folder('tried');
    writeFileSync(join(out, 'file'), '');
    expect(() => new RunJournal(join(out, 'file', 'below'), 'test')).to.throw('nothing can be written below');
    mkdirSync(join(out, 'made'));
    new RunJournal(join(out, 'made'), 'test').close();
    expect(readdirSync(join(out, 'made'))).to.deep.equal([]);
  });

  it('a history of another user is found before anything is measured', function () {
    onlyAsRoot(this, 'becomes another user');
    const out = folder('foreign');
    chmodSync(dir, 0o755);
    chmodSync(out, 0o777);
    writeFileSync(join(out, 'history.jsonl'), '', { mode: 0o644 });
    const probe = `import { RunJournal } from ${JSON.stringify(resolve(import.meta.dirname, 'journal.ts'))};
      process.setgid(65534); process.setuid(65534);
      try { new RunJournal(${JSON.stringify(out)}, 'test'); } catch (error) { process.stdout.write(error.message); }`;
    const said = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', probe], {
      encoding: 'utf8',
    });
    expect(said).to.match(/^nothing can be written below .*EACCES.*history\.jsonl/);
  });

  it('a disk that is full for a while takes no measurement away', function () {
    onlyAsRoot(this, 'mounts a disk that is full');
    this.timeout(30_000);
    const program = resolve(import.meta.dirname, '../../test/support/bench/full-disk.ts');
    const run = JSON.parse(
      execFileSync('unshare', ['-m', process.execPath, '--import', 'tsx', program, folder('full')], {
        encoding: 'utf8',
      }),
    );
    expect(run.said.join()).to.match(/^bench: the reports could not be written: ENOSPC/);
    expect([run.onDisk, run.found, run.torn]).to.deep.equal([false, [3], []]);
    expect(run.markdown).to.contain('read-only, 1 node');
    expect(run.complaints).to.have.length(1);
    expect(run.complaints[0]).to.contain('cannot be written, and the run goes on without it: ENOSPC');
  });

  it('a run whose reports failed after its line of history is in the history once', () => {
    const out = folder('once');
    const detail = madeUpNight({ nodes: 1, day: 3 });
    writeRun(out, detail);
    writeRun(out, detail);
    expect(readHistory(join(out, 'history.jsonl')).records.map(r => r.id)).to.deep.equal([detail.record.id]);
  });

  it('a killed run is told from one that goes on, also after a restart of the machine', () => {
    const out = folder('pids');
    const running = process.ppid;
    killed(out, { pid: running });
    expect(recovered(out)).to.deep.equal([]);
    killed(out, { pid: running, begun: 'an earlier start of the machine 4711' });
    expect(recovered(out)).to.deep.equal([1]);
    killed(out, { host: 'elsewhere' });
    expect(recovered(out)).to.deep.equal([]);
    utimesSync(join(out, 'killed.running.jsonl'), 1, 1);
    expect(recovered(out)).to.deep.equal([1]);
    expect(readdirSync(out)).to.deep.equal([]);
  });

  it('a journal with damaged lines gives what is whole, and one that cannot be reported stands in no later way', () => {
    const out = folder('damaged');
    killed(
      out,
      {},
      'null',
      '7',
      '"text"',
      '\u0000\u0000',
      JSON.stringify({ kind: 'measurement', measurement }).slice(0, 40),
    );
    const said: string[] = [];
    const settle = () => {
      throw new Error('the disk is full');
    };
    recoverRuns(out, settle, line => said.push(line));
    expect(said.join()).to.match(
      /could not be reported, and stays in .*killed\.running\.jsonl: the disk is full$/,
    );
    expect(recovered(out)).to.deep.equal([1]);
  });
});
