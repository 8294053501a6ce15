import { shellWord } from '../lib/transport/index.ts';

/** What systemd is asked about a unit, each property under its own name. */
const PROPERTIES = [
  'Id',
  'LoadState',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'NRestarts',
  'NeedDaemonReload',
  'FragmentPath',
  'DropInPaths',
  'MainPID',
  'ExecMainStartTimestampMonotonic',
  'StatusText',
  'ConflictedBy',
] as const;

/** Asks systemd about units; about none it would speak of itself. */
export const showUnits = (units: readonly string[]): string =>
  units.length === 0 ? ':' : `systemctl show -p ${PROPERTIES.join(',')} -- ${units.map(shellWord).join(' ')}`;

/** Said where a cluster that somebody else set up runs something outside of systemd. */
export const NO_UNITS =
  'no unit of systemd runs it, as far as can be seen: name it in verify_database_service, verify_storage_service or verify_disk_services';

export type Unit = Readonly<Partial<Record<(typeof PROPERTIES)[number], string>>>;

/** Reads what `systemctl show` prints about one unit or more. */
export function parseUnits(text: string): readonly Unit[] {
  if (text.trim() === '') return [];
  return text
    .trim()
    .split(/\n\n+/)
    .map(block =>
      Object.fromEntries(
        block.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ),
    );
}
