import { execFile } from 'node:child_process';
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
export function folderOf(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-test-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

/** Runs a program of the bundle as a person would, in that folder. */
export function runIn(
  dir: string,
  args: readonly string[],
  { program = 'polarplay', env = {} }: { program?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  return new Promise(resolve => {
    const options = {
      cwd: dir,
      timeout: 60_000,
      env: { ...process.env, NO_COLOR: '1', ANSIBLE_ROLES_PATH: '', ...env },
      maxBuffer: 2 ** 26,
    };
    execFile(
      process.execPath,
      [join(ROOT, `dist/${program}.js`), ...args],
      options,
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** The same in a folder made for this one run. */
export async function runWith(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  options: { program?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const dir = folderOf(files);
  try {
    return await runIn(dir, args, options);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
