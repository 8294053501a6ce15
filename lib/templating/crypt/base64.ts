const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The base 64 of crypt: groups of up to three bytes of a digest, in the order given, least bits first. */
export function cryptBase64(digest: Buffer, order: readonly (readonly number[])[]): string {
  return order.map(group => encode(group.map(i => digest[i] as number))).join('');
}

function encode(bytes: readonly number[]): string {
  let value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  let text = '';
  for (let i = 0; i <= bytes.length; i++) {
    text += ALPHABET[value % 64];
    value = Math.floor(value / 64);
  }
  return text;
}
