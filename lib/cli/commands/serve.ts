import { readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { printWarning } from '../../report/warning.ts';
import { messageOf, UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, type Parsed, parseFlags } from '../../source/flags.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';
import { Latest } from '../serve/latest.ts';
import { answer, type Site } from '../serve/site.ts';
import { openSession } from '../session.ts';
import { readStatus, requireGroups } from './status.ts';

const FLAGS = {
  ...HOST_FLAGS,
  listen: {
    value: 'ADDRESS:PORT',
    help: 'Where it listens (default 127.0.0.1:8090); port 0 takes a free one.',
  },
  name: {
    value: 'NAME',
    multiple: true,
    help: 'A name that requests may use, besides localhost, this host’s name and addresses; may be repeated.',
  },
  'token-file': {
    value: 'FILE',
    help: 'File with the token that each request must carry; POLARPLAY_SERVE_TOKEN does the same.',
  },
  'max-age': { value: 'SECONDS', help: 'How old the answers of the hosts may be (default 10).' },
  'max-lag': { value: 'MIB', help: 'How far a replica may be behind the primary (default 64).' },
  nights: { value: 'DIR', help: 'The folder of polarplay bench --out (default .polarplay/bench).' },
  'verify-reports': { value: 'DIR', help: 'The folder of verify’s reports (default .polarplay/verify).' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay serve -i INVENTORY: the cluster as a page, as JSON and as metrics, until it is stopped

${flagsHelp(FLAGS)}

It answers GET and changes nothing: / (page), /status.json, /metrics (Prometheus), /nights/ and /verify/ (reports),
/reports.json. It asks the hosts at most once per --max-age, and not at all while there are no requests. It reads the
inventory once, at the start, and ends with SIGTERM or Ctrl-C. Without a token, everybody who reaches the port may read.
Before you open it to other machines, set a token and put a proxy with TLS before it.
Exit codes: 0 it was stopped, 1 an error of its own, 4 the inventory is wrong, 5 wrong flag, or the port is taken.
`;

/** `polarplay serve`: changes nothing. */
export async function runServeCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const [stray] = flags.positionals;
  if (stray !== undefined) throw new UsageError(`unexpected "${stray}": an inventory is named with -i`, 5);
  const listen = listenOf(flags.text('listen') ?? '127.0.0.1:8090');
  const token = tokenOf(flags.text('token-file'), process.env['POLARPLAY_SERVE_TOKEN']);
  const maxLag = numberOf(flags, 'max-lag', 64) * 2 ** 20;
  const maxAgeMs = numberOf(flags, 'max-age', 10) * 1000;
  const session = await openSession(flags);
  try {
    requireGroups(session);
    session.checkLimit();
    const site: Site = {
      access: { names: namesOf(flags), token },
      status: new Latest(() => readStatus(session, maxLag), maxAgeMs),
      nights: resolve(flags.text('nights') ?? '.polarplay/bench'),
      verify: resolve(flags.text('verify-reports') ?? '.polarplay/verify'),
    };
    await serve(site, listen, session.signal);
    await site.status.settled();
    return session.signal.reason instanceof Error && session.signal.reason.name === 'Crash' ? 1 : 0;
  } finally {
    await session.close();
  }
}

/** Answers until the signal, then finishes the answers under way. */
async function serve(site: Site, { address, port }: Listen, signal: AbortSignal): Promise<void> {
  // Limits for clients that send slowly, much, or nothing at all.
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: 5000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 5000,
    },
    (request, response) => void answer(site, request, response),
  );
  server.maxConnections = 128;
  await listening(server, address, port);
  const at = server.address() as AddressInfo;
  const where = `http://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}/`;
  process.stderr.write(
    `polarplay: serving ${where}${site.access.token === undefined ? '' : ', with a token'}\n`,
  );
  if (!isLoopback(at.address) && site.access.token === undefined)
    printWarning('whoever reaches this address may read without a token: name one with --token-file');
  await new Promise<void>(done => {
    const stop = () => {
      server.close(() => done());
      server.closeIdleConnections();
      // The server does not wait for slow readers.
      setTimeout(() => server.closeAllConnections(), 2000).unref();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      failed(
        new UsageError(
          code === 'EADDRINUSE'
            ? `port ${port} of ${host} is taken: name another with --listen ADDRESS:PORT`
            : `--listen ${host}:${port}: ${message}`,
          5,
        ),
      ),
    );
    server.listen({ host, port }, done);
  });
}

interface Listen {
  readonly address: string;
  readonly port: number;
}

/** `127.0.0.1:8090`, `[::1]:8090`; a port alone is one of loopback. */
function listenOf(text: string): Listen {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '127.0.0.1';
  const port = Number(digits);
  if (digits !== undefined && port < 65_536 && (isIP(address) || address === 'localhost'))
    return { address, port };
  throw new UsageError(`--listen wants ADDRESS:PORT such as 127.0.0.1:8090, not "${text}"`, 5);
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

const namesOf = (flags: Parsed): ReadonlySet<string> =>
  new Set([hostname(), ...flags.texts('name')].map(name => name.toLowerCase()));

const SHORTEST_TOKEN = 16;

/** The token is never a flag: everybody on the machine can read the command line. */
function tokenOf(file: string | undefined, variable: string | undefined): string | undefined {
  if (file !== undefined && variable !== undefined)
    throw new UsageError('there are two tokens: --token-file and POLARPLAY_SERVE_TOKEN', 5);
  const token = file === undefined ? variable : readToken(file);
  if (token === undefined) return undefined;
  if (/^[\x21-\x7e]+$/.test(token) && token.length >= SHORTEST_TOKEN) return token;
  throw new UsageError(
    `the token${file === undefined ? '' : ` in ${file}`} must have at least ${SHORTEST_TOKEN} characters, printable ASCII without spaces (openssl rand -hex 24 makes one)`,
    5,
  );
}

function readToken(file: string): string {
  try {
    const { mode } = statSync(file);
    if ((mode & 0o004) !== 0) throw new Error(`everybody on this machine may read it (chmod 600 ${file})`);
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`--token-file ${file}: ${messageOf(error)}`, 5);
  }
}

function numberOf(flags: Parsed, name: string, usual: number): number {
  const text = flags.text(name) ?? String(usual);
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  throw new UsageError(`--${name} wants a number, not "${text}"`, 5);
}
