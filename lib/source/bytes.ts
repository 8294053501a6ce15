/** A byte that is not part of UTF-8 stands in text as U+DC80 to U+DCFF, which no UTF-8 gives: Python's surrogateescape. */
const ESCAPED = /(?<![\ud800-\udbff])[\udc80-\udcff]/;

/** Bytes of a host as text: any bytes survive the way there and back, so that the name of a file stays its name. */
export function textOf(bytes: Buffer): string {
  const text = bytes.toString();
  return text.includes('\ufffd') ? escapedText(bytes) : text;
}

/** The bytes behind `textOf`; text that came from elsewhere gives its UTF-8. */
export function bytesOf(text: string): Buffer {
  if (!ESCAPED.test(text)) return Buffer.from(text);
  const parts = text.split(/((?<![\ud800-\udbff])[\udc80-\udcff])/);
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 1 ? Buffer.of(part.charCodeAt(0) & 0xff) : Buffer.from(part))),
  );
}

function escapedText(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes[at]!);
    const sequence = bytes.subarray(at, at + length);
    const isValid =
      length > 0 && sequence.length === length && Buffer.from(sequence.toString()).equals(sequence);
    text += isValid ? sequence.toString() : String.fromCharCode(0xdc00 | bytes[at]!);
    at += isValid ? length : 1;
  }
  return text;
}

/** How long a sequence that begins with this byte is; 0 when none does. */
const sequenceLength = (lead: number): number =>
  lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
