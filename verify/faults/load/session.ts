import type pg from 'pg';
import { eventually } from '../../../lib/cluster/eventually.ts';
import { logIn } from '../../../lib/cluster/pg-client.ts';
import type { SqlTarget } from '../../../lib/cluster/sql.ts';

/** A server that is down refuses at once; this long a busy one may take to fork. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 10_000;
/** What comes before and after the experiment is not what is measured. */
const PATIENCE = { withinMs: 60_000, everyMs: 500 };

/** How long a session of the load may wait: it must find out soon whether the cluster answers again. */
export interface SessionLimits {
  readonly connectMs?: number;
  readonly answerMs?: number;
  /** Settings of the session, as `-c name=value`. */
  readonly options?: string;
}

/** Opens a session with a node; the caller ends it. */
export const connect = (
  target: SqlTarget,
  { connectMs = CONNECT_MS, answerMs = ANSWER_MS, options = '' }: SessionLimits = {},
): Promise<pg.Client> => logIn(target, { application: 'polarplay-faults', connectMs, answerMs, options });

/** A session for what must be done before the experiment and read after it: one lost try says nothing of the cluster. */
export async function withRetries<T>(
  target: SqlTarget,
  use: (client: pg.Client) => Promise<T>,
  { withinMs } = PATIENCE,
): Promise<T> {
  const { value: client } = await eventually(() => connect(target, { answerMs: withinMs }), {
    ...PATIENCE,
    withinMs,
  });
  try {
    return await use(client);
  } finally {
    // A session that is lost has ended.
    await client.end().catch(() => {});
  }
}
