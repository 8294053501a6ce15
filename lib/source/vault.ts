import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  pbkdf2Sync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { type Position, SourceError, UsageError } from './errors.ts';

/** A password with the label it goes by; labels tell which one an encrypted text was made with. */
export interface VaultSecret {
  readonly id: string;
  readonly password: Buffer;
}

export interface VaultOptions {
  /** Label of the password that encrypts where nobody names one (`vault_encrypt_identity`). */
  readonly encryptWith?: string | undefined;
  /** Only passwords with a text's own label are tried on it (`vault_id_match`). */
  readonly sameLabel?: boolean;
}

/** A text that was decrypted. */
interface Opened {
  readonly content: Buffer;
  readonly secret: VaultSecret;
}

const DEFAULT_ID = 'default';
const HEADER = /^\$ANSIBLE_VAULT;(\d\.\d);(\w+)(?:;([^\s;]+))?[ \t]*$/;

/** Reads and writes text in the format of ansible-vault 1.1 and 1.2 (AES-256). */
export class Vault {
  private readonly secrets: readonly VaultSecret[];
  private readonly options: VaultOptions;
  private readonly opened = new Map<string, Opened>();

  constructor(secrets: readonly VaultSecret[] = [], options: VaultOptions = {}) {
    this.secrets = secrets;
    this.options = options;
  }

  /** The plain content; throws SourceError BAD_VAULT. The password with the text's own label is tried first. */
  decrypt(text: string, at?: Position): Buffer {
    return this.open(text, at).content;
  }

  /** The content, and what encrypts it again: the password that fits, under the label that the text has. */
  open(text: string, at?: Position): Opened {
    const known = this.opened.get(text);
    if (known) return known;
    const envelope = parseEnvelope(text, at);
    if (this.secrets.length === 0) throw noPassword(at);
    const first = this.secrets.filter(secret => secret.id === envelope.id);
    const others = this.options.sameLabel ? [] : this.secrets.filter(secret => secret.id !== envelope.id);
    for (const { password } of [...first, ...others]) {
      const content = unsealed(envelope, password, at);
      if (!content) continue;
      const opened = { content, secret: { id: envelope.id, password } };
      this.opened.set(text, opened);
      return opened;
    }
    const label = envelope.id === DEFAULT_ID ? '' : ` with label "${envelope.id}"`;
    throw new SourceError(
      'BAD_VAULT',
      `the vault password does not fit this text${label}`,
      at,
      'give the password it was encrypted with',
    );
  }

  /** The password of that label, or the only one; among several somebody has to choose. */
  secretFor(id = this.options.encryptWith): VaultSecret {
    const labels = [...new Set(this.secrets.map(secret => secret.id))];
    if (id === undefined && labels.length > 1)
      throw new UsageError(
        `the vault-ids ${labels.join(', ')} are available to encrypt; choose one with --encrypt-vault-id`,
      );
    const secret = id === undefined ? this.secrets[0] : this.secrets.find(one => one.id === id);
    if (secret) return secret;
    if (id === undefined) throw noPassword();
    throw new UsageError(
      `there is no vault password with label "${id}"; there are: ${labels.join(', ') || 'none'}`,
    );
  }

  /** Encrypted text for a file or a `!vault` scalar. The label is written down unless it is "default". */
  encrypt(content: Buffer, secret: VaultSecret = this.secretFor(), salt = randomBytes(32)): string {
    const { key, macKey, iv } = deriveKeys(secret.password, salt);
    const cipher = createCipheriv('aes-256-ctr', key, iv);
    const sealed = Buffer.concat([cipher.update(pad(content)), cipher.final()]);
    const mac = createHmac('sha256', macKey).update(sealed).digest();
    const body = Buffer.from([salt, mac, sealed].map(part => part.toString('hex')).join('\n')).toString(
      'hex',
    );
    const header =
      secret.id === DEFAULT_ID ? '$ANSIBLE_VAULT;1.1;AES256' : `$ANSIBLE_VAULT;1.2;AES256;${secret.id}`;
    return `${[header, ...(body.match(/.{1,80}/g) ?? [])].join('\n')}\n`;
  }
}

/** True for content in ansible-vault's format. */
export function isVault(content: Buffer): boolean {
  return content.subarray(0, 15).toString('latin1') === '$ANSIBLE_VAULT;';
}

interface Envelope {
  readonly id: string;
  readonly salt: Buffer;
  readonly mac: Buffer;
  readonly sealed: Buffer;
}

function parseEnvelope(text: string, at: Position | undefined): Envelope {
  const [first = '', ...lines] = text.trim().split(/\r?\n/);
  const header = HEADER.exec(first.trim());
  if (!header) throw damaged('it does not begin with $ANSIBLE_VAULT', at);
  const [, version = '', cipher = '', id = DEFAULT_ID] = header;
  if (cipher !== 'AES256' || !['1.1', '1.2'].includes(version)) {
    throw damaged(`format ${version} with ${cipher} is not supported, only 1.1 and 1.2 with AES256`, at);
  }
  const inner = hex(lines.map(line => line.trim()).join(''), at).toString('latin1');
  const [salt, mac, sealed] = inner.split('\n').map(part => hex(part.trim(), at));
  if (!salt || !mac || !sealed || mac.length !== 32) throw damaged('parts of it are missing', at);
  return { id, salt, mac, sealed };
}

function hex(text: string, at: Position | undefined): Buffer {
  if (text === '' || text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw damaged('it holds other characters than 0-9 and a-f, or is cut off', at);
  return Buffer.from(text, 'hex');
}

function deriveKeys(password: Buffer, salt: Buffer) {
  const derived = pbkdf2Sync(password, salt, 10_000, 80, 'sha256');
  return { key: derived.subarray(0, 32), macKey: derived.subarray(32, 64), iv: derived.subarray(64, 80) };
}

/** The content, or undefined when the password is another one. */
function unsealed(
  { salt, mac, sealed }: Envelope,
  password: Buffer,
  at: Position | undefined,
): Buffer | undefined {
  const { key, macKey, iv } = deriveKeys(password, salt);
  if (!timingSafeEqual(createHmac('sha256', macKey).update(sealed).digest(), mac)) return undefined;
  const decipher = createDecipheriv('aes-256-ctr', key, iv);
  const padded = Buffer.concat([decipher.update(sealed), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  if (padding < 1 || padding > 16 || padding > padded.length) throw damaged('its end is wrong', at);
  return padded.subarray(0, padded.length - padding);
}

function pad(content: Buffer): Buffer {
  const padding = 16 - (content.length % 16);
  return Buffer.concat([content, Buffer.alloc(padding, padding)]);
}

function noPassword(at?: Position): SourceError {
  return new SourceError(
    'BAD_VAULT',
    'this is encrypted and no vault password was given',
    at,
    'use --vault-password-file or --ask-vault-pass',
  );
}

function damaged(why: string, at: Position | undefined): SourceError {
  return new SourceError('BAD_VAULT', `this vault text is damaged: ${why}`, at);
}
