import type { Hosts } from './hosts.ts';

/** What systemd says about a unit, in its own words. */
export interface UnitState {
  readonly active: string;
  readonly enabled: string;
  readonly restarts: number;
}

/** Asks systemd for the state of one unit; a unit it does not know is an error. */
export async function unitState(hosts: Hosts, host: string, unit: string): Promise<UnitState> {
  const properties = ['LoadState', 'ActiveState', 'UnitFileState', 'NRestarts'];
  const text = await hosts.output(host, [
    'systemctl',
    'show',
    ...properties.flatMap(p => ['-p', p]),
    '--',
    unit,
  ]);
  const value = new Map(
    text.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  if (value.get('LoadState') === 'not-found') throw new Error(`there is no unit ${unit}`);
  return {
    active: value.get('ActiveState') ?? '',
    enabled: value.get('UnitFileState') ?? '',
    restarts: Number(value.get('NRestarts') ?? 0),
  };
}
