import type { Static } from 'typebox';
import { PythonRegex, PythonRegexError } from '../../source/python/python-regex.ts';
import { entryOf } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, quote, type Result, type Steps } from '../kit/define.ts';
import { ask, type Records } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';
import { clock, growthScript, pathScript, portScript, type Seen, tcpFunctions } from './wait-scripts.ts';

const STATES: Readonly<Record<string, string>> = {
  ESTABLISHED: '01',
  SYN_SENT: '02',
  SYN_RECV: '03',
  FIN_WAIT1: '04',
  FIN_WAIT2: '05',
  TIME_WAIT: '06',
};

const args = Type.Object({
  host: A.str('Host whose port is tried.', { default: '127.0.0.1' }),
  port: A.opt(A.int('Port to try.')),
  path: A.opt(A.path('File to look for.')),
  state: A.choice(
    ['absent', 'drained', 'present', 'started', 'stopped'],
    'started or present: the port is open, the file exists; stopped or absent: not so; drained: no connection to the port is left.',
    { default: 'started' },
  ),
  search_regex: A.opt(
    A.str('Python regular expression that must match in the file, or in what the port says.'),
  ),
  timeout: A.int('Seconds to wait at most; without port and path just the seconds to wait.', {
    default: 300,
  }),
  delay: A.int('Seconds to wait first.', { default: 0 }),
  sleep: A.int('Seconds between two tries.', { default: 1 }),
  connect_timeout: A.int('Seconds a single connection may take.', { default: 5 }),
  active_connection_states: A.list('States in which a connection counts for drained.', {
    default: ['ESTABLISHED', 'FIN_WAIT1', 'FIN_WAIT2', 'SYN_RECV', 'SYN_SENT', 'TIME_WAIT'],
  }),
  exclude_hosts: A.opt(A.list('Hosts whose connections do not count for drained.')),
  msg: A.opt(A.str('Message when it takes too long.')),
});

type Args = Static<typeof args>;

/** Of a file or an answer no more than this is searched. */
const LIMIT = 16 << 20;

interface Match {
  readonly match_groups: Json;
  readonly match_groupdict: Json;
}

const NO_MATCH: Match = { match_groups: [], match_groupdict: {} };

function check(args: Args): void {
  const refuse = (message: string) => {
    throw new ModuleError(message, { elapsed: 0 });
  };
  if (args.port !== undefined && args.path !== undefined)
    refuse('port and path parameter can not both be passed to wait_for');
  for (const state of ['stopped', 'drained'] as const)
    if (args.path !== undefined && args.state === state)
      refuse(`state=${state} should only be used for checking a port in the wait_for module`);
  if (args.exclude_hosts !== undefined && args.state !== 'drained')
    refuse('exclude_hosts should only be with state=drained');
  for (const state of args.active_connection_states)
    if (entryOf(STATES, state) === undefined) refuse(`unknown active_connection_state (${state}) defined`);
}

function timeoutMessage(args: Args): string {
  if (args.msg !== undefined) return args.msg;
  const place = args.port === undefined ? args.path : `${args.host}:${args.port}`;
  if (args.state === 'drained') return `Timeout when waiting for ${place} to drain`;
  if (args.state === 'absent' || args.state === 'stopped')
    return args.port === undefined
      ? `Timeout when waiting for ${place} to be absent.`
      : `Timeout when waiting for ${place} to stop.`;
  if (args.search_regex !== undefined)
    return `Timeout when waiting for search string ${args.search_regex} in ${place}`;
  return args.port === undefined
    ? `Timeout when waiting for file ${place}`
    : `Timeout when waiting for ${place}`;
}

/** A wait under way: how much time is left, and how to ask the host within it. */
class Wait {
  readonly #args: Args;
  readonly #start = Date.now();

  constructor(args: Args) {
    this.#args = args;
  }

  get elapsed(): number {
    return Math.floor((Date.now() - this.#start) / 1000);
  }

  get left(): number {
    return this.#args.timeout - (Date.now() - this.#start) / 1000;
  }

  late(): ModuleError {
    return new ModuleError(timeoutMessage(this.#args), { elapsed: this.elapsed });
  }

  /** Runs a script that loops on the host until it is content or time is up. */
  *ask(script: string): Steps<Records> {
    const args = this.#args;
    const reply = yield* ask(`${clock(this.left, args.sleep)}\n${script}`, {
      timeout: Math.ceil(Math.max(0, this.left) + args.connect_timeout + args.sleep + 30),
    });
    if (reply.rc === 90 || reply.timedOut) throw this.late();
    if (reply.rc !== 0)
      throw new ModuleError(
        args.msg ?? (reply.stderr.trim() || `waiting failed with exit code ${reply.rc}`),
        {
          elapsed: this.elapsed,
        },
      );
    return reply;
  }
}

function regexOf(args: Args): PythonRegex | undefined {
  if (args.search_regex === undefined) return undefined;
  try {
    return new PythonRegex(args.search_regex, { multiline: true });
  } catch (error) {
    if (!(error instanceof PythonRegexError)) throw error;
    throw new ModuleError(`Invalid regular expression: ${error.message}`, { elapsed: 0 });
  }
}

function search(regex: PythonRegex, text: string): Match | undefined {
  const found = regex.search(text);
  if (!found) return undefined;
  const group = (index: number): Json => found.groups[index] ?? null;
  return {
    match_groups: found.groups.slice(1).map(text => text ?? null),
    match_groupdict: Object.fromEntries([...found.named].map(([name, index]) => [name, group(index)])),
  };
}

/** Searches a file each time it has changed; of a growing one only what was added travels. */
function* searchFile(wait: Wait, path: string, regex: PythonRegex): Steps<Match> {
  let last: Seen = { inode: '', size: 0, stamp: '' };
  let text = Buffer.alloc(0);
  for (;;) {
    const reply = yield* wait.ask(growthScript(pathWord(path), last, LIMIT));
    const from = Number(reply.text('from') ?? 1);
    const stamp = reply.text('stamp') ?? '';
    const [inode = '', size = '0'] = stamp.split(' ');
    const added = reply.bytes('added') ?? Buffer.alloc(0);
    const kept = inode === last.inode && from === last.size + 1 ? text : Buffer.alloc(0);
    text = Buffer.concat([kept, added]).subarray(-LIMIT);
    // A file that grew while it was read is read on from there.
    last = {
      inode,
      size: Math.max(Number(size), from - 1 + added.length),
      stamp,
    };
    const match = search(regex, text.toString());
    if (match) return match;
    // The script ends in time by itself; a host may answer as if it had not.
    if (wait.left <= 0) throw wait.late();
    yield { kind: 'sleep', seconds: 1 };
  }
}

function* searchPort(wait: Wait, args: Args, port: number, regex: PythonRegex): Steps<Match> {
  for (;;) {
    const limit = Math.max(1, Math.min(args.connect_timeout, Math.ceil(wait.left)));
    const reply = yield* wait.ask(
      `set -- ${quote(args.host)}\n${tcpFunctions()}\nhear ${quote(args.host)} ${port} ${limit} | head -c ${LIMIT}\nexit 0`,
    );
    const match = search(regex, reply.stdout.toString());
    if (match) return match;
    if (wait.left <= 0) throw wait.late();
    yield { kind: 'sleep', seconds: args.sleep };
  }
}

/** An address as /proc/net/tcp spells it; undefined for a name. */
function kernelAddress(address: string): string | undefined {
  const parts = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1).map(Number);
  return parts
    ?.reverse()
    .map(n => n.toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}

const ANY = /^0+$/;

/** Connections to the port that still count, among rows of /proc/net/tcp. */
export function activeConnections(
  rows: string,
  port: number,
  host: string,
  excluded: readonly string[],
  states: readonly string[],
): number {
  const wanted = new Set(states.map(state => STATES[state]));
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const out = new Set(excluded.map(kernelAddress));
  const own = kernelAddress(host);
  return rows.split('\n').filter(row => {
    const [, local = '', remote = '', state = ''] = row.trim().split(/\s+/);
    const [address = '', localPort] = local.split(':');
    const mapped = (text: string) => text.replace(/^0{16}FFFF0000/, '');
    if (localPort !== hex || !wanted.has(state)) return false;
    if (out.has(mapped(remote.split(':')[0] ?? ''))) return false;
    return own === undefined || ANY.test(own) || mapped(address) === own;
  }).length;
}

function* drain(wait: Wait, args: Args): Steps<void> {
  const port = args.port ?? 0;
  const names = [args.host, ...(args.exclude_hosts ?? [])].filter(name => !kernelAddress(name));
  const lookup = names
    .map(name => `field address "$(getent ahostsv4 ${quote(name)} 2>/dev/null | head -n 1)"`)
    .join('\n');
  for (;;) {
    const reply = yield* wait.ask(
      `${lookup}\nbegin connections; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null\nexit 0`,
    );
    const addresses = reply.all('address').map(line => /^\d+\.\d+\.\d+\.\d+/.exec(line.toString())?.[0]);
    const known = new Map(names.map((name, i) => [name, addresses[i]]));
    const resolved = (name: string) => known.get(name) ?? name;
    const excluded = (args.exclude_hosts ?? []).map(resolved);
    if (
      activeConnections(
        reply.text('connections') ?? '',
        port,
        resolved(args.host),
        excluded,
        args.active_connection_states,
      ) === 0
    )
      return;
    if (wait.left <= 0) throw wait.late();
    yield { kind: 'sleep', seconds: args.sleep };
  }
}

function* until(wait: Wait, args: Args, regex: PythonRegex | undefined): Steps<Match> {
  const wanted = args.state === 'started' || args.state === 'present';
  if (args.state === 'drained') yield* drain(wait, args);
  else if (args.path !== undefined) {
    if (wanted && regex) return yield* searchFile(wait, args.path, regex);
    yield* wait.ask(pathScript(pathWord(args.path), wanted));
  } else if (args.port !== undefined) {
    if (wanted && regex) return yield* searchPort(wait, args, args.port, regex);
    yield* wait.ask(portScript(args.host, args.port, wanted, args.connect_timeout));
  } else yield { kind: 'sleep', seconds: args.timeout };
  return NO_MATCH;
}

export const waitFor = defineAction({
  name: 'wait_for',
  summary: 'Waits until a port is open or closed, a file exists or is gone, or a text appears.',
  examples: `
- name: Wait until the database listens
  wait_for: {host: "{{ ansible_host }}", port: 5432, timeout: 60}
`,
  args,
  returns: {
    elapsed: 'Seconds it took.',
    match_groups: 'Groups of the regular expression.',
    match_groupdict: 'Its named groups.',
    state: 'State waited for.',
    port: 'Port.',
    path: 'Path.',
  },
  differences: [
    'Ports are tried with bash, nc, curl or perl, whichever the host has; the host itself needs none of them.',
    'Of a file or an answer the last 16 MiB are searched.',
    'drained looks at IPv4 connections, and IPv4 within IPv6.',
  ],

  *run(args): Steps<Result> {
    check(args);
    const regex = regexOf(args);
    const wait = new Wait(args);
    if (args.delay > 0) yield { kind: 'sleep', seconds: args.delay };
    const match = yield* until(wait, args, regex);
    return {
      changed: false,
      state: args.state,
      port: args.port ?? null,
      path: args.path ?? null,
      search_regex: args.search_regex ?? null,
      ...match,
      elapsed: wait.elapsed,
    };
  },
});
