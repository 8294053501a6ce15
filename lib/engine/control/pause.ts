import { sleep } from '../run-module.ts';
import type { Control } from './control.ts';

/** pause: waits for a time, or for Enter; without a terminal a pause without a time goes on at once, as in Ansible. */
export const pause: Control = async ({ plain, playRun }) => {
  const { operator, signal, now, emit } = playRun.run;
  const seconds =
    plain['seconds'] ?? (plain['minutes'] === undefined ? undefined : Number(plain['minutes']) * 60);
  const start = now();
  let input = '';
  if (seconds !== undefined) await sleep(Math.max(0, Number(seconds)) * 1000, signal);
  else if (operator.interactive) {
    const prompt = String(plain['prompt'] ?? 'Press enter to continue, Ctrl+C to interrupt');
    input = await operator.ask(prompt, { secret: plain['echo'] === false, default: '' });
  } else
    emit({ type: 'warning', message: 'not waiting for a response to the prompt, as there is no terminal' });
  const delta = Math.round((now() - start) / 1000);
  const stdout = `Paused for ${delta} seconds`;
  return {
    result: { changed: false, rc: 0, stdout, stderr: '', delta, echo: plain['echo']!, user_input: input },
  };
};
