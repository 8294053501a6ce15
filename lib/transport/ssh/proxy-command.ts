import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { resourceHint } from '../../source/errors.ts';
import { ConnectionError } from '../connection.ts';

export interface ProxyPipe {
  readonly stream: Duplex;
  /** What the command said last on stderr; what is on the way when it ends is waited for. */
  lastWords(): Promise<string>;
}

/** A program that it left behind may keep stderr open. */
const DRAIN_MS = 300;

/** Runs a command whose stdin and stdout are the way to a host; it ends with the stream. */
export function openProxy(host: string, command: string): ProxyPipe {
  const child = spawn(process.env['SHELL'] || '/bin/sh', ['-c', `exec ${command}`], {
    stdio: 'pipe',
    detached: true,
  });
  child.on('error', () => {});
  // Without pipes there are no streams either.
  if (child.pid === undefined)
    throw new ConnectionError(host, 'the ProxyCommand cannot be started', resourceHint('EMFILE'));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4096);
  });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.once('error', error => stream.destroy(error));
  stream.once('close', () => {
    // In a group of its own: what it started ends with it, and Ctrl-C is for this program to handle.
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) endGroup(child.pid);
    child.unref();
  });
  stream.on('error', () => {});
  return {
    stream,
    lastWords: async () => {
      if (!child.stderr.closed) await Promise.race([once(child.stderr, 'close'), sleep(DRAIN_MS)]);
      return said.trim().split('\n').at(-1)?.trim() ?? '';
    },
  };
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended just now.
  }
}
