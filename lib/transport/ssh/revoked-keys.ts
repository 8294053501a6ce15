import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Certificate } from './certificate.ts';
import { WireReader } from './wire.ts';

/** Keys that are trusted no more. */
export interface RevokedKeys {
  /** The key, or the authority of its certificate, that is on the list; undefined when neither is. */
  find(key: Buffer, certificate: Certificate | undefined): Buffer | undefined;
}

/** Reads RevokedHostKeys: a list of public keys, or a KRL as ssh-keygen -k makes it. Rejects where it is neither. */
export async function readRevokedKeys(file: string): Promise<RevokedKeys> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read (${error.code})`);
  });
  const problem = (why: string): Error => new Error(`${file} is not a list of revoked keys: ${why}`);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return keyList(bytes.toString(), problem);
  try {
    return keyRevocationList(bytes);
  } catch (error) {
    throw problem((error as Error).message);
  }
}

function keyList(text: string, problem: (why: string) => Error): RevokedKeys {
  const keys = new Set<string>();
  text.split('\n').forEach((line, index) => {
    if (/^\s*(#|$)/.test(line)) return;
    const key = /(?:^|\s)(?:ssh|ecdsa|sk)-\S+\s+([A-Za-z0-9+/]+=*)(?:\s|$)/.exec(line)?.[1];
    // A line that is passed over could be the one that matters.
    if (key === undefined) throw problem(`line ${index + 1} has no public key`);
    keys.add(Buffer.from(key, 'base64').toString('base64'));
  });
  return {
    find: (key, certificate) =>
      [key, ...(certificate ? [certificate.authority, certificate.blob] : [])].find(each =>
        keys.has(each.toString('base64')),
      ),
  };
}

const MAGIC = Buffer.from('SSHKRL\n\0');
const SECTION = { certificates: 1, key: 2, sha1: 3, signature: 4, sha256: 5 } as const;
const SERIALS = { list: 0x20, range: 0x21, bitmap: 0x22, id: 0x23 } as const;

/** Certificates of one authority, or of all, that are revoked. */
interface RevokedCertificates {
  readonly authority: Buffer;
  readonly ranges: readonly (readonly [from: bigint, to: bigint])[];
  readonly ids: ReadonlySet<string>;
}

/** OpenSSH's PROTOCOL.krl. */
function keyRevocationList(bytes: Buffer): RevokedKeys {
  const reader = new WireReader(bytes);
  reader.take(MAGIC.length);
  if (reader.uint32() !== 1) throw new Error('its version is not known');
  // Number, date, flags, what is reserved, and a comment.
  reader.take(8 + 8 + 8);
  reader.bytes();
  reader.bytes();
  const hashes = { sha1: new Set<string>(), sha256: new Set<string>() };
  const keys = new Set<string>();
  const certificates: RevokedCertificates[] = [];
  while (reader.left > 0) {
    const kind = reader.byte();
    if (kind === SECTION.signature) throw new Error('signed lists are not supported');
    const section = new WireReader(reader.bytes());
    if (kind === SECTION.certificates) certificates.push(certificateSection(section));
    else if (kind === SECTION.key) fill(section, keys, 'base64');
    else if (kind === SECTION.sha1) fill(section, hashes.sha1, 'hex');
    else if (kind === SECTION.sha256) fill(section, hashes.sha256, 'hex');
    else throw new Error(`a section of kind ${kind} is not known`);
  }
  const isRevoked = (blob: Buffer): boolean =>
    keys.has(blob.toString('base64')) ||
    hashes.sha1.has(createHash('sha1').update(blob).digest('hex')) ||
    hashes.sha256.has(createHash('sha256').update(blob).digest('hex'));
  return {
    find: (key, certificate) => {
      if (certificate && certificates.some(revoked => covers(revoked, certificate))) return key;
      return [key, ...(certificate ? [certificate.authority] : [])].find(isRevoked);
    },
  };
}

function fill(section: WireReader, into: Set<string>, encoding: 'base64' | 'hex'): void {
  while (section.left > 0) into.add(section.bytes().toString(encoding));
}

function certificateSection(section: WireReader): RevokedCertificates {
  const authority = section.bytes();
  section.bytes();
  const ranges: [bigint, bigint][] = [];
  const ids = new Set<string>();
  while (section.left > 0) {
    const kind = section.byte();
    const part = new WireReader(section.bytes());
    if (kind === SERIALS.list)
      while (part.left > 0) {
        const serial = part.uint64();
        ranges.push([serial, serial]);
      }
    else if (kind === SERIALS.range) ranges.push([part.uint64(), part.uint64()]);
    else if (kind === SERIALS.bitmap) ranges.push(...bitmapRanges(part.uint64(), part.bytes()));
    else if (kind === SERIALS.id) while (part.left > 0) ids.add(part.text());
    else throw new Error(`certificates of kind ${kind} are not known`);
  }
  return { authority, ranges, ids };
}

/** The lowest bit of the last byte stands for the first serial. */
function bitmapRanges(first: bigint, bitmap: Buffer): [bigint, bigint][] {
  const found: [bigint, bigint][] = [];
  [...bitmap].reverse().forEach((byte, at) => {
    for (let bit = 0; bit < 8; bit++) {
      const serial = first + BigInt(at * 8 + bit);
      if (byte & (1 << bit)) found.push([serial, serial]);
    }
  });
  return found;
}

const covers = ({ authority, ranges, ids }: RevokedCertificates, certificate: Certificate): boolean =>
  (authority.length === 0 || authority.equals(certificate.authority)) &&
  (ids.has(certificate.id) ||
    // A certificate without a serial is not one of a range.
    (certificate.serial !== 0n &&
      ranges.some(([from, to]) => certificate.serial >= from && certificate.serial <= to)));
