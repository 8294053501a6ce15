import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { resourceHint } from '../source/errors.ts';
import { type Channel, drained } from './channel.ts';
import { type Connection, ConnectionError, type LocalSettings } from './connection.ts';
import { connectionOver } from './host-connection.ts';

/** The control machine itself, through the same workers as any other host. */
export function localConnection(settings: LocalSettings): Connection {
  const children = new Set<Channel>();
  return connectionOver({
    kind: 'local',
    host: settings.host,
    launchTimeoutMs: 10_000,
    open: async command => {
      const channel = await spawnChannel(settings.host, command);
      children.add(channel);
      void channel.ended.then(() => children.delete(channel));
      return channel;
    },
    close: async () => {
      for (const child of children) child.destroy();
    },
  });
}

/** Starts a command line under /bin/sh, in a session of its own. */
export function spawnChannel(host: string, command: string): Promise<Channel> {
  // A session of its own: Ctrl-C in the terminal is for this program to handle, not for what it started.
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'pipe', detached: true });
  const cannotStart = (error: NodeJS.ErrnoException): ConnectionError =>
    new ConnectionError(host, `cannot start /bin/sh: ${error.message}`, resourceHint(error.code));
  // Without pipes there are no streams either.
  if (child.pid === undefined)
    return new Promise((_, reject) => child.once('error', error => reject(cannotStart(error))));
  const ended = drained(end => {
    child.once('exit', (code, signal) => {
      const rc = code ?? 128 + (signal ? constants.signals[signal] : 0);
      end({ kind: 'exit', rc }, 'soon');
      child.once('close', () => end({ kind: 'exit', rc }));
    });
  });
  // Writing to a program that has ended is not an error of its own: `ended` tells.
  child.stdin.on('error', () => {});
  const channel: Channel = {
    input: child.stdin,
    output: child.stdout,
    errors: child.stderr,
    ended,
    destroy: () => {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.kill('SIGKILL');
      child.unref();
    },
  };
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(channel));
    child.once('error', error => reject(cannotStart(error)));
  });
}
