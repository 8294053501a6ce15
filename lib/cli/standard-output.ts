import type { Output } from '../report/report.ts';

/**
 * Standard output, written once a turn however many events there are. Where it cannot be written any more (a full disk,
 * a terminal that was closed) what follows goes to standard error: a run on hosts goes on, and its end is still told.
 */
class StandardOutput implements Output {
  #texts: string[] = [];
  #lost = false;
  #scheduled = false;

  write(text: string): void {
    this.#texts.push(text);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Writes what waits: before something else writes there. */
  flush(): void {
    this.#scheduled = false;
    const text = this.#texts.join('');
    this.#texts = [];
    if (text !== '') this.#send(text);
  }

  #send(text: string): void {
    if (this.#lost) {
      process.stderr.write(text);
      return;
    }
    process.stdout.write(text, (error?: NodeJS.ErrnoException | null) => {
      // Whoever read along (`| head`) may leave.
      if (!error || error.code === 'EPIPE') return;
      this.#lost = true;
      process.stderr.write(text);
    });
  }
}

export const standardOutput = new StandardOutput();

/**
 * Keeps a stream that breaks from ending the program: a run on hosts goes on to its end. A program that could not say
 * how it went does not end with 0; a reader that left is no such thing.
 */
export function surviveBrokenStreams(): void {
  let problem: string | undefined;
  for (const [stream, name] of [
    [process.stdout, 'standard output'],
    [process.stderr, 'standard error'],
  ] as const)
    stream.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'EPIPE' || problem !== undefined) return;
      problem = `${name} cannot be written (${code})`;
      if (stream === process.stdout)
        process.stderr.write(`polarplay: ${problem}; what follows is said here\n`);
    });
  process.on('exit', () => {
    standardOutput.flush();
    if (problem !== undefined) process.exitCode ||= 1;
  });
}
