import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { PACKAGE_ROOT } from '../source/package-root.ts';

type Running = ChildProcessByStdio<null, Readable, Readable>;

function start(name: string, args: readonly string[]): Running {
  const program = join(PACKAGE_ROOT, 'dist', 'polarplay.js');
  return spawn(process.execPath, [program, join(PACKAGE_ROOT, 'playbooks', name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** How it ended, and its last words. */
function ended(child: Running): Promise<{ readonly code: number | null; readonly said: string }> {
  let said = '';
  const keep = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve({ code, said }));
  });
}

/** Runs one of the project's playbooks as an operator would; a failure holds its last words. */
export async function runPlaybook(name: string, args: readonly string[]): Promise<void> {
  const { code, said } = await ended(start(name, args));
  if (code === 0) return;
  const why = said.split('\n').filter(line => /^fatal:|FAILED|^polarplay:|UNREACHABLE/.test(line));
  throw new Error(`${name} ended with ${code}: ${why.slice(0, 3).join('; ') || said.slice(-300)}`);
}

/** Runs a playbook and kills it (SIGKILL) as soon as one of its tasks has restarted something. */
export async function killedRun(name: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  const child = start(name, args);
  const stop = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  let [task, killed] = ['', false];
  createInterface({ input: child.stdout }).on('line', line => {
    task = /^(?:TASK|RUNNING HANDLER) \[(.*)\]/.exec(line)?.[1] ?? task;
    if (!killed && line.startsWith('changed: ') && /restart/i.test(task)) killed = child.kill('SIGKILL');
  });
  const { code, said } = await ended(child);
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (!killed) throw new Error(`${name} ended with ${code} before it could be killed: ${said.slice(-300)}`);
}
