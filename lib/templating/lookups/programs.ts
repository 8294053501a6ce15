import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dict, Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
import { splitLines, strip } from '../python/text.ts';
import { type LookupTable, lookup } from './lookup.ts';

const MAX_OUTPUT = 64 * 1024 * 1024;

/** What a shell command on the control machine prints. */
function shellOutput({ options, vars }: Context, command: string): string {
  const folder = vars.get('playbook_dir');
  const result = spawnSync('sh', ['-c', command], {
    encoding: 'utf8',
    env: { ...options.env },
    maxBuffer: MAX_OUTPUT,
    ...(typeof folder === 'string' ? { cwd: folder } : {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.error) throw fault(`the command could not be run: ${result.error.message}`);
  if (result.status === 0) return result.stdout;
  const why = strip(result.stderr, undefined).split('\n').at(-1);
  throw fault(`the command "${command}" failed with code ${result.status}${why ? `: ${why}` : ''}`);
}

interface Request {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeout: number;
}

/** fetch() is asynchronous and templates are not, so it runs in a process of its own. The build puts it beside us. */
const FETCH = join(import.meta.dirname, 'fetch.cjs');

function download(request: Request, options: Dict): string {
  const isUnsafe = options.has('validate_certs') && !truthy(options.get('validate_certs') ?? true);
  const result = spawnSync(process.execPath, [FETCH], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
    env: {
      ...process.env,
      ...(isUnsafe ? { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' } : {}),
    },
  });
  if (result.status === 0) return result.stdout;
  throw fault(`${request.url} could not be read: ${result.stderr || result.error?.message}`);
}

function requestOf(url: string, options: Dict): Request {
  const headers: Record<string, string> = { 'user-agent': str(options.get('http_agent') ?? 'polarplay') };
  const given = options.get('headers');
  if (given instanceof Map) for (const [name, value] of given) headers[str(name)] = str(value);
  const [user, password] = [options.get('username'), options.get('password')];
  if (user !== undefined && user !== null) {
    const credentials = Buffer.from(`${str(user)}:${str(password ?? '')}`).toString('base64');
    headers.authorization = `Basic ${credentials}`;
  }
  return {
    url,
    method: 'GET',
    headers,
    body: undefined,
    timeout: 1000 * Number(options.get('timeout') ?? 10),
  };
}

function urlLines(url: string, options: Dict): Value[] {
  const protocol = /^file:\/\/(\/.*)$/.exec(url);
  const text = protocol
    ? readFileSync(protocol[1] as string, 'utf8')
    : download(requestOf(url, options), options);
  return truthy(options.get('split_lines') ?? true) ? splitLines(text) : [text];
}

/** Lookups that run something: a command, a request. */
export const programLookups: LookupTable = {
  pipe: lookup((context, terms) =>
    terms.map(term => strip(shellOutput(context, str(term)), undefined, 'right')),
  ),
  lines: lookup((context, terms) => terms.flatMap(term => splitLines(shellOutput(context, str(term))))),
  url: lookup((_context, terms, options) => terms.flatMap(term => urlLines(str(term), options))),
};
