import { messageOf } from '../../lib/source/errors.ts';

/** A host that gave no usable answer, and why. */
export interface Down {
  readonly host: string;
  readonly reason: string;
}

/** Asks all hosts at once: what was answered, and who did not. One host's trouble takes nothing from the others. */
export async function askEach<T extends { readonly host: string }, R>(
  all: readonly T[],
  ask: (one: T) => Promise<R>,
): Promise<{ readonly answers: readonly R[]; readonly down: readonly Down[] }> {
  const asked = await Promise.allSettled(all.map(ask));
  return {
    answers: asked.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : [])),
    down: asked.flatMap((answer, i) =>
      answer.status === 'rejected' ? [{ host: all[i]!.host, reason: messageOf(answer.reason) }] : [],
    ),
  };
}
