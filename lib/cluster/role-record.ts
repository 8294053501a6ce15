/** The role record on the storage host: who is primary now, who belongs, who is shut out. */
export interface RoleRecord {
  readonly cluster: string;
  readonly epoch: number;
  readonly primary: string;
  readonly systemIdentifier: string | undefined;
  readonly nodes: readonly { readonly name: string; readonly hostid: number; readonly state: string }[];
  readonly fenced: readonly string[];
}

/** Reads the record's text; undefined when there is none. Throws when it is damaged: its last line proves it whole. */
export function parseRecord(text: string): RoleRecord | undefined {
  const lines = text.split('\n').filter(line => line !== '');
  if (lines.length === 0) return undefined;
  if (lines[0] !== 'polar-record 1' || lines.at(-1) !== 'end') throw new Error('the role record is damaged');
  const values = (key: string) =>
    lines.filter(line => line.startsWith(`${key}=`)).map(line => line.slice(key.length + 1));
  return {
    cluster: values('cluster')[0] ?? '',
    epoch: Number(values('epoch')[0]),
    primary: values('primary')[0] ?? '',
    systemIdentifier: values('system_identifier')[0] || undefined,
    nodes: values('node').map(entry => {
      const [name = '', hostid = '', state = ''] = entry.split(' ');
      return { name, hostid: Number(hostid), state };
    }),
    fenced: values('fenced').filter(name => name !== ''),
  };
}
