/**
 * Breaks a host as the fault suite does, in a process of its own, for tests that interrupt and kill it:
 * node --import tsx killed-breaker.ts SETTINGS NOTE UNIT HOLD_S break|heal. SETTINGS are the connection's, as JSON.
 * What is broken is that UNIT hangs; the host then has a file BROKEN. Prints what it does.
 */
import { Hosts } from '../../../lib/cluster/hosts.ts';
import { connectionSettings, createPool } from '../../../lib/transport/index.ts';
import { Breaker } from '../../../verify/faults/breaker.ts';
import { BrokenNote } from '../../../verify/faults/broken-note.ts';
import { interruptible } from '../../../verify/faults/interrupt.ts';
import { strike } from '../../../verify/faults/suite.ts';

const [variables = '{}', note = '', unit = '', holdS = '', verb = ''] = process.argv.slice(2);
const say = (text: string) => void process.stdout.write(`${text}\n`);
const pool = createPool();
const { settings } = connectionSettings('h1', JSON.parse(variables));
const hosts = new Hosts(
  () => pool.connection(settings),
  () => undefined,
);
const breaker = new Breaker(hosts, new BrokenNote(note), 1);
const steps = [
  {
    host: 'h1',
    breaks: `signal STOP ${unit} && touch /run/BROKEN`,
    heals: `signal CONT ${unit}`,
  },
];
process.exitCode = await interruptible(async signal => {
  for (const what of await breaker.healLeftovers(['h1'])) say(`healed: ${what}`);
  if (verb === 'heal') return 0;
  await strike({ id: 'primary.hung', holdS: Number(holdS) }, steps, { breaker, signal });
  return 0;
}, say).finally(() => pool.close());
