import { availableParallelism } from 'node:os';
import { jsonText } from '../source/json.ts';
import type { Connection, ConnectionSettings, SshSettings } from './connection.ts';
import { Gate } from './gate.ts';
import { connectionOver } from './host-connection.ts';
import { localConnection } from './local.ts';
import { type AskSecret, Keyring } from './ssh/keys.ts';
import { KnownHosts } from './ssh/known-hosts.ts';
import { type SshContext, SshLogin } from './ssh/ssh.ts';

export interface PoolOptions {
  /** Asks for the passphrase of a key; without it encrypted keys cannot be used. */
  readonly askSecret?: AskSecret;
  /** Logins made at the same time; 16 for each core by default, since most of a login is waiting. */
  readonly parallelLogins?: number;
}

/** The connections of a run: one for each way to a host. */
export interface Pool {
  /** The same settings give the same connection. Nothing is sent before the first request. */
  connection(settings: ConnectionSettings): Connection;
  /** Ends all connections and what still runs on them; never rejects. */
  close(): Promise<void>;
}

/** Makes an empty pool; `close()` belongs in the one `finally` of the program. */
export function createPool(options: PoolOptions = {}): Pool {
  const connections = new Map<string, Connection>();
  const jumps = new Map<string, SshLogin>();
  const context: SshContext = {
    keyring: new Keyring(options.askSecret),
    knownHosts: new KnownHosts(),
    gate: new Gate(options.parallelLogins ?? 16 * availableParallelism()),
    jump: settings => {
      // Not through the gate: the hosts that wait for the jump host hold its places.
      const open = { ...context, gate: new Gate(Number.POSITIVE_INFINITY) };
      return cached(jumps, settings, () => new SshLogin(settings, open));
    },
  };
  const connect = (settings: ConnectionSettings): Connection =>
    settings.kind === 'local' ? localConnection(settings) : connectionOver(new SshLogin(settings, context));
  return {
    connection: settings => cached(connections, settings, () => connect(settings)),
    close: async () => {
      await Promise.all([...connections.values()].map(connection => connection.close()));
      await Promise.all([...jumps.values()].map(jump => jump.close()));
      connections.clear();
      jumps.clear();
    },
  };
}

function cached<T>(known: Map<string, T>, settings: ConnectionSettings | SshSettings, make: () => T): T {
  const key = jsonText(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
  const found = known.get(key);
  if (found) return found;
  const made = make();
  known.set(key, made);
  return made;
}
