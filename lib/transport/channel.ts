import type { Readable, Writable } from 'node:stream';

/** How a program at the far end of a channel finished. */
export type ChannelEnd =
  /** It exited: the code, or 128 + N for signal N. */
  | { readonly kind: 'exit'; readonly rc: number }
  /** The way to it broke. */
  | { readonly kind: 'lost'; readonly error: Error };

/** A running program with three streams, on this machine or another. Output is paused until someone listens. */
export interface Channel {
  readonly input: Writable;
  readonly output: Readable;
  readonly errors: Readable;
  /** Never rejects. */
  readonly ended: Promise<ChannelEnd>;
  destroy(): void;
}

/** Starts a command line (read by a shell) on a host. Rejects with ConnectionError. */
export type OpenChannel = (command: string) => Promise<Channel>;

/** After a program's end its last output is still on the way; a child that lives on would keep it open for ever. */
const DRAIN_MS = 200;

/** A promise of a channel's end: the first one told counts, and one told `soon` waits a moment for a better one. */
export function drained(
  listen: (end: (value: ChannelEnd, when?: 'soon') => void) => void,
): Promise<ChannelEnd> {
  return new Promise(resolve => {
    let timer: NodeJS.Timeout | undefined;
    listen((value, when) => {
      clearTimeout(timer);
      if (when === 'soon') timer = setTimeout(() => resolve(value), DRAIN_MS);
      else resolve(value);
    });
  });
}
