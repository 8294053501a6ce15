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
] as const;

export const UNIT_PROPERTIES = `-p ${PROPERTIES.join(',')}`;

export type Unit = Readonly<Partial<Record<(typeof PROPERTIES)[number], string>>>;

/** Reads what `systemctl show` prints about one unit or more. */
export function parseUnits(text: string): readonly Unit[] {
  return text
    .trim()
    .split(/\n\n+/)
    .map(block =>
      Object.fromEntries(
        block.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ),
    );
}
