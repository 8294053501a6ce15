import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localConnection } from '../../lib/transport/index.ts';
import { KnownHosts } from '../../lib/transport/ssh/known-hosts.ts';

// How work grows with its size: what costs ten times as much for ten times as many is well; a hundred times is not. Run
// with `npm run bench:growth`. It measures and judges nothing: times of a loaded machine are noise, their ratios are not.

const SIZES = [10, 100, 1000];
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8n1KX2nJ2n3mE2bqE0p4bQ8bQ2m6mA1w3yD0r6JvQx';

interface Case {
  readonly name: string;
  run(size: number, directory: string): Promise<unknown>;
}

const cases: readonly Case[] = [
  {
    name: 'as many logins as lines in known_hosts',
    run: async (size, directory) => {
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
    },
  },
  {
    name: 'one line of output, in units of 20 kB',
    run: size => output(`head -c ${size * 20_000} /dev/zero`),
  },
  { name: 'lines of output, in units of 1,000', run: size => output(`yes | head -n ${size * 1000}`) },
  {
    name: 'scripts sent at once to one host',
    run: size => onHost(run => Promise.all(Array.from({ length: size }, (_, i) => run(`echo ${i}`)))),
  },
];

const output = (script: string): Promise<unknown> => onHost(run => run(script));

async function onHost<T>(work: (run: (script: string) => Promise<unknown>) => Promise<T>): Promise<T> {
  const connection = localConnection({ kind: 'local', host: 'localhost' });
  try {
    return await work(script => connection.run({ script }));
  } finally {
    await connection.close();
  }
}

const directory = mkdtempSync(join(tmpdir(), 'polarplay-growth-'));
try {
  for (const { name, run } of cases) {
    // The first time loads and compiles what it needs.
    await run(10, directory);
    const times: number[] = [];
    for (const size of SIZES) {
      const started = performance.now();
      await run(size, directory);
      times.push(performance.now() - started);
    }
    const columns = times.map((ms, at) => {
      const before = times[at - 1];
      return `${SIZES[at]}: ${ms.toFixed(0)} ms${before === undefined ? '' : ` (× ${(ms / before).toFixed(1)})`}`;
    });
    process.stdout.write(`${name.padEnd(42)} ${columns.join('   ')}\n`);
  }
} finally {
  rmSync(directory, { recursive: true });
}
