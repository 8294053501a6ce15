import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { SshSettings } from '../../lib/transport/connection.ts';
import { freePort } from './free-port.ts';

const SSHD = '/usr/sbin/sshd';

/** Why no sshd can be started here, or undefined when one can. */
export function whyNoSshd(): string | undefined {
  if (process.getuid?.() !== 0) return 'sshd tests are skipped: they need root';
  if (!existsSync(SSHD)) return 'sshd tests are skipped: /usr/sbin/sshd is not installed (openssh-server)';
  return undefined;
}

export interface Sshd {
  readonly directory: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** An ed25519 key that root and test users may log in with. */
  readonly key: string;
  readonly settings: SshSettings;
  stop(): Promise<void>;
}

/** Makes a key pair at `path`. */
export function makeKey(path: string, type = 'ed25519', passphrase = ''): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', `test-${type}`, '-f', path]);
  return path;
}

/** Signs a public key as an authority would; gives the certificate's file. */
export function certify(authority: string, key: string, ...options: string[]): string {
  execFileSync('ssh-keygen', ['-q', '-s', authority, '-I', 'test-id', ...options, `${key}.pub`]);
  return `${key}-cert.pub`;
}

/**
 * Starts a real sshd on a free loopback port, with keys and configuration of its own; a function gets the folder in which
 * `host_key` and `id` are.
 */
export async function startSshd(
  config: readonly string[] | ((directory: string) => readonly string[]) = [],
): Promise<Sshd> {
  const directory = mkdtempSync(join(tmpdir(), 'polarplay-sshd-'));
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const hostKey = makeKey(join(directory, 'host_key'));
  const key = makeKey(join(directory, 'id'));
  const authorized = join(directory, 'authorized_keys');
  writeFileSync(authorized, readFileSync(`${key}.pub`));
  execFileSync('chmod', ['755', directory]);
  const port = await freePort();
  const file = join(directory, 'sshd_config');
  writeFileSync(
    file,
    [
      ...(typeof config === 'function' ? config(directory) : config),
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${authorized}`,
      `PidFile ${join(directory, 'pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'MaxStartups 100',
      'UseDNS no',
      'PrintMotd no',
      // What the login scripts do of whoever runs the tests is not tested.
      `Match User ${userInfo().username}`,
      `SetEnv HOME=${directory}`,
    ].join('\n'),
  );
  const daemon = spawn(SSHD, ['-D', '-e', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  await listening(daemon);
  const known = join(directory, 'known_hosts');
  writeFileSync(known, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`);
  return {
    directory,
    port,
    process: daemon,
    key,
    settings: {
      kind: 'ssh',
      host: 'box',
      address: '127.0.0.1',
      port,
      user: userInfo().username,
      identityFiles: [key],
      jumps: [],
      knownHostsFiles: [known],
      strictHostKeyChecking: 'yes',
      connectTimeoutMs: 15_000,
      keepAliveMs: 1000,
    },
    stop: () => stop(daemon, directory),
  };
}

async function listening(daemon: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    daemon.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Server listening')) resolve();
    });
    daemon.once('exit', () => reject(new Error(`sshd did not start: ${said}`)));
  });
}

async function stop(daemon: ChildProcess, directory: string): Promise<void> {
  if (daemon.exitCode === null) {
    const exited = new Promise(resolve => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    await exited;
  }
  rmSync(directory, { recursive: true, force: true });
}

/** Process numbers of the sshd sessions of a daemon, and what runs below one process. */
export function childrenOf(pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return lines
    .map(line => line.trim().split(/\s+/).map(Number))
    .flatMap(([id, parent]) => (parent === pid && id ? [id] : []));
}

/** The ancestor of a process that is a child of `top`: of a command, the sshd process that holds its session. */
export function sessionOf(pid: number, top: number): number {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const parents = new Map(lines.map(line => line.trim().split(/\s+/).map(Number) as [number, number]));
  for (let id: number | undefined = pid; id; id = parents.get(id)) if (parents.get(id) === top) return id;
  throw new Error(`process ${pid} does not run below ${top}`);
}

/** What `work` rejects with. */
export async function caught(work: Promise<unknown>): Promise<Error & { hint?: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
