/** Reads SSH's wire format: lengths in four bytes, then what they count. Throws RangeError past the end. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** How much has been read. */
  get position(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new RangeError('the data is cut off');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  bytes(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.bytes().toString('latin1');
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.take(8).readBigUInt64BE();
  }
}

/** One string of the wire format. */
export function wireString(value: Buffer | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The kind of a public key or certificate. */
export const keyTypeOf = (blob: Buffer): string => new WireReader(blob).text();

/** How many bits an RSA key has; undefined for keys of other kinds. */
export function rsaBits(blob: Buffer): number | undefined {
  const reader = new WireReader(blob);
  if (reader.text() !== 'ssh-rsa') return undefined;
  reader.bytes();
  const modulus = reader.bytes();
  const first = modulus.findIndex(byte => byte !== 0);
  return first < 0 ? 0 : (modulus.length - first - 1) * 8 + (32 - Math.clz32(modulus[first] as number));
}
