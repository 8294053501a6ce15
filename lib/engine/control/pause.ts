import { A, Type } from '../../modules/kit/arguments.ts';
import { sleep } from '../module-call/run-module.ts';
import { defineControl } from './control.ts';

/** pause: waits for a time, or for Enter; without a terminal a pause without a time goes on at once, as in Ansible. */
export const pause = defineControl({
  name: 'pause',
  summary: 'Waits for a time, or for the operator to press Enter.',
  examples: `
- name: Let caches warm up
  pause: {seconds: 30}
- name: Ask before going on
  pause: {prompt: "Switch over now? Ctrl-C, then A stops"}
`,
  args: Type.Object({
    seconds: A.opt(A.float('How many seconds to wait.')),
    minutes: A.opt(A.float('How many minutes to wait.')),
    prompt: A.opt(A.str('What to ask.')),
    echo: A.bool('Shows what is typed.', { default: true }),
  }),
  rules: { mutuallyExclusive: [['seconds', 'minutes']] },
  returns: {
    user_input: 'What was typed.',
    echo: 'Whether it was shown.',
    delta: 'Seconds waited.',
    stdout: 'The same as a sentence.',
    stderr: 'Always empty.',
    rc: 'Always 0.',
  },
  traits: { scope: 'all-hosts' },
  run: async ({ plain, playRun }) => {
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
  },
});
