import { spawn } from 'node:child_process';
import type { Connection, RunReply, RunRequest } from '../../lib/transport/connection.ts';

/** A host that is this machine: each script gets a shell of its own. Enough for tests of what the suite asks. */
export function localConnection(host: string): Connection {
  const connection: Connection = {
    host,
    kind: 'local',
    run: request => runScript(request),
    send: () => Promise.reject(new Error('not used by the suite')),
    receive: () => Promise.reject(new Error('not used by the suite')),
    as: () => connection,
    reset: async () => {},
    close: async () => {},
  };
  return connection;
}

function runScript({ script, stdin, env, timeoutMs }: RunRequest): Promise<RunReply> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', script], { env: { ...process.env, ...env } });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs ?? 30_000);
    child.stdout.on('data', chunk => out.push(chunk));
    child.stderr.on('data', chunk => err.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(stdin ?? '');
    child.on('error', reject);
    child.on('close', code => {
      clearTimeout(timer);
      resolve({
        rc: code ?? 137,
        stdout: Buffer.concat(out),
        stderr: Buffer.concat(err),
        timedOut,
        aborted: false,
      });
    });
  });
}
