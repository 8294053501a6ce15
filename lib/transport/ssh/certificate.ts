import ssh2, { type ParsedKey } from 'ssh2';
import { matchesPatterns } from '../config/patterns.ts';
import { keyTypeOf, WireReader, wireString } from './wire.ts';

/** A certificate of OpenSSH: a public key, what it may be used for, and who says so. */
export interface Certificate {
  /** As it travels. */
  readonly blob: Buffer;
  readonly type: string;
  readonly keyType: string;
  /** The key inside, as it would travel without a certificate. */
  readonly key: Buffer;
  readonly serial: bigint;
  readonly of: 'user' | 'host' | 'nobody';
  readonly id: string;
  readonly principals: readonly string[];
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: Buffer;
  readonly authority: Buffer;
  readonly signature: Buffer;
  /** What the signature is for. */
  readonly signed: Buffer;
}

const SUFFIX = '-cert-v01@openssh.com';

/** The parts of a key, by its kind, that stand in a certificate after the nonce. */
const KEY_PARTS: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'ssh-rsa': 2,
};

/** Kinds of host certificates that the key exchange can be finished with. */
export const HOST_CERTIFICATES: readonly string[] = Object.keys(KEY_PARTS)
  .filter(type => type !== 'ssh-rsa')
  .map(type => `${type}${SUFFIX}`);

export const isCertificateType = (type: string): boolean => type.endsWith(SUFFIX);

/** Reads a certificate. Throws RangeError where it is cut off, Error for a kind that is not known. */
export function parseCertificate(blob: Buffer): Certificate {
  const reader = new WireReader(blob);
  const type = reader.text();
  const keyType = type.slice(0, -SUFFIX.length);
  const parts = isCertificateType(type) && Object.hasOwn(KEY_PARTS, keyType) ? KEY_PARTS[keyType] : undefined;
  if (parts === undefined) throw new Error(`certificates of type ${type} are not supported`);
  reader.bytes();
  const key = [wireString(keyType)];
  for (let part = 0; part < parts; part++) key.push(wireString(reader.bytes()));
  const serial = reader.uint64();
  const kind = reader.uint32();
  const id = reader.text();
  const principals = listOf(reader.bytes());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = reader.bytes();
  reader.bytes();
  reader.bytes();
  const authority = reader.bytes();
  const signed = blob.subarray(0, reader.position);
  return {
    ...{ blob, type, keyType, key: Buffer.concat(key), serial, id, principals, validAfter, validBefore },
    ...{ criticalOptions, authority, signed, signature: reader.bytes() },
    of: kind === 1 ? 'user' : kind === 2 ? 'host' : 'nobody',
  };
}

function listOf(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const items: string[] = [];
  while (reader.left > 0) items.push(reader.text());
  return items;
}

/**
 * Why a host that shows this certificate is not the one of that name; undefined when it is. That its authority is one to
 * be trusted is for known_hosts to say.
 */
export function hostCertificateProblem(
  certificate: Certificate,
  name: string,
  signatures: readonly string[],
  now: number = Date.now(),
): string | undefined {
  const seconds = BigInt(Math.floor(now / 1000));
  if (certificate.of !== 'host') return 'it is not a host certificate';
  if (seconds < certificate.validAfter) return 'it is not valid yet';
  if (seconds >= certificate.validBefore) return 'it has expired';
  if (certificate.criticalOptions.length > 0) return 'it has options that hosts do not have';
  // Without a name it would stand for every host.
  if (!certificate.principals.some(principal => matchesPatterns([principal], name)))
    return `it is for ${certificate.principals.join(', ') || 'no name'}, not for ${name}`;
  return signatureProblem(certificate, signatures);
}

/** Signatures that authorities may use, as in OpenSSH: not those on SHA-1. */
export const CA_SIGNATURES: readonly string[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

const HASHES: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };

function signatureProblem(
  { authority, signature, signed }: Certificate,
  allowed: readonly string[],
): string | undefined {
  const reader = new WireReader(signature);
  const algorithm = reader.text();
  if (!allowed.includes(algorithm)) return `its signature is of type ${algorithm}`;
  const type = keyTypeOf(authority);
  if (type !== (algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm))
    return 'its signature is of another type than its authority';
  const key: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(authority);
  if (key instanceof Error || Array.isArray(key)) return `its authority is a key of type ${type}`;
  const bytes = reader.bytes();
  const value = algorithm.startsWith('ecdsa-') ? derSignature(bytes) : bytes;
  return key.verify(signed, value, HASHES[algorithm]) === true ? undefined : 'its signature is wrong';
}

/** An ECDSA signature of SSH in the form that OpenSSL reads. */
function derSignature(bytes: Buffer): Buffer {
  const reader = new WireReader(bytes);
  const numbers = [reader.bytes(), reader.bytes()].map(number =>
    Buffer.concat([Buffer.from([2, number.length]), number]),
  );
  const body = Buffer.concat(numbers);
  return Buffer.concat([
    Buffer.from(body.length < 128 ? [0x30, body.length] : [0x30, 0x81, body.length]),
    body,
  ]);
}

/** The other way round: what OpenSSL makes, in the form that SSH sends. */
export function sshSignature(der: Buffer): Buffer {
  // What begins with a length of four bytes is in SSH's form already: an agent made it.
  if (der[0] !== 0x30) return der;
  let at = (der[1] as number) < 128 ? 2 : 3;
  const number = (): Buffer => {
    const length = der[at + 1] as number;
    at += 2 + length;
    return der.subarray(at - length, at);
  };
  return Buffer.concat([wireString(number()), wireString(number())]);
}
