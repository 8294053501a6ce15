import type { Hosts } from '../lib/cluster/hosts.ts';

/** What systemd says about a unit, in its own words. */
export interface UnitState {
  readonly active: string;
  readonly enabled: string;
  readonly restarts: number;
}

const PROPERTIES = ['LoadState', 'ActiveState', 'UnitFileState', 'NRestarts'];

/** Asks systemd for the states of units, all in one question; one that it does not know is an error. */
export async function unitStates(
  hosts: Hosts,
  host: string,
  units: readonly string[],
): Promise<ReadonlyMap<string, UnitState>> {
  const asked = ['systemctl', 'show', ...PROPERTIES.flatMap(name => ['-p', name]), '--', ...units];
  const answers = (await hosts.output(host, asked)).split('\n\n');
  if (answers.length !== units.length)
    throw new Error(`systemctl tells of ${answers.length} units, asked for ${units.length}`);
  return new Map(units.map((unit, i) => [unit, stateOf(unit, answers[i]!)]));
}

function stateOf(unit: string, answer: string): UnitState {
  const value = new Map(
    answer.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  if (value.get('LoadState') === 'not-found') throw new Error(`there is no unit ${unit}`);
  return {
    active: value.get('ActiveState') ?? '',
    enabled: value.get('UnitFileState') ?? '',
    restarts: Number(value.get('NRestarts') ?? 0),
  };
}
