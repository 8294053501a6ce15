import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, mustSh } from '../kit/define.ts';

export const ping = defineAction({
  name: 'ping',
  summary: 'Checks that the host can be reached and runs commands.',
  examples: `
- name: See that the host answers
  ping:
`,
  args: Type.Object({
    data: A.str('Text to give back; "crash" fails the task.', { default: 'pong' }),
  }),
  returns: { ping: 'The text of `data`.' },
  readOnly: true,
  batch: true,

  *run({ data }) {
    if (data === 'crash') throw new ModuleError('boom');
    yield* mustSh('the host runs no commands', ':');
    return { changed: false, ping: data };
  },
});
