import { homedir } from 'node:os';
import type { Connections, Operator } from '../engine/run.ts';
import { printWarning } from '../report/warning.ts';
import type { Parsed } from '../source/flags.ts';
import { jsonText } from '../source/json.ts';
import { connectionSettings } from '../transport/config/settings.ts';
import { SshConfigFiles } from '../transport/config/ssh-config.ts';
import { createPool } from '../transport/index.ts';
import type { Settings } from './settings.ts';

/** Connections of one run: each host is logged into once. */
export interface OpenConnections extends Connections {
  close(): Promise<void>;
}

/** Opens connections as flags, inventory variables and ~/.ssh/config say. */
export function openConnections(
  flags: Parsed,
  settings: Settings,
  operator: Operator,
  password: string | undefined,
): OpenConnections {
  const pool = createPool({
    ...(operator.interactive && { askSecret: prompt => operator.ask(prompt, { secret: true }) }),
  });
  const timeout = flags.text('timeout') ?? settings.text('timeout');
  const options = {
    ...(password !== undefined && { password }),
    ...(timeout !== undefined && { timeout: Number(timeout) }),
    acceptNewHostKeys: flags.has('accept-new-host-keys'),
    configFiles: new SshConfigFiles(homedir()),
  };
  const warned = new Set<string>();
  const known = new Map<string, ReturnType<typeof connectionSettings>>();
  return {
    async open(host, variables) {
      const key = `${host}\0${jsonText(variables)}`;
      const found = known.get(key) ?? connectionSettings(host, variables, options);
      known.set(key, found);
      const { warnings } = found;
      for (const warning of warnings) {
        if (!warned.has(warning)) printWarning(warning);
        warned.add(warning);
      }
      return pool.connection(found.settings);
    },
    close: () => pool.close(),
  };
}
