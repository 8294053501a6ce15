import { readFile } from 'node:fs/promises';
import ssh2, { type OpenSSHAgent, type ParsedKey } from 'ssh2';
import { type Certificate, parseCertificate, sshSignature } from './certificate.ts';

/** Asks the person at the terminal; undefined when nobody answers. */
export type AskSecret = (prompt: string) => Promise<string | undefined>;

/** A key that can sign: held by a file, or by an agent. */
export interface Identity {
  readonly label: string;
  readonly publicKey: ParsedKey;
  /** Why it can't sign, where that is known. */
  readonly unusable?: string;
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>;
}

/** A key with a certificate: what is shown is the certificate, what signs is the key. */
export function certified(identity: Identity, certificate: Certificate, label: string): Identity {
  const { keyType, blob } = certificate;
  const isRsa = keyType === 'ssh-rsa';
  // Of the key it keeps what ssh2 knows a key by.
  const publicKey = Object.create(identity.publicKey, {
    type: { value: isRsa ? 'rsa-sha2-512-cert-v01@openssh.com' : certificate.type },
    getPublicSSH: { value: () => blob },
  }) as ParsedKey;
  return {
    label,
    publicKey,
    sign: async data => {
      const signature = await identity.sign(data, isRsa ? 'sha512' : undefined);
      return keyType.startsWith('ecdsa-') ? sshSignature(signature) : signature;
    },
  };
}

/** What became of an identity file. */
export type KeyFile =
  | { readonly identity: Identity }
  | { readonly problem: string; readonly missing: boolean };

const LOCKED =
  'is encrypted, and there is no terminal to ask for its passphrase (ssh-add gives it to an agent)';

/** Times a wrong passphrase may be corrected, as ssh allows. */
const PASSPHRASE_TRIES = 3;

/** The keys of a run: each file is read, and its passphrase asked for, once for all hosts. */
export class Keyring {
  readonly #askSecret: AskSecret | undefined;
  readonly #certificates = new Map<string, Promise<Certificate | undefined | Error>>();
  readonly #files = new Map<string, Promise<KeyFile>>();
  readonly #agents = new Map<string, Promise<readonly Identity[]>>();
  #asking = 0;

  /** Without somebody to ask, keys with a passphrase can't be used. */
  constructor(askSecret: AskSecret | undefined) {
    this.#askSecret = askSecret;
  }

  /** Somebody is being asked for a passphrase: no time limit runs meanwhile. */
  get isAsking(): boolean {
    return this.#asking > 0;
  }

  file(path: string): Promise<KeyFile> {
    let key = this.#files.get(path);
    if (!key) {
      key = this.#load(path);
      this.#files.set(path, key);
    }
    return key;
  }

  /** The certificate in a file; undefined when there is no such file. */
  certificate(path: string): Promise<Certificate | undefined | Error> {
    const known = this.#certificates.get(path) ?? readCertificate(path);
    this.#certificates.set(path, known);
    return known;
  }

  /** The keys an agent holds; none when there is no agent at that socket. */
  agent(socket: string): Promise<readonly Identity[]> {
    let keys = this.#agents.get(socket);
    if (!keys) {
      keys = agentIdentities(socket);
      this.#agents.set(socket, keys);
    }
    return keys;
  }

  async #load(path: string): Promise<KeyFile> {
    let data: Buffer;
    try {
      data = await readFile(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return {
        problem: code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`,
        missing: code === 'ENOENT',
      };
    }
    const parsed = parsedKey(data);
    if (!(parsed instanceof Error))
      return { identity: fileIdentity(path, parsed, () => Promise.resolve(parsed)) };
    if (!/encrypted/i.test(parsed.message))
      return { problem: `not a private key (${parsed.message})`, missing: false };
    const askSecret = this.#askSecret;
    if (!askSecret) {
      // An agent may hold it: then its public half is all that is needed.
      const publicKey = await publicHalf(path, data);
      const locked = new Error(LOCKED);
      return publicKey
        ? { identity: { ...fileIdentity(path, publicKey, async () => locked), unusable: LOCKED } }
        : { problem: LOCKED, missing: false };
    }
    const unlocked = once(() => this.#unlock(path, data, askSecret));
    const known = (await publicHalf(path, data)) ?? (await unlocked());
    return known instanceof Error
      ? { problem: known.message, missing: false }
      : { identity: fileIdentity(path, known, unlocked) };
  }

  async #unlock(path: string, data: Buffer, askSecret: AskSecret): Promise<ParsedKey | Error> {
    for (let attempt = 0; attempt < PASSPHRASE_TRIES; attempt++) {
      this.#asking++;
      const again = attempt > 0 ? 'That was wrong. ' : '';
      const passphrase = await askSecret(`${again}Passphrase for ${path}: `).finally(() => this.#asking--);
      if (!passphrase) return new Error('is encrypted and no passphrase was given');
      const key = parsedKey(data, passphrase);
      if (!(key instanceof Error)) return key;
    }
    return new Error('is encrypted and the passphrase was wrong');
  }
}

async function readCertificate(path: string): Promise<Certificate | undefined | Error> {
  try {
    const [, base64 = ''] = (await readFile(path, 'utf8')).trim().split(/\s+/);
    return parseCertificate(Buffer.from(base64, 'base64'));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : (error as Error);
  }
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

function fileIdentity(
  label: string,
  publicKey: ParsedKey,
  privateKey: () => Promise<ParsedKey | Error>,
): Identity {
  return {
    label,
    publicKey,
    sign: async (data, hash) => {
      const key = await privateKey();
      if (key instanceof Error) throw new Error(`${label} ${key.message}`);
      const signature: Buffer | Error = key.sign(data, hash);
      if (signature instanceof Error) throw signature;
      return signature;
    },
  };
}

function parsedKey(data: Buffer | string, passphrase?: string): ParsedKey | Error {
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(data, passphrase);
  return Array.isArray(parsed) ? (parsed[0] ?? new Error('no key')) : parsed;
}

/** An encrypted key's public half: from the `.pub` file beside it, or from its own head in OpenSSH's format. */
async function publicHalf(path: string, data: Buffer): Promise<ParsedKey | undefined> {
  const beside = await readFile(`${path}.pub`).catch(() => undefined);
  const key = beside ? parsedKey(beside) : embeddedPublicKey(data);
  return key instanceof Error ? undefined : key;
}

function embeddedPublicKey(data: Buffer): ParsedKey | undefined {
  const text = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(data.toString('latin1'))?.[1];
  if (!text) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // "openssh-key-v1\0", then cipher, kdf and its options, the number of keys, and the first public key.
  let at = 15;
  const skip = (): void => {
    at += 4 + bytes.readUInt32BE(at);
  };
  try {
    skip();
    skip();
    skip();
    at += 4;
    const blob = bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at));
    const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0));
    const key = parsedKey(`${type} ${blob.toString('base64')}`);
    return key instanceof Error ? undefined : key;
  } catch {
    return undefined;
  }
}

function agentIdentities(socket: string): Promise<readonly Identity[]> {
  const agent = new ssh2.OpenSSHAgent(socket);
  return new Promise(resolve => {
    agent.getIdentities((error, keys) => {
      if (error || !keys) return resolve([]);
      const usable = keys.filter((key): key is ParsedKey => 'getPublicSSH' in key);
      resolve(usable.map(publicKey => agentIdentity(agent, publicKey)));
    });
  });
}

function agentIdentity(agent: OpenSSHAgent, publicKey: ParsedKey): Identity {
  return {
    label: `agent key ${publicKey.comment || publicKey.type}`,
    publicKey,
    sign: (data, hash) =>
      new Promise((resolve, reject) => {
        const options = hash === undefined ? {} : { hash: hash as 'sha256' | 'sha512' };
        agent.sign(publicKey, data, options, (error, signature) =>
          error || !signature ? reject(error ?? new Error('the agent did not sign')) : resolve(signature),
        );
      }),
  };
}

/** Lets ssh2 try keys in our order, and decrypt one only when the server would take it. */
export class IdentityAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #identities: readonly Identity[];

  constructor(identities: readonly Identity[]) {
    super();
    this.#identities = identities;
  }

  override getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    done(
      undefined,
      this.#identities.map(identity => identity.publicKey),
    );
  }

  override sign(...args: unknown[]): void {
    const [publicKey, data, options, done] = args as [
      ParsedKey,
      Buffer,
      { hash?: string },
      (error: Error | undefined, signature?: Buffer) => void,
    ];
    const identity = this.#identities.find(({ publicKey: key }) =>
      key.getPublicSSH().equals(publicKey.getPublicSSH()),
    );
    if (!identity) done(new Error('no such key'));
    else
      identity.sign(data, options.hash).then(
        signature => done(undefined, signature),
        (error: Error) => done(error),
      );
  }
}
