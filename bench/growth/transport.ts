import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { localConnection } from '../../lib/transport/index.ts';
import { KnownHosts } from '../../lib/transport/ssh/known-hosts.ts';
import { type Case, elapsed } from './case.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8n1KX2nJ2n3mE2bqE0p4bQ8bQ2m6mA1w3yD0r6JvQx';

/** What the transport does, in this process. */
export const transportCases: readonly Case[] = [
  {
    name: 'as many logins as lines in known_hosts',
    cost: (size, directory) => elapsed(() => logins(size, directory)),
  },
  {
    name: 'one line of output, in units of 20 kB',
    cost: size => elapsed(() => onHost(run => run(`head -c ${size * 20_000} /dev/zero`))),
  },
  {
    name: 'lines of output, in units of 1,000',
    cost: size => elapsed(() => onHost(run => run(`yes | head -n ${size * 1000}`))),
  },
  {
    name: 'scripts sent at once to one host',
    cost: size =>
      elapsed(() => onHost(run => Promise.all(Array.from({ length: size }, (_, i) => run(`echo ${i}`))))),
  },
];

async function logins(size: number, directory: string): Promise<void> {
  const file = join(directory, `known-${size}`);
  writeFileSync(file, Array.from({ length: size }, (_, i) => `h${i} ${KEY}\n`).join(''));
  const known = new KnownHosts();
  const key = Buffer.from(KEY.split(' ')[1] as string, 'base64');
  for (let i = 0; i < size; i++) {
    const address = `h${i}`;
    const target = { host: address, address, port: 22, jumps: [], knownHostsFiles: [file] };
    await known.algorithmsFor({ ...target, strictHostKeyChecking: 'yes' });
    await known.check({ ...target, strictHostKeyChecking: 'yes' }, key);
  }
}

async function onHost<T>(work: (run: (script: string) => Promise<unknown>) => Promise<T>): Promise<T> {
  const connection = localConnection({ kind: 'local', host: 'localhost' });
  try {
    return await work(script => connection.run({ script }));
  } finally {
    await connection.close();
  }
}
