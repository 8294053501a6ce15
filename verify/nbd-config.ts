/** Sections of an nbd-server configuration, each with its settings as written. */
export type NbdConfig = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Reads the key-file form that nbd-server takes: `[section]`, `key = value`, `#` comments. */
export function parseNbdConfig(text: string): NbdConfig {
  const sections = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const line of text.split('\n').map(l => l.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const section = /^\[(.+)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      current = new Map();
      sections.set(section, current);
      continue;
    }
    const [key = '', ...value] = line.split('=');
    current?.set(key.trim(), value.join('=').trim());
  }
  return sections;
}
