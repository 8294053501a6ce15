import { randomBytes } from 'node:crypto';

/** A word no output holds by chance. */
export function randomToken(): string {
  return `pp-${randomBytes(12).toString('hex')}-`;
}

interface FrameEvents {
  data(chunk: Buffer): void;
  /** What stood between the token and the end of its line. */
  frame(text: string): void;
  /** A token without an end of its line: no shell of ours wrote it. */
  broken(): void;
}

/** What stands behind a token is a few numbers. */
const LONGEST_FRAME = 4096;

/** Splits a byte stream at `TOKEN text NEWLINE`; everything else is data. Each byte is looked at once. */
export class FrameReader {
  readonly #token: Buffer;
  readonly #events: FrameEvents;
  #held: Buffer = Buffer.alloc(0);

  constructor(token: string, events: FrameEvents) {
    this.#token = Buffer.from(token);
    this.#events = events;
  }

  push(chunk: Buffer): void {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = Buffer.alloc(0);
    for (;;) {
      const at = rest.indexOf(this.#token);
      const end = at < 0 ? -1 : rest.indexOf(10, at + this.#token.length);
      if (end < 0) {
        const keepFrom = at >= 0 ? at : rest.length - this.#partialToken(rest);
        this.#data(rest.subarray(0, keepFrom));
        this.#held = rest.subarray(keepFrom);
        if (this.#held.length > LONGEST_FRAME) this.#events.broken();
        return;
      }
      this.#data(rest.subarray(0, at));
      this.#events.frame(rest.toString('latin1', at + this.#token.length, end));
      rest = rest.subarray(end + 1);
    }
  }

  #data(bytes: Buffer): void {
    if (bytes.length > 0) this.#events.data(bytes);
  }

  /** How many bytes at the end may be the beginning of a token. */
  #partialToken(bytes: Buffer): number {
    for (let length = Math.min(this.#token.length - 1, bytes.length); length > 0; length--) {
      if (bytes.subarray(bytes.length - length).equals(this.#token.subarray(0, length))) return length;
    }
    return 0;
  }
}
