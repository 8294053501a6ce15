import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../source/errors.ts';
import { run } from './command.ts';

const PATIENCE_S = 300;
const APT = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', 'apt-get', '-q'];

/** Reads the lists of packages anew. Apt waits for others that install, not for others that read the lists. */
export async function refreshLists(say: (line: string) => void): Promise<void> {
  const limit = Date.now() + PATIENCE_S * 1000;
  for (let tries = 0; ; tries++) {
    try {
      await run([...APT, 'update']);
      return;
    } catch (error) {
      if (!/Could not get lock/.test(messageOf(error)) || Date.now() > limit) throw error;
      if (tries === 0) say('waiting for another apt to end');
      await sleep(1000);
    }
  }
}

export async function installPackages(names: readonly string[]): Promise<void> {
  const patient = ['-o', `DPkg::Lock::Timeout=${PATIENCE_S}`];
  await run([...APT, ...patient, '-y', '--no-install-recommends', 'install', ...names]);
}
