import { type Steps, sh } from './define.ts';
import { pathWord } from './stat.ts';

interface Guarded {
  readonly creates?: string | undefined;
  readonly removes?: string | undefined;
}

/** The argument that makes a task needless: `creates` is there, or `removes` is not. Asks the host only when one is given. */
export function* needlessBy({ creates, removes }: Guarded): Steps<keyof Guarded | undefined> {
  if (creates === undefined && removes === undefined) return undefined;
  const test = (path: string | undefined, word: string) =>
    path === undefined ? '' : `[ -e ${pathWord(path)} ] && echo ${word}`;
  const reply = yield* sh(
    [test(creates, 'creates'), test(removes, 'removes'), ':'].filter(Boolean).join('\n'),
  );
  const there = reply.stdout.split('\n');
  if (there.includes('creates')) return 'creates';
  return removes !== undefined && !there.includes('removes') ? 'removes' : undefined;
}
