/** What ended a run from outside, for the exit code and the report. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly code: number;

  constructor(signal: NodeJS.Signals, code: number) {
    super(`ended by ${signal}`);
    this.code = code;
  }
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * A signal that fires at Ctrl-C and its like, so that the run can end in order and keep what it measured; whoever asks a
 * second time gets out at once.
 */
export function onInterrupt(say: (line: string) => void): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const listeners = Object.entries(SIGNALS).map(([name, code]) => {
    const listener = () => {
      if (controller.signal.aborted) process.exit(code);
      say('ending the load and keeping what was measured; once more to leave at once');
      controller.abort(new Interrupted(name as NodeJS.Signals, code));
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  return {
    signal: controller.signal,
    release: () => {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
