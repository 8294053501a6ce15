import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Deployment } from '../../lib/cluster/deployment.ts';

/** What puts right what is broken on one host. */
export interface Heal {
  readonly host: string;
  readonly script: string;
}

/** What this machine has broken and not yet put right. */
export interface Broken {
  readonly fault: string;
  readonly since: string;
  readonly heals: readonly Heal[];
}

/** Where the note of a cluster lies, for this person. */
export function noteFile({ cluster, storage }: Deployment, env: NodeJS.ProcessEnv = process.env): string {
  const state = env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  const which = createHash('sha256').update(`${cluster} ${storage.host} ${storage.address}`).digest('hex');
  return join(state, 'polarplay', 'faults', `${which.slice(0, 16)}.json`);
}

/** The note on this machine's disk of what is broken: whoever starts next reads it, however the run before ended. */
export class BrokenNote {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** On disk before anything is broken. */
  write(broken: Broken): void {
    mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
    const part = `${this.file}.new`;
    rmSync(part, { force: true });
    const file = openSync(part, 'wx', 0o600);
    writeSync(file, `${JSON.stringify({ schema: 1, ...broken }, null, 1)}\n`);
    fsyncSync(file);
    closeSync(file);
    renameSync(part, this.file);
  }

  /** Undefined where nothing is broken. Its scripts are run as root: a note that others may write is not believed. */
  read(): Broken | undefined {
    const found = lstatSync(this.file, { throwIfNoEntry: false });
    if (!found) return undefined;
    if (!found.isFile() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0)
      throw new Error(`${this.file}: others may write it; look what it says, then remove it`);
    let note: unknown;
    try {
      note = JSON.parse(readFileSync(this.file, 'utf8'));
    } catch {
      throw new Error(`${this.file} is damaged; look what it says, then remove it`);
    }
    if (isBroken(note)) return note;
    throw new Error(`${this.file} is not a note of this program; look what it says, then remove it`);
  }

  remove(): void {
    rmSync(this.file, { force: true });
  }
}

function isBroken(note: unknown): note is Broken {
  const { schema, fault, since, heals } = (note ?? {}) as Record<string, unknown>;
  const healing = (heal: unknown) => {
    const { host, script } = (heal ?? {}) as Record<string, unknown>;
    return typeof host === 'string' && typeof script === 'string';
  };
  return (
    schema === 1 &&
    typeof fault === 'string' &&
    typeof since === 'string' &&
    Array.isArray(heals) &&
    heals.every(healing)
  );
}
