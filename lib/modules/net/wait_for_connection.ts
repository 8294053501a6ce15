import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, sh } from '../kit/define.ts';

export const waitForConnection = defineAction({
  name: 'wait_for_connection',
  summary: 'Waits until the host can be logged in to and runs commands.',
  examples: `
- name: Wait for hosts that were just installed
  wait_for_connection: {timeout: 300}
`,
  args: Type.Object({
    connect_timeout: A.int('Accepted; the limit of a single attempt is the one of the connection.', {
      default: 5,
    }),
    delay: A.int('Seconds to wait first.', { default: 0 }),
    sleep: A.int('Accepted; attempts are a second apart.', { default: 1 }),
    timeout: A.int('Seconds to wait at most.', { default: 600 }),
  }),
  returns: { elapsed: 'Seconds it took.' },

  *run({ delay, timeout }) {
    const start = Date.now();
    const elapsed = () => Math.floor((Date.now() - start) / 1000);
    const reply = yield { kind: 'reconnect', delay, timeout };
    const answer = reply.rc === 0 ? yield* sh(':') : reply;
    if (answer.rc !== 0)
      throw new ModuleError(
        `timed out waiting for ping module test: ${answer.stderr.trim() || 'no answer'}`,
        { elapsed: elapsed() },
      );
    return { changed: false, elapsed: elapsed() };
  },
});
