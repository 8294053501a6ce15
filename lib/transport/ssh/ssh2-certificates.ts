import { createRequire } from 'node:module';
import type { Client, ParsedKey } from 'ssh2';
import { type Certificate, HOST_CERTIFICATES, isCertificateType } from './certificate.ts';
import { wireString } from './wire.ts';

// ssh2 knows no certificates. What is done here stands on the inside of the one version that package.json names; the
// tests against a real sshd fail when another one works differently.

interface PacketWriter {
  readonly allocStart: number;
  alloc(size: number): Buffer;
  finalize(packet: Buffer): Buffer;
}

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void;

interface Protocol {
  readonly _kex: { readonly negotiated: { serverHostKey: string } };
  readonly _packetRW: { readonly write: PacketWriter };
  authPK(username: string, key: ParsedKey, algorithm?: string, sign?: Sign): void;
}

const protocolOf = (client: Client): Protocol => (client as unknown as { _protocol: Protocol })._protocol;

/** Lets ssh2 ask hosts for certificates where the list of algorithms names them. */
export function allowHostCertificates(): void {
  const constants = createRequire(import.meta.url)('ssh2/lib/protocol/constants.js') as {
    readonly SUPPORTED_SERVER_HOST_KEY: string[];
  };
  const known = constants.SUPPORTED_SERVER_HOST_KEY;
  known.push(...HOST_CERTIFICATES.filter(type => !known.includes(type)));
}

/**
 * Ends a key exchange in which the host showed a certificate, to be called while it is judged: the certificate is what
 * both sides hash, the key inside is what the signature is checked with.
 */
export function useHostCertificate(client: Client, certificate: Certificate): void {
  const { _kex: kex } = protocolOf(client);
  let reads = 0;
  Object.defineProperty(kex, '_hostKey', {
    configurable: true,
    get: () => (reads++ === 0 ? certificate.blob : certificate.key),
    set: () => {},
  });
  kex.negotiated.serverHostKey = certificate.keyType;
}

/** Lets a client log in with certificates: a signature is named after the key, not after the certificate. */
export function useUserCertificates(client: Client): void {
  const protocol = protocolOf(client);
  const plain = protocol.authPK.bind(protocol);
  protocol.authPK = (username, key, algorithm, sign) => {
    if (!sign || !isCertificateType(key.type)) return plain(username, key, algorithm, sign);
    plain(username, key, algorithm, (data, done) =>
      sign(data, signature => withRenamedSignature(protocol, key.type, signature, () => done(signature))),
    );
  };
}

/** Rewrites the end of the packet that `work` makes: the name of the signature. */
function withRenamedSignature(protocol: Protocol, type: string, signature: Buffer, work: () => void): void {
  const { write } = protocol._packetRW;
  const { alloc, finalize } = write;
  let size = 0;
  const restore = (): void => {
    Object.assign(write, { alloc, finalize });
  };
  write.alloc = length => {
    size = length;
    return alloc.call(write, length);
  };
  write.finalize = packet => {
    restore();
    const end = write.allocStart + size;
    const tail = 4 + 4 + type.length + 4 + signature.length;
    const head = packet.subarray(write.allocStart, end - tail);
    const name = type.replace('-cert-v01@openssh.com', '');
    const blob = wireString(Buffer.concat([wireString(name), wireString(signature)]));
    const renamed = alloc.call(write, head.length + blob.length);
    head.copy(renamed, write.allocStart);
    blob.copy(renamed, write.allocStart + head.length);
    return finalize.call(write, renamed);
  };
  try {
    work();
  } finally {
    restore();
  }
}
