const INTERRUPTED = 130;

/**
 * Gives `body` a signal that Ctrl-C and SIGTERM fire, and time to put right what it did; its exit code is 130 then. A
 * second one ends the program at once.
 */
export async function interruptible(
  body: (signal: AbortSignal) => Promise<number>,
  say: (text: string) => void,
): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => {
    say('interrupted: healing what is broken');
    stop.abort(new Error('interrupted'));
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await body(stop.signal);
  } catch (error) {
    if (!isInterrupt(error, stop.signal)) throw error;
    say('interrupted: nothing is left broken');
    return INTERRUPTED;
  } finally {
    process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt);
  }
}

/** The interruption itself, and nothing that went wrong because of it. */
function isInterrupt(error: unknown, { aborted, reason }: AbortSignal): boolean {
  return aborted && (error === reason || (error as { cause?: unknown }).cause === reason);
}
