import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './runners.ts';

/** What one run cost. CPU of the hosts is what their control groups were charged with: sshd, shells and modules. */
export interface Cost {
  readonly wallMs: number;
  readonly controlCpuMs: number;
  readonly hostsCpuMs: number;
}

export interface Measured {
  readonly cost: Cost;
  readonly rc: number;
  readonly output: string;
}

const RUN_LIMIT_MS = 15 * 60_000;
/** Sessions end a moment after the client: what the hosts do until then belongs to the run. */
const SETTLE_MS = 300;

/**
 * Measures commands in a control group of their own, so that everything they start is counted, processes that outlive
 * them included (OpenSSH's ControlPersist master), and ended with them: every run begins without open connections.
 */
export class Meter {
  readonly #group: string;
  readonly #hostGroups: readonly string[];

  /** `hostGroups` are the cgroup folders of the hosts, below the cgroup2 root. */
  constructor(hostGroups: readonly string[]) {
    const root = cgroupRoot();
    this.#hostGroups = hostGroups.map(group => join(root, group));
    this.#group = join(root, `polarplay-runner-bench-${process.pid}`);
  }

  async run({ argv, env = {} }: Command, cwd: string): Promise<Measured> {
    mkdirSync(this.#group, { recursive: true });
    const before = this.#hostsCpuMs();
    const started = performance.now();
    const { rc, output } = await start(
      ['sh', '-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', this.#group, ...argv],
      env,
      cwd,
    );
    const wallMs = performance.now() - started;
    const controlCpuMs = cpuMs(this.#group);
    await new Promise(resolve => setTimeout(resolve, SETTLE_MS));
    const hostsCpuMs = this.#hostsCpuMs() - before;
    await this.#end();
    return { cost: { wallMs, controlCpuMs, hostsCpuMs }, rc, output };
  }

  /** Ends the running command and all it started; its `run` then gives what there was. */
  abort(): void {
    try {
      writeFileSync(join(this.#group, 'cgroup.kill'), '1');
    } catch {
      // Nothing runs.
    }
  }

  #hostsCpuMs(): number {
    return this.#hostGroups.reduce((total, group) => total + cpuMs(group), 0);
  }

  async #end(): Promise<void> {
    writeFileSync(join(this.#group, 'cgroup.kill'), '1');
    for (let tries = 0; tries < 100; tries++) {
      try {
        rmdirSync(this.#group);
        return;
      } catch {
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    }
    throw new Error(`processes of the measured command do not end (${this.#group})`);
  }
}

/** CPU time a control group was charged with since it was made. */
function cpuMs(group: string): number {
  const usage = /^usage_usec (\d+)$/m.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'));
  if (!usage) throw new Error(`${group} does not account CPU time`);
  return Number(usage[1]) / 1000;
}

/** Where this machine shows its cgroup2 tree. */
export function cgroupRoot(): string {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find(l => / - cgroup2 /.test(l));
  const mountPoint = line?.split(' ')[4];
  if (!mountPoint) throw new Error('CPU time cannot be measured: this machine has no cgroup2 tree mounted');
  return mountPoint;
}

function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<{ rc: number; output: string }> {
  return new Promise((resolve, reject) => {
    const [file = '', ...args] = argv;
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS);
    child.stdout.on('data', chunk => chunks.push(chunk));
    child.stderr.on('data', chunk => chunks.push(chunk));
    child.on('error', reject);
    // 'exit', not 'close': a master connection left behind keeps the pipes open.
    child.on('exit', code => {
      clearTimeout(timer);
      setImmediate(() => resolve({ rc: code ?? 137, output: Buffer.concat(chunks).toString() }));
    });
  });
}
