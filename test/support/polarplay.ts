import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The program as people run it: the bundle, made from this source before the tests (see built.ts). */
const MAIN = join(import.meta.dirname, '../../dist/polarplay.js');

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly dir: string;
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A shell command that runs the program, which is `"$@"` there: for limits and redirections. */
  readonly shell?: string;
}

/** Starts the program in a new folder that holds `files`; the folder goes when the program has ended. */
export function start(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  { env = {}, shell = 'exec "$@"' }: StartOptions = {},
): Started {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-attack-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  const child = spawn('sh', ['-c', shell, 'sh', process.execPath, MAIN, ...args], {
    cwd: dir,
    env: { ...process.env, NO_COLOR: '1', ANSIBLE_ROLES_PATH: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    const parts = { stdout: '', stderr: '' };
    child.stdout.on('data', chunk => (parts.stdout += chunk));
    child.stderr.on('data', chunk => (parts.stderr += chunk));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...parts }));
  });
  return { dir, child, finished: finished.finally(() => rmSync(dir, { recursive: true, force: true })) };
}

/** Runs the program to its end. */
export const polarplay = (...given: Parameters<typeof start>): Promise<Finished> => start(...given).finished;
