import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunJournal } from '../../../bench/cluster/journal.ts';
import { PROFILES, type Profile } from '../../../bench/cluster/load/profiles.ts';
import type { RunDetail } from '../../../bench/cluster/result.ts';
import { type BenchOptions, runBench } from '../../../bench/cluster/run.ts';
import type { Deployment } from '../../../lib/cluster/deployment.ts';
import { Hosts } from '../../../lib/cluster/hosts.ts';
import { localConnection } from '../../../lib/transport/index.ts';
import { startOrSkip, type ThrowawayPostgres } from '../throwaway-postgres.ts';
import { localDeployment } from '../verify/sample-deployment.ts';

type Environment = Readonly<Record<string, string>>;

/** Files of a load lie in a folder of the cluster's own: another test's runs would sweep them up. */
class HostsWithFolder extends Hosts {
  readonly #folder: string;
  readonly #own: (host: string) => Environment;

  constructor(
    folder: string,
    own: (host: string) => Environment,
    ...rest: ConstructorParameters<typeof Hosts>
  ) {
    super(...rest);
    this.#folder = folder;
    this.#own = own;
  }

  override script(...[host, script, options = {}]: Parameters<Hosts['script']>): ReturnType<Hosts['script']> {
    const env = { TMPDIR: this.#folder, ...this.#own(host), ...options.env };
    return super.script(host, script, { ...options, env });
  }
}

/** A throw-away primary and replica on this machine, as the benchmark sees a cluster: rw1 and ro1. */
export class BenchCluster {
  readonly #here = localConnection({ kind: 'local', host: 'here' });
  readonly hosts: Hosts;
  /** Where the reports go, and where the loads keep their files. */
  readonly out: string;
  readonly folder: string;
  readonly deployment: Deployment;
  /** By host: variables of the shell there. */
  readonly environment = new Map<string, Environment>();
  readonly profile: Profile = {
    ...PROFILES.smoke!,
    name: 'test',
    scale: 1,
    warmUpSeconds: 0,
    readOnly: { clients: 2, threads: 1, seconds: 1 },
    readWrite: { clients: 2, threads: 1, seconds: 1 },
  };

  constructor(
    server: Pick<ThrowawayPostgres, 'primaryPort' | 'replicaPort' | 'password' | 'dir' | 'bin'>,
    out = mkdtempSync(join(tmpdir(), 'polarplay-bench-out-')),
    folder = mkdtempSync(join(tmpdir(), 'polarplay-bench-loads-')),
  ) {
    this.deployment = localDeployment(server);
    this.out = out;
    this.folder = folder;
    chmodSync(folder, 0o1777);
    this.hosts = new HostsWithFolder(
      folder,
      host => this.environment.get(host) ?? {},
      () => this.#here,
      (_, user) => (user === 'root' || process.getuid?.() !== 0 ? undefined : { method: 'su', user }),
    );
  }

  /** One run, whose journal goes with it. */
  async run(change: Partial<BenchOptions> = {}): Promise<RunDetail> {
    const journal = new RunJournal(this.out, 'test');
    try {
      return await runBench({
        deployment: this.deployment,
        hosts: this.hosts,
        profile: this.profile,
        keep: false,
        journal,
        lockDirectory: join(this.out, 'lock'),
        say: () => {},
        ...change,
      });
    } finally {
      journal.close();
    }
  }

  async close(): Promise<void> {
    await this.#here.close();
    for (const dir of [this.out, this.folder]) rmSync(dir, { recursive: true });
  }
}

/** A cluster of its own for the tests of a suite, ended after them; where there is no PostgreSQL they are skipped. */
export function onBenchCluster(started: (server: ThrowawayPostgres, cluster: BenchCluster) => void): void {
  let server: ThrowawayPostgres | undefined;
  let cluster: BenchCluster | undefined;
  before(async function () {
    server = await startOrSkip(this);
    cluster = new BenchCluster(server);
    started(server, cluster);
  });
  after(async () => {
    await cluster?.close();
    server?.stop();
  });
}
