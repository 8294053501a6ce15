import { shellWord } from '../lib/transport/index.ts';

/** What an NBD server said when somebody asked for an export. */
export type Handshake =
  | { readonly kind: 'opened'; readonly size: number; readonly flags: number }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'silent' };

export const READ_ONLY = 1 << 1;
export const SEND_FLUSH = 1 << 2;
export const SEND_FUA = 1 << 3;
/** nbd-server promises it to all clients but those of a private copy. */
export const CAN_MULTI_CONN = 1 << 8;

/** How long a server may take to answer. */
export const ANSWER_S = 5;

const GO = 7;
const LIST = 3;
const ABORT = 2;

/**
 * Asks for each export by name, as any client does, hangs up, and prints what came back in hexadecimal. A server that
 * says nothing once is not asked again.
 */
export function handshakeCommand(address: string, port: number, exports: readonly string[]): string {
  const ask = (label: string, bytes: Buffer) => `ask ${shellWord(label)} '${octal(bytes)}'`;
  return [
    `ask() { [ -z "$silent" ] || return 0; echo "= $1"; said=$(timeout ${ANSWER_S} bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "$2" >&3 && cat <&3' ${shellWord(address)} ${port} "$2" 2>/dev/null | od -An -v -tx1 | head -c 20000); echo "$said"; [ -n "$said" ] || silent=1; }`,
    'silent=',
    ...exports.map(name => ask(name, Buffer.concat([CLIENT_FLAGS, goOption(name), DISCONNECT]))),
    ask('', Buffer.concat([CLIENT_FLAGS, option(LIST), option(ABORT)])),
  ].join('; ');
}

/** Reads what handshakeCommand printed: the answer for each export, and the names the server lists to anybody. */
export function parseHandshakes(text: string): {
  readonly exports: ReadonlyMap<string, Handshake>;
  readonly listed: readonly string[];
} {
  const exports = new Map<string, Handshake>();
  let listed: readonly string[] = [];
  for (const part of text.split(/^= /m).slice(1)) {
    const end = part.indexOf('\n');
    const name = part.slice(0, end < 0 ? undefined : end);
    const bytes = Buffer.from(end < 0 ? '' : part.slice(end).replace(/\s+/g, ''), 'hex');
    if (name === '') listed = listedNames(bytes);
    else exports.set(name, handshakeOf(bytes));
  }
  return { exports, listed };
}

const GREETING = 18;
const INFO = 3;
const SERVER = 2;
const ACK = 1;

function handshakeOf(bytes: Buffer): Handshake {
  let opened: Handshake | undefined;
  for (const { type, data } of replies(bytes)) {
    if (type >= 0x80000000) return { kind: 'refused', message: data.toString('latin1') };
    if (type === INFO && data.readUInt16BE(0) === 0) {
      opened = { kind: 'opened', size: Number(data.readBigUInt64BE(2)), flags: data.readUInt16BE(10) };
    }
    if (type === ACK && opened) return opened;
  }
  // A server that ends the connection after its greeting has refused as well; one that says nothing hangs.
  return bytes.length > GREETING
    ? { kind: 'refused', message: 'the connection was closed' }
    : { kind: 'silent' };
}

function listedNames(bytes: Buffer): readonly string[] {
  return [...replies(bytes)]
    .filter(({ type }) => type === SERVER)
    .map(({ data }) => data.toString('utf8', 4, 4 + data.readUInt32BE(0)));
}

function* replies(bytes: Buffer): Generator<{ type: number; data: Buffer }> {
  let at = GREETING;
  while (at + 20 <= bytes.length) {
    const length = bytes.readUInt32BE(at + 16);
    if (at + 20 + length > bytes.length) return;
    yield { type: bytes.readUInt32BE(at + 12), data: bytes.subarray(at + 20, at + 20 + length) };
    at += 20 + length;
  }
}

const CLIENT_FLAGS = Buffer.from([0, 0, 0, 3]);
/** What a client sends that has got its export and wants no more. */
const DISCONNECT = Buffer.alloc(28);
DISCONNECT.writeUInt32BE(0x25609513);
DISCONNECT.writeUInt16BE(2, 6);

function option(code: number, data = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(16);
  head.write('IHAVEOPT');
  head.writeUInt32BE(code, 8);
  head.writeUInt32BE(data.length, 12);
  return Buffer.concat([head, data]);
}

function goOption(name: string): Buffer {
  const text = Buffer.from(name);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return option(GO, Buffer.concat([length, text, Buffer.alloc(2)]));
}

/** Bytes as printf takes them. */
function octal(bytes: Buffer): string {
  return [...bytes].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
