import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';

/** Runs one of the project's playbooks as an operator would; a failure holds its last words. */
export function runPlaybook(name: string, args: readonly string[]): Promise<void> {
  const program = join(PACKAGE_ROOT, 'dist', 'polarplay.js');
  const child = spawn(process.execPath, [program, join(PACKAGE_ROOT, 'playbooks', name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const keep = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => {
      if (code === 0) return resolve();
      const why = said.split('\n').filter(line => /^fatal:|FAILED|^polarplay:|UNREACHABLE/.test(line));
      reject(new Error(`${name} ended with ${code}: ${why.slice(0, 3).join('; ') || said.slice(-300)}`));
    });
  });
}
