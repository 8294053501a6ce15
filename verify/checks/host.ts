import type { Check } from '../check.ts';

/** Whether there is anything to look at. Everything else waits for this. */
export const hostChecks: readonly Check[] = [
  {
    id: 'host.answers',
    title: 'every host answers',
    proves:
      'Each host of the inventory can be logged in to, becomes root and runs a command in time. Without that nothing about it is known, and all its other checks wait.',
    expects: 'an answer in time',
    todo: 'Look whether the host is up and reachable (`ssh HOST`), whether the key or password of the inventory is right, and whether the login user may become root. A slow host needs a larger --timeout.',
    severity: 'fault',
    on: 'all',
    settles: true,
    asks: { uptime: 'cat /proc/uptime' },
    judge: at => {
      at.check(at.reached.host === undefined, 'an answer in time', at.reached.host ?? '');
    },
  },
];
