import { createConnection } from 'node:net';
import ssh2, { type ParsedKey } from 'ssh2';
import { isCertificateType, parseCertificate } from './certificate.ts';
import { certified, type Identity } from './keys.ts';
import { keyTypeOf, WireReader, wireString } from './wire.ts';

// ssh2's agent leaves out certificates: these two messages are all that is needed of one that holds some.
const LIST = 11;
const LISTED = 12;
const SIGN = 13;
const SIGNED = 14;
const RSA_SHA2_512 = 4;

/** More than any agent says: its socket is named by a configuration. */
const LONGEST_REPLY = 4 << 20;

/** The certificates that an agent holds; none when there is no agent at that socket. */
export async function agentCertificates(socket: string): Promise<readonly Identity[]> {
  const listed = await ask(socket, LIST, LISTED, Buffer.alloc(0)).catch(() => undefined);
  if (!listed) return [];
  const count = listed.uint32();
  const entries = Array.from({ length: count }, () => ({ blob: listed.bytes(), comment: listed.text() }));
  return entries
    .filter(({ blob }) => isCertificateType(keyTypeOf(blob)))
    .flatMap(one => identityOf(socket, one));
}

function identityOf(
  socket: string,
  { blob, comment }: { readonly blob: Buffer; readonly comment: string },
): Identity[] {
  try {
    const certificate = parseCertificate(blob);
    const publicKey: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(certificate.key);
    if (publicKey instanceof Error || Array.isArray(publicKey)) return [];
    const label = `agent key ${comment || certificate.keyType} (certificate "${certificate.id}")`;
    const key = { label, publicKey, sign: (data: Buffer) => sign(socket, blob, data) };
    return [certified(key, certificate, label)];
  } catch {
    return []; // of a kind that is not known here
  }
}

/** The signature without the name of its kind, as ssh2 wants it. */
async function sign(socket: string, blob: Buffer, data: Buffer): Promise<Buffer> {
  const flags = Buffer.from([0, 0, 0, RSA_SHA2_512]);
  const reply = await ask(socket, SIGN, SIGNED, Buffer.concat([wireString(blob), wireString(data), flags]));
  const signature = new WireReader(reply.bytes());
  signature.text();
  return signature.bytes();
}

function ask(socket: string, type: number, wanted: number, body: Buffer): Promise<WireReader> {
  return new Promise((resolve, reject) => {
    const stream = createConnection(socket);
    let held = Buffer.alloc(0);
    const end = (error: Error): void => {
      stream.destroy();
      reject(error);
    };
    stream.once('error', end).once('close', () => end(new Error('the agent did not answer')));
    stream.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      if (held.length < 4) return;
      const length = held.readUInt32BE();
      if (length < 1 || length > LONGEST_REPLY) end(new Error('the agent makes no sense'));
      else if (held.length >= 4 + length) {
        const reader = new WireReader(held.subarray(4, 4 + length));
        if (reader.byte() !== wanted) return end(new Error('the agent refused'));
        resolve(reader);
        stream.destroy();
      }
    });
    stream.write(wireString(Buffer.concat([Buffer.from([type]), body])));
  });
}
