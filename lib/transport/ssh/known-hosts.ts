import { createHash, createHmac, randomBytes } from 'node:crypto';
import { appendFile, chmod, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { matchesPatterns } from '../config/patterns.ts';
import type { SshSettings } from '../connection.ts';
import { pickAlgorithms } from './algorithms.ts';
import {
  CA_SIGNATURES,
  type Certificate,
  HOST_CERTIFICATES,
  hostCertificateProblem,
  isCertificateType,
  parseCertificate,
} from './certificate.ts';
import { type RevokedKeys, readRevokedKeys } from './revoked-keys.ts';
import { rsaBits, keyTypeOf as typeOf } from './wire.ts';

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
  | 'host'
  | 'address'
  | 'port'
  | 'hostKeyAlias'
  | 'knownHostsFiles'
  | 'strictHostKeyChecking'
  | 'jumps'
  | 'revokedHostKeys'
  | 'hashKnownHosts'
  | 'requiredRsaBits'
  | 'algorithms'
>;

/** The names a host's keys are filed under: what we look for, and the bare name that also counts on other ports. */
function namesOf(target: Target): readonly string[] {
  if (target.hostKeyAlias) return [target.hostKeyAlias.toLowerCase()];
  const address = target.address.toLowerCase();
  return target.port === 22 ? [address] : [`[${address}]:${target.port}`, address];
}

/** A known_hosts file by name: what names hosts outright, what has patterns, and what is hashed. */
class HostFile {
  readonly #exact = new Map<string, Entry[]>();
  readonly #others: Entry[] = [];
  readonly #found = new Map<string, readonly Entry[]>();

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) this.add(entry);
  }

  add(entry: Entry): void {
    this.#found.clear();
    if (/[|*?!]/.test(entry.hosts)) this.#others.push(entry);
    else
      for (const name of new Set(entry.hosts.toLowerCase().split(',')))
        this.#exact.set(name, [...(this.#exact.get(name) ?? []), entry]);
  }

  /** Hashed names cost a hash per line: each name is looked for once. */
  entriesFor(name: string): readonly Entry[] {
    const known = this.#found.get(name);
    if (known) return known;
    const found = [...(this.#exact.get(name) ?? []), ...this.#others.filter(entry => matches(entry, name))];
    this.#found.set(name, found);
    return found;
  }
}

/** What comes of judging a host key. */
export type HostKeyVerdict = HostKeyRefusal | 'trusted' | 'tolerated';

/** known_hosts files, read once and shared by all connections of a run. */
export class KnownHosts {
  readonly #files = new Map<string, Promise<HostFile>>();
  readonly #revoked = new Map<string, Promise<RevokedKeys>>();
  /** One write at a time, whichever host it is for. */
  #writing: Promise<void> = Promise.resolve();

  /** Signature algorithms for the key types on file, so that the server shows a key that can be compared. */
  async algorithmsFor(target: Target): Promise<string[]> {
    const entries = await this.#entries(target);
    const known = entries.filter(({ marker }) => marker === undefined);
    const certificates = entries.some(({ marker }) => marker === '@cert-authority') ? HOST_CERTIFICATES : [];
    return [...new Set([...certificates, ...known.flatMap(entry => ALGORITHMS[entry.type] ?? [])])];
  }

  /**
   * Judges the key a host shows, recording a new one where the settings say so. `tolerated` is a changed key where
   * checking is off: the host gets no password then.
   */
  async check(target: Target, shownKey: Buffer): Promise<HostKeyVerdict> {
    try {
      return await this.#judge(target, shownKey);
    } catch (error) {
      return {
        message: `the host key of ${place(target)} cannot be checked: ${(error as Error).message}`,
        hint: 'no host key is trusted as long as what is known of host keys cannot be read',
      };
    }
  }

  async #judge(target: Target, shownKey: Buffer): Promise<HostKeyVerdict> {
    const certificate = isCertificateType(typeOf(shownKey)) ? parseCertificate(shownKey) : undefined;
    const key = certificate?.key ?? shownKey;
    const entries = await this.#entries(target);
    const revoked = await this.#revocation(target, entries, key, certificate);
    if (revoked) return revoked;
    const bits = rsaBits(key);
    if (bits !== undefined && bits < (target.requiredRsaBits ?? 0)) return tooShort(target, bits);
    const problem = certificate && certificateProblem(target, entries, certificate);
    if (certificate && problem === undefined) return 'trusted';
    // A certificate that does not count leaves the key in it, as in OpenSSH.
    return this.#judgeKey(target, { type: typeOf(key), key: key.toString('base64') }, entries, problem);
  }

  async #judgeKey(
    target: Target,
    offered: Offered,
    entries: readonly Entry[],
    problem: string | undefined,
  ): Promise<HostKeyVerdict> {
    if (entries.some(entry => entry.marker === undefined && entry.key === offered.key)) return 'trusted';
    const [name] = namesOf(target);
    const plain = entries.filter(entry => entry.marker === undefined && matches(entry, name as string));
    const policy = target.strictHostKeyChecking;
    const other = plain.find(entry => entry.type === offered.type) ?? plain[0];
    // A host with other keys on file is not a new host, whatever type of key it shows now.
    if (other) return policy === 'no' ? 'tolerated' : changedKey(target, offered, other);
    const authority = entries.find(entry => entry.marker === '@cert-authority');
    if (policy === 'yes') return unknownKey(target, offered, authority, problem);
    await this.#record(target, name as string, offered);
    return 'trusted';
  }

  async #revocation(
    target: Target,
    entries: readonly Entry[],
    key: Buffer,
    certificate: Certificate | undefined,
  ): Promise<HostKeyRefusal | undefined> {
    const keys = [key, ...(certificate ? [certificate.authority] : [])];
    for (const each of keys) {
      const offered = { type: typeOf(each), key: each.toString('base64') };
      const known = entries.find(entry => entry.marker === '@revoked' && entry.key === offered.key);
      if (known) return revokedKey(target, offered, `${known.file}:${known.line}`);
    }
    const file = target.revokedHostKeys;
    if (file === undefined) return undefined;
    const list = this.#revoked.get(file) ?? readRevokedKeys(file);
    this.#revoked.set(file, list);
    const revoked = (await list).find(key, certificate);
    return revoked && revokedKey(target, { type: typeOf(revoked), key: revoked.toString('base64') }, file);
  }

  async #entries(target: Target): Promise<Entry[]> {
    const names = namesOf(target);
    const files = await Promise.all(target.knownHostsFiles.map(file => this.#load(file)));
    return [...new Set(files.flatMap(file => names.flatMap(name => file.entriesFor(name))))];
  }

  #load(file: string): Promise<HostFile> {
    const known =
      this.#files.get(file) ??
      readFile(file, 'utf8').then(
        text => new HostFile(parseKnownHosts(text, file)),
        (error: NodeJS.ErrnoException) => {
          // Anything but a missing file may hide a key that is revoked, or another one for this host.
          if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return new HostFile([]);
          throw new Error(`${file} cannot be read (${error.code})`);
        },
      );
    this.#files.set(file, known);
    return known;
  }

  async #record(target: Target, name: string, offered: Offered): Promise<void> {
    const [file] = target.knownHostsFiles;
    // A name with a blank, a comma or a wildcard would be another line, or stand for other hosts.
    if (!file || !/^[^\s,*?!#@|\p{Cc}]+$/u.test(name)) return;
    const entries = await this.#load(file);
    const hosts = target.hashKnownHosts ? hashed(name) : name;
    this.#writing = this.#writing
      .then(() => append(file, `${hosts} ${offered.type} ${offered.key}\n`))
      .catch(() => {});
    await this.#writing;
    entries.add({ marker: undefined, hosts: name, ...offered, file, line: 0 });
  }
}

/** Why a certificate does not make its host a known one; undefined when it does. */
function certificateProblem(
  target: Target,
  entries: readonly Entry[],
  certificate: Certificate,
): string | undefined {
  const authority = certificate.authority.toString('base64');
  if (!entries.some(entry => entry.marker === '@cert-authority' && entry.key === authority))
    return `its authority ${fingerprint(certificate.authority)} is not one of this host`;
  const allowed = pickAlgorithms(CA_SIGNATURES, target.algorithms?.caSignature);
  return hostCertificateProblem(certificate, (target.hostKeyAlias ?? target.address).toLowerCase(), allowed);
}

/** A name as it can be compared and not read. */
function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
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

function unknownKey(
  target: Target,
  offered: Offered,
  authority: Entry | undefined,
  problem: string | undefined,
): HostKeyRefusal {
  const file = target.knownHostsFiles[0] ?? '~/.ssh/known_hosts';
  const scan = `ssh-keyscan -p ${target.port} -t ${offered.type.replace(/^ssh-|-sha2-nistp\d+$/g, '')} ${target.address}`;
  const accept =
    target.jumps.length > 0
      ? `log in once with ssh -J ${target.jumps.map(jump => `${jump.address}:${jump.port}`).join(',')} -p ${target.port} ${target.address}`
      : `run ${scan} >> ${file}`;
  const why = problem ?? 'it shows none of a kind that can be checked (ed25519, ecdsa)';
  const certificates = authority
    ? ` ${authority.file}:${authority.line} names a certificate authority for it, but its certificate does not count: ${why}.`
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

function revokedKey(target: Target, offered: Offered, where: string): HostKeyRefusal {
  return {
    message: `the host key of ${place(target)} is revoked by ${where}: ${shown(offered)}`,
    hint: 'the host needs a new key',
  };
}

function tooShort(target: Target, bits: number): HostKeyRefusal {
  return {
    message: `the host key of ${place(target)} has ${bits} bits, less than RequiredRSASize ${target.requiredRsaBits}`,
    hint: 'the host needs a longer key, or one of another kind',
  };
}
