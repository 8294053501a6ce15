import type { Readable, Writable } from 'node:stream';

/** How a program at the far end of a channel came to its end. */
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
