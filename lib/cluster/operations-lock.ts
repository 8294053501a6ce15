import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { Hosts } from './hosts.ts';
import { freeScript, takeScript } from './modules/polardb_lock.ts';

/** Where the operations keep their lock, on the storage host, and its name. */
const DIRECTORY = '/run/polar';
const NAME = 'cluster';
/** How the script ends when another run has the lock. */
const TAKEN = 75;
const WAIT_S = 90;

/** Another run operates on the cluster; the message says which. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

export interface HeldLock {
  release(): Promise<void>;
}

export interface LockRequest {
  /** What the holder does, for the message that others get. */
  readonly owner: string;
  /** How long it stays taken after this program was killed. */
  readonly graceS: number;
  readonly signal?: AbortSignal;
  /** Another place than that of the operations. */
  readonly directory?: string;
}

/**
 * Takes the lock that the operations take (a switchover, a rolling restart), so that a measurement meets neither them nor
 * another measurement. Waits for what a killed run left, not for one that is alive.
 */
export async function holdOperationsLock(
  hosts: Hosts,
  storage: string,
  { owner, graceS, signal, directory = DIRECTORY }: LockRequest,
): Promise<HeldLock> {
  const by = `${userInfo().username} on ${hostname()} (process ${process.pid})`;
  const script = takeScript(
    directory,
    { name: NAME, owner, wait: WAIT_S, queue: false, grace: graceS },
    by,
    randomUUID(),
  );
  const reply = await hosts.script(storage, script, {
    timeoutMs: (WAIT_S + 30) * 1000,
    ...(signal ? { signal } : {}),
  });
  signal?.throwIfAborted();
  const said = reply.stderr.trim().split('\n').at(-1);
  if (reply.rc === TAKEN) throw new LockedError(`the cluster is in use: ${said}`);
  if (reply.rc !== 0) throw new Error(`the lock of operations on ${storage} cannot be taken: ${said}`);
  const holder = reply.stdout.trim();
  return {
    release: async () => {
      await hosts.script(storage, freeScript(directory, NAME, { holder })).catch(() => undefined);
    },
  };
}
