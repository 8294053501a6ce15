import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

const VERSIONS = '/usr/lib/postgresql';

/** Why a throw-away server cannot be started here, or undefined when it can. */
function postgresMissing(): string | undefined {
  if (!binDir()) return "Debian's postgresql package is not installed; runs where it is";
  if (process.getuid?.() === 0 && !hasUser())
    return 'running as root and there is no user postgres to run a server as';
  return undefined;
}

/** Starts one for the tests of a suite, whose `after` stops it; without what it needs they are skipped, and say why. */
export async function startOrSkip(
  suite: Mocha.Context,
  ...initdbOptions: readonly string[]
): Promise<ThrowawayPostgres> {
  const missing = postgresMissing();
  if (missing) {
    console.log(`      skipped: ${missing}`);
    return suite.skip();
  }
  const server = new ThrowawayPostgres();
  try {
    await server.start(...initdbOptions);
    return server;
  } catch (error) {
    server.stop();
    throw error;
  }
}

/** A primary and a streaming replica of this machine's PostgreSQL on free loopback ports, removed by `stop`. */
export class ThrowawayPostgres {
  readonly dir = mkdtempSync(join(tmpdir(), 'polarplay-pg-'));
  readonly password = 'for the test only';
  readonly bin = binDir()!;
  primaryPort = 0;
  replicaPort = 0;

  async start(...initdbOptions: readonly string[]): Promise<void> {
    chmodSync(this.dir, 0o755);
    if (process.getuid?.() === 0) execFileSync('chown', ['postgres', this.dir]);
    [this.primaryPort, this.replicaPort] = [await freePort(), await freePort()];
    writeFileSync(join(this.dir, 'pw'), this.password);
    this.program(
      'initdb',
      '-D',
      this.data('primary'),
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      `--pwfile=${this.dir}/pw`,
      ...initdbOptions,
    );
    writeFileSync(
      join(this.data('primary'), 'pg_hba.conf'),
      'local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n',
    );
    this.#configure('primary', this.primaryPort);
    this.control('primary', 'start');
    this.sql("SELECT pg_create_physical_replication_slot('replica1', true)");
    const from = `host=${this.dir} port=${this.primaryPort} user=postgres application_name=replica1`;
    this.program(
      'pg_basebackup',
      '-D',
      this.data('replica'),
      '-R',
      '-S',
      'replica1',
      '-X',
      'stream',
      '-c',
      'fast',
      '-d',
      from,
    );
    this.#configure('replica', this.replicaPort);
    this.control('replica', 'start');
  }

  control(node: 'primary' | 'replica', action: 'start' | 'stop'): void {
    const mode = action === 'stop' ? ['-m', 'immediate'] : [];
    this.program(
      'pg_ctl',
      '-D',
      this.data(node),
      '-w',
      '-t',
      '30',
      '-l',
      join(this.dir, `${node}.log`),
      ...mode,
      action,
    );
  }

  /** One statement, on the primary when no other node is named, through its socket. */
  sql(statement: string, node: 'primary' | 'replica' = 'primary'): string {
    return this.program(
      'psql',
      '-XAtq',
      '-h',
      this.dir,
      '-p',
      `${node === 'primary' ? this.primaryPort : this.replicaPort}`,
      '-U',
      'postgres',
      '-c',
      statement,
    );
  }

  stop(): void {
    for (const node of ['replica', 'primary'] as const) {
      if (existsSync(join(this.data(node), 'postmaster.pid'))) this.control(node, 'stop');
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Runs a program of the server's package, or one with a path, as the server's user. */
  program(name: string, ...args: string[]): string {
    const argv = [name.includes('/') ? name : join(this.bin, name), ...args];
    const [file = '', ...rest] =
      process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--', ...argv] : argv;
    return execFileSync(file, rest, {
      encoding: 'utf8',
      cwd: this.dir,
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 60_000,
    });
  }

  data(node: string): string {
    return join(this.dir, node);
  }

  #configure(node: string, port: number): void {
    appendFileSync(
      join(this.data(node), 'postgresql.conf'),
      `port=${port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories='${this.dir}'\nfsync=off\nwal_level=replica\n`,
    );
  }
}

function binDir(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const newest = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
  return newest.map(version => join(VERSIONS, version, 'bin')).find(bin => existsSync(join(bin, 'initdb')));
}

function hasUser(): boolean {
  try {
    execFileSync('id', ['postgres'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
