/** Time is counted in such steps: one that took longer (this program was busy itself) still counts as one. */
const STEP_MS = 250;

/**
 * Calls `expire` after so much time in which this program could have heard an answer: neither its own hard work
 * (decrypting a key) nor time while `isPaused` counts. Gives the function that stops it.
 */
export function countdown(ms: number, expire: () => void, isPaused: () => boolean = () => false): () => void {
  const step = Math.min(STEP_MS, ms);
  let left = Math.ceil(ms / step);
  const timer = setInterval(() => {
    if (isPaused() || --left > 0) return;
    clearInterval(timer);
    expire();
  }, step);
  return () => clearInterval(timer);
}
