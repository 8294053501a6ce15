import type { Steps } from './define.ts';
import { ask } from './reply.ts';
import { pathWord } from './stat.ts';

interface Guarded {
  readonly creates?: string | undefined;
  readonly removes?: string | undefined;
}

/** The argument that makes a task needless: `creates` is there, or `removes` is not. Asks the host only when one is given. */
export function* needlessBy({ creates, removes }: Guarded): Steps<keyof Guarded | undefined> {
  if (creates === undefined && removes === undefined) return undefined;
  const test = (path: string | undefined, word: string) =>
    path === undefined ? '' : `[ -e ${pathWord(path)} ] && field ${word}`;
  const there = yield* ask(
    [test(creates, 'creates'), test(removes, 'removes'), ':'].filter(Boolean).join('\n'),
  );
  if (there.has('creates')) return 'creates';
  return removes !== undefined && !there.has('removes') ? 'removes' : undefined;
}
