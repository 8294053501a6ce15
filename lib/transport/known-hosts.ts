import { createHash, createHmac } from 'node:crypto';
import { appendFile, chmod, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SshSettings } from './connection.ts';
import { matchesPatterns } from './patterns.ts';

interface Entry {
  readonly marker: '@revoked' | '@cert-authority' | undefined;
  readonly hosts: string;
  readonly type: string;
  readonly key: string;
  readonly file: string;
  readonly line: number;
}

/** The host may not be trusted; `hint` is the way out. */
export interface HostKeyRefusal {
  readonly message: string;
  readonly hint: string;
}

type Target = Pick<
  SshSettings,
  'host' | 'address' | 'port' | 'hostKeyAlias' | 'knownHostsFiles' | 'strictHostKeyChecking' | 'jumps'
>;

/** The names a host's keys are filed under: what we look for, and the bare name that also counts on other ports. */
function namesOf(target: Target): readonly string[] {
  if (target.hostKeyAlias) return [target.hostKeyAlias.toLowerCase()];
  const address = target.address.toLowerCase();
  return target.port === 22 ? [address] : [`[${address}]:${target.port}`, address];
}

/** known_hosts files, read once and shared by all connections of a run. */
export class KnownHosts {
  readonly #files = new Map<string, Promise<Entry[]>>();
  /** One write at a time, whichever host it is for. */
  #writing: Promise<void> = Promise.resolve();

  /** Signature algorithms for the key types on file, so that the server shows a key that can be compared. */
  async algorithmsFor(target: Target): Promise<string[]> {
    const known = (await this.#entries(target)).filter(({ marker }) => marker === undefined);
    return [...new Set(known.flatMap(entry => ALGORITHMS[entry.type] ?? []))];
  }

  /**
   * Judges the key a host shows, recording a new one where the settings say so. `tolerated` is a changed key where
   * checking is off: the host gets no password then.
   */
  async check(target: Target, key: Buffer): Promise<HostKeyRefusal | 'trusted' | 'tolerated'> {
    const offered = { type: typeOf(key), key: key.toString('base64') };
    const entries = await this.#entries(target);
    const same = entries.filter(entry => entry.key === offered.key);
    const revoked = same.find(entry => entry.marker === '@revoked');
    if (revoked) return revokedKey(target, offered, revoked);
    if (same.some(entry => entry.marker === undefined)) return 'trusted';

    const [name] = namesOf(target);
    const plain = entries.filter(entry => entry.marker === undefined && matches(entry, name as string));
    const policy = target.strictHostKeyChecking;
    const other = plain.find(entry => entry.type === offered.type) ?? plain[0];
    // A host with other keys on file is no new host, whatever type of key it shows now.
    if (other) return policy === 'no' ? 'tolerated' : changedKey(target, offered, other);
    if (policy === 'yes') {
      return unknownKey(
        target,
        offered,
        entries.find(entry => entry.marker === '@cert-authority'),
      );
    }
    await this.#record(target, name as string, offered);
    return 'trusted';
  }

  async #entries(target: Target): Promise<Entry[]> {
    const names = namesOf(target);
    const all = await Promise.all(target.knownHostsFiles.map(file => this.#load(file)));
    return all.flat().filter(entry => names.some(name => matches(entry, name)));
  }

  #load(file: string): Promise<Entry[]> {
    let entries = this.#files.get(file);
    if (!entries) {
      entries = readFile(file, 'utf8').then(
        text => parseKnownHosts(text, file),
        () => [],
      );
      this.#files.set(file, entries);
    }
    return entries;
  }

  async #record(target: Target, name: string, offered: { type: string; key: string }): Promise<void> {
    const [file] = target.knownHostsFiles;
    if (!file) return;
    const entries = await this.#load(file);
    const line = `${name} ${offered.type} ${offered.key}\n`;
    this.#writing = this.#writing.then(() => append(file, line)).catch(() => {});
    await this.#writing;
    entries.push({ marker: undefined, hosts: name, ...offered, file, line: 0 });
  }
}

/** One write to the end of the file: other processes that do the same cannot be cut in two. */
async function append(file: string, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const before = await stat(file).catch(() => undefined);
  if (before && !before.isFile()) return;
  const complete = !before || before.size === 0 || (await lastByte(file, before.size)) === 10;
  await appendFile(file, complete ? line : `\n${line}`, { mode: 0o600 });
  if (!before) await chmod(file, 0o600);
}

async function lastByte(file: string, size: number): Promise<number | undefined> {
  const handle = await open(file, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0];
  } finally {
    await handle.close();
  }
}

const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
};

/** Lines that make sense; comments and what cannot be read are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): Entry[] {
  return text.split('\n').flatMap((raw, index) => {
    const words = raw.trim().split(/\s+/);
    const first = words[0] ?? '';
    if (first === '' || first.startsWith('#')) return [];
    const marker = first === '@revoked' || first === '@cert-authority' ? first : undefined;
    if (first.startsWith('@') && !marker) return [];
    const [hosts, type, key] = marker ? words.slice(1) : words;
    return hosts && type && key ? [{ marker, hosts, type, key, file, line: index + 1 }] : [];
  });
}

function matches(entry: Entry, name: string): boolean {
  if (entry.hosts.startsWith('|')) {
    const [, version, salt, hash] = entry.hosts.split('|');
    if (version !== '1' || !salt || !hash) return false;
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  return matchesPatterns(entry.hosts.split(','), name);
}

function typeOf(key: Buffer): string {
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

/** A key's fingerprint as OpenSSH prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

type Offered = { readonly type: string; readonly key: string };

function shown(offered: Offered): string {
  const name = offered.type.replace(/^ssh-/, '').replace(/-sha2-nistp\d+$/, '');
  return `${name.toUpperCase()} ${fingerprint(Buffer.from(offered.key, 'base64'))}`;
}

function place(target: Target): string {
  return target.port === 22 ? target.address : `${target.address} port ${target.port}`;
}

function unknownKey(target: Target, offered: Offered, authority: Entry | undefined): HostKeyRefusal {
  const file = target.knownHostsFiles[0] ?? '~/.ssh/known_hosts';
  const scan = `ssh-keyscan -p ${target.port} -t ${offered.type.replace(/^ssh-|-sha2-nistp\d+$/g, '')} ${target.address}`;
  const accept =
    target.jumps.length > 0
      ? `log in once with ssh -J ${target.jumps.map(jump => `${jump.address}:${jump.port}`).join(',')} -p ${target.port} ${target.address}`
      : `run ${scan} >> ${file}`;
  const certificates = authority
    ? ` ${authority.file}:${authority.line} names a certificate authority for it; host certificates are not supported.`
    : '';
  return {
    message: `the host key of ${place(target)} is not known: ${shown(offered)}.${certificates}`,
    hint: `compare the fingerprint with the host's own; if it is right, ${accept}, or start again with --accept-new-host-keys`,
  };
}

function changedKey(target: Target, offered: Offered, known: Entry): HostKeyRefusal {
  const where = known.line > 0 ? `${known.file}:${known.line}` : known.file;
  const name = namesOf(target)[0];
  return {
    message: `the host key of ${place(target)} has changed: it is now ${shown(offered)}, and ${where} has ${shown(known)}`,
    hint: `somebody may be listening in. If the host was set up anew, remove the old key with ssh-keygen -f ${known.file} -R '${name}'`,
  };
}

function revokedKey(target: Target, offered: Offered, known: Entry): HostKeyRefusal {
  return {
    message: `the host key of ${place(target)} is revoked by ${known.file}:${known.line}: ${shown(offered)}`,
    hint: 'the host needs a new key',
  };
}
