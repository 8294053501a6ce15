import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with these files. Whoever makes it removes it. */
export function folderOf(files: Readonly<Record<string, string | Buffer>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-test-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text, { mode: text.toString().startsWith('#!') ? 0o755 : 0o644 });
  }
  return dir;
}

export interface ProgramOptions {
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A shell command that runs the program, which is `"$@"` there: for limits and redirections. */
  readonly shell?: string;
}

/** Starts a program of the bundle as a person would, in that folder; `ended` says how it went. */
export function startIn(
  dir: string,
  args: readonly string[],
  { program = 'polarplay', env = {}, shell = 'exec "$@"' }: ProgramOptions = {},
): { readonly child: ChildProcess; readonly ended: Promise<Answer> } {
  const command = [process.execPath, join(ROOT, `dist/${program}.js`), ...args];
  const child = spawn('sh', ['-c', shell, 'sh', ...command], {
    cwd: dir,
    timeout: 60_000,
    env: { ...process.env, NO_COLOR: '1', ANSIBLE_ROLES_PATH: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  child.stdout.on('data', (chunk: Buffer) => said.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.stderr.push(chunk));
  const ended = new Promise<Answer>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code =>
      resolve({
        code: code ?? -1,
        stdout: Buffer.concat(said.stdout).toString(),
        stderr: Buffer.concat(said.stderr).toString(),
      }),
    );
  });
  return { child, ended };
}

/** Runs a program of the bundle to its end. */
export const runIn = (...given: Parameters<typeof startIn>): Promise<Answer> => startIn(...given).ended;

/** The same in a folder made for this one run. */
export async function runWith(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Answer> {
  const dir = folderOf(files);
  try {
    return await runIn(dir, args, options);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
