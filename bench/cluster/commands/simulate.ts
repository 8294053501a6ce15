import { positive, readFlags } from '../../../lib/cluster/flags.ts';
import { simulate, simulationText } from '../history/simulate.ts';

const USAGE = `usage: polarplay bench simulate [--noise 0.5,1,2,4,8] [--histories 400]

Runs the rule for regressions on histories that are made up, and shows how often it gives a false alarm and what it finds.
Noise is the standard deviation of a night's figure in percent.
`;

export async function simulateCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, {
    noise: { type: 'string', default: '0.5,1,2,4,8' },
    histories: { type: 'string', default: '400' },
    help: { type: 'boolean', short: 'h', default: false },
  });
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const histories = Math.ceil(positive('histories', flags.histories));
  const levels = flags.noise.split(',').map(text => positive('noise', text.trim()) / 100);
  process.stdout.write(`${simulationText(levels.map(noise => simulate(noise, { histories })))}\n`);
  return 0;
}
