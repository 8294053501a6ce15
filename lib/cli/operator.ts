import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Operator } from '../engine/run.ts';
import { UsageError } from '../source/errors.ts';
import { visible } from '../source/visible.ts';
import { standardOutput } from './standard-output.ts';

/** Asks on the terminal; without one, defaults answer and questions without a default are an error. */
export function terminalOperator(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Operator {
  const interactive = input.isTTY === true;
  return {
    interactive,
    async ask(prompt, { secret, default: fallback }) {
      standardOutput.flush();
      if (!interactive) {
        if (fallback !== undefined) return fallback;
        throw new UsageError(`can't ask for "${prompt}": there is no terminal`);
      }
      const suffix = fallback === undefined || fallback === '' ? '' : ` [${fallback}]`;
      const answer = await question(input, output, `${prompt}${suffix}: `, secret);
      return answer === '' && fallback !== undefined ? fallback : answer;
    },
  };
}

/** One line from the terminal; a secret is not echoed. */
function question(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  prompt: string,
  secret: boolean,
): Promise<string> {
  const muted = new Writable({ write: (_chunk, _encoding, done) => done() });
  // A prompt may be made of what a host said.
  output.write(visible(prompt));
  const lines = createInterface({ input, output: secret ? muted : output, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once('line', line => {
      resolve(line);
      lines.close();
      if (secret) output.write('\n');
    });
    lines.once('close', () => reject(new UsageError(`no answer to "${prompt.trim()}"`)));
    lines.once('SIGINT', () => {
      reject(new UsageError('interrupted'));
      lines.close();
    });
  });
}
