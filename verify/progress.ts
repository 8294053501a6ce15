import { visible } from '../lib/source/visible.ts';

/** One line for people who wait, on a terminal only; it is gone when the report comes. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #shown = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  say(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#shown = true;
    this.#stream.write(`\r\u001b[K${visible(text).slice(0, (this.#stream.columns ?? 80) - 1)}`);
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001b[K');
    this.#shown = false;
  }
}
