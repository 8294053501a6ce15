import { $, type ProcessOutput } from 'zx';

/** This machine did not do what the lab needs; carries what the program or the host said. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

const quiet = $({ quiet: true, nothrow: true, stdio: ['pipe', 'pipe', 'pipe'] });

/** Runs a program and gives its standard output; a failure is an error that holds the end of what it printed. */
export async function run(argv: readonly string[], input = ''): Promise<string> {
  const done = await attempt(argv, input);
  if (done.exitCode === 0) return done.stdout;
  const said = `${done.stderr}\n${done.stdout}`.trim().split('\n').slice(-6).join('\n');
  throw new LabError(`${argv.slice(0, 6).join(' ')} failed (exit code ${done.exitCode}):\n${said}`);
}

/** Runs a program whose failure is an answer too. */
export function attempt(argv: readonly string[], input = ''): Promise<ProcessOutput> {
  return quiet({ input })`${argv}`;
}

/** Polls until `probe` gives something; undefined when the time is over. */
export async function until<T>(
  timeoutMs: number,
  probe: () => Promise<T | undefined>,
  stepMs = 100,
): Promise<T | undefined> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > end) return undefined;
    await new Promise(resolve => setTimeout(resolve, stepMs));
  }
}
