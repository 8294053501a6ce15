import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { coerceArguments } from '../../lib/modules/kit/arguments.ts';
import type {
  Module,
  ModuleContext,
  Plan,
  Reply,
  Request,
  Result,
  Steps,
} from '../../lib/modules/kit/define.ts';
import { ModuleError } from '../../lib/modules/kit/define.ts';
import { callSteps, drive, failureResult } from '../../lib/modules/kit/drive.ts';
import { markOf, parseRecords, type Records } from '../../lib/modules/kit/reply.ts';
import { bytesOf } from '../../lib/source/bytes.ts';
import { fileSum } from '../../lib/source/file-sum.ts';
import type { Json } from '../../lib/source/value.ts';
import { type Expectations, type Fidelity, proveFidelity, type State } from '../check-mode/prove.ts';

/** How a test runs a module: everything has a default that suits a temporary directory of this machine. */
export interface TestOptions {
  readonly checkMode?: boolean;
  readonly diffMode?: boolean;
  /** The shell that stands for the host's: `dash`, `bash`, or `busybox` (its applets only). */
  readonly shell?: 'sh' | 'dash' | 'bash' | 'busybox';
  readonly cwd?: string;
  /** Words put before the shell's own, such as `nsenter`'s: where the script runs. */
  readonly enter?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly context?: Partial<ModuleContext>;
  /** Facts and variables the module may ask for. */
  readonly facts?: Readonly<Record<string, Json>>;
  readonly variables?: Readonly<Record<string, Json>>;
  /** Directory in which `find` looks for files and templates. */
  readonly files?: string;
  /** Sees every request, in order. */
  readonly onRequest?: (request: Request) => void;
}

/** A finished argument set, or an error with every problem: what the engine does before a module runs. */
export function finishedArguments(module: Module, raw: Readonly<Record<string, Json>>): Record<string, Json> {
  const { args, problems } = coerceArguments(module, raw);
  if (problems.length > 0) throw new Error(problems.map(problem => problem.message).join('\n'));
  return args;
}

/** Runs a module on this machine as the engine would, up to `apply` (or `diff` in check mode). */
export async function runModule(
  module: Module,
  raw: Readonly<Record<string, Json>>,
  options: TestOptions = {},
): Promise<Result> {
  if (module.kind === 'control') throw new Error(`${module.name} is work of the engine`);
  const call = { module, args: finishedArguments(module, raw), ctx: testContext(options) };
  try {
    const result = await runSteps(callSteps(call), options);
    return result.unknown !== undefined ? { changed: false, skipped: true } : result;
  } catch (error) {
    return failureResult(error);
  }
}

/**
 * Proves on this machine that check mode predicts the run of a task. What it may not touch is all below a directory
 * (every byte, mode, owner and time), or what a function looks at.
 */
export function checkFidelity(
  module: Module,
  raw: Readonly<Record<string, Json>>,
  where: string | (() => State | Promise<State>),
  options: TestOptions & Expectations = {},
): Promise<Fidelity> {
  const state = typeof where === 'string' ? () => linesOf(treeState(where)) : where;
  const run = (checkMode: boolean) => runModule(module, raw, { diffMode: true, ...options, checkMode });
  return proveFidelity({ state, run }, options);
}

const linesOf = (tree: Readonly<Record<string, string>>) =>
  Object.entries(tree).map(([path, entry]) => `${path} ${entry}`);

/** Runs the steps of a module against a shell on this machine. */
export function runSteps<T>(steps: Steps<T>, options: TestOptions = {}): Promise<T> {
  return drive(steps, request => {
    options.onRequest?.(request);
    return answer(request, options);
  });
}

/** Drives steps with prepared replies: for probe tables without any host. Gives the result and what was asked. */
export function replaySteps<T>(
  steps: Steps<T>,
  replies: readonly Partial<Reply>[],
): { readonly value: T; readonly requests: readonly Request[] } {
  const requests: Request[] = [];
  let next = steps.next();
  while (!next.done) {
    const reply = replies[requests.length];
    requests.push(next.value);
    if (!reply) throw new Error(`no reply prepared for request ${requests.length}`);
    next = steps.next(prepared(reply, next.value));
  }
  return { value: next.value, requests };
}

const MARK = '<mark>';

/** What a script prints that finds these records; for prepared replies. */
export const recordsText = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${MARK}${name}\n${value}`)
    .join('');

/** Records from lines of `name=value`, for tables of tests; names may come again. */
export const recordsOfLines = (text: string): Records =>
  recordsOf(
    text
      .split('\n')
      .filter(line => line !== '')
      .map(line => `${MARK}${line.replace('=', '\n')}\n`)
      .join(''),
  );

/** The records of a text that `recordsText` made. */
export const recordsOf = (text: string): Records =>
  parseRecords({ ...DONE, stdoutBytes: Buffer.from(text) }, MARK);

/** A reply to this request, the marks of `recordsText` replaced by its own. */
export function prepared(reply: Partial<Reply>, request: Request): Reply {
  const mark = request.kind === 'sh' ? (markOf(request.script) ?? '') : '';
  const stdout = (reply.stdout ?? '').replaceAll(MARK, mark);
  const stderr = (reply.stderr ?? '').replaceAll(MARK, mark);
  return { ...DONE, ...reply, stdout, stderr, stdoutBytes: reply.stdoutBytes ?? Buffer.from(stdout) };
}

/** A context for tests; facts, variables and files come from the options. */
export function testContext(options: TestOptions = {}): ModuleContext {
  const files = options.files ?? '.';
  return {
    host: 'test',
    checkMode: options.checkMode ?? false,
    diffMode: options.diffMode ?? false,
    connectionKind: 'local',
    fact: name => options.facts?.[name],
    find: (_, name) => {
      const path = resolve(files, name);
      if (!existsSync(path)) throw new ModuleError(`could not find or access '${name}', searched ${files}`);
      return path;
    },
    read: path => readFileSync(bytesOf(path)),
    makeSums: async () => undefined,
    sumOf: fileSum,
    renderFile: text =>
      text.replace(/\{\{ *(\w+) *\}\}/g, (_, name: string) => String(options.variables?.[name])),
    reach: () => ({ delegate: undefined, become: undefined }),
    variable: name => options.variables?.[name],
    ...options.context,
  };
}

/** Makes a temporary directory for `test` and takes it away afterwards, whatever happens. */
export async function withTemporaryDirectory<T>(test: (dir: string) => Promise<T> | T): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-test-'));
  try {
    return await test(dir);
  } finally {
    // Again where a process that is about to end still writes there.
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A file's content; looking at it does not count as an access. */
function readUnnoticed(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOATIME);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** Every entry below `dir`: type, permissions, owner, modification time, and content or link target. */
export function treeState(dir: string): Readonly<Record<string, string>> {
  const state: Record<string, string> = {};
  const visit = (path: string) => {
    const entry = lstatSync(path);
    const body = entry.isSymbolicLink()
      ? readlinkSync(path)
      : entry.isFile()
        ? createHash('sha1').update(readUnnoticed(path)).digest('hex')
        : '';
    state[path] = `${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${entry.mtimeMs} ${body}`;
    if (entry.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
  };
  visit(dir);
  return state;
}

const DONE: Reply = { rc: 0, stdout: '', stderr: '', stdoutBytes: Buffer.alloc(0), timedOut: false };

async function answer(request: Request, options: TestOptions): Promise<Reply> {
  switch (request.kind) {
    case 'sh':
      return runScript(request, options);
    case 'control':
      return runScript({ kind: 'sh', script: request.script }, { ...options, enter: [] });
    case 'send':
      writeFileSync(
        bytesOf(request.to),
        typeof request.from === 'string'
          ? readFileSync(request.from)
          : Buffer.isBuffer(request.from)
            ? request.from
            : Buffer.concat([...request.from.pieces()]),
        {
          mode: 0o600,
        },
      );
      return DONE;
    case 'work':
      await request.work();
      return DONE;
    case 'receive':
      copyFileSync(bytesOf(request.from), bytesOf(request.to));
      return { ...DONE, stdout: `${fileSum(request.to, 'sha1')} ${fileSum(request.to, 'md5')}` };
    case 'at-end':
    case 'reconnect':
    case 'sleep':
      return DONE;
  }
}

/** The script travels in a file, since an argument may not be longer than 128 KiB. */
async function runScript(request: Extract<Request, { kind: 'sh' }>, options: TestOptions): Promise<Reply> {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-script-'));
  const file = join(dir, 'script');
  writeFileSync(file, bytesOf(request.script));
  chmodSync(dir, 0o755); // a test may run it as another user
  try {
    return await runShell(file, dir, request, options);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function runShell(
  file: string,
  dir: string,
  request: Extract<Request, { kind: 'sh' }>,
  options: TestOptions,
): Promise<Reply> {
  const shell = options.shell ?? 'sh';
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    ...(!request.userLocale && { LC_ALL: 'C' }),
    ...options.env,
    ...(shell === 'busybox' && { PATH: await busyboxApplets(dir) }),
  };
  const argv = shell === 'busybox' ? ['busybox', 'ash', file] : [shell, file];
  const own = shell === 'busybox' ? '/bin/busybox' : shell;
  const [program = own, ...words] = [...(options.enter ?? []), own, ...argv.slice(1)];
  const child = spawn(program, words, {
    cwd: options.cwd,
    env,
    timeout: (request.timeout ?? 60) * 1000,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => {}); // a script that does not read its stdin is fine
  child.stdin.end(typeof request.stdin === 'string' ? bytesOf(request.stdin) : (request.stdin ?? ''));
  const rc = await new Promise<number>((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => done(code ?? (signal === 'SIGKILL' ? 137 : 143)));
  });
  const bytes = Buffer.concat(stdout);
  return {
    rc,
    stdout: bytes.toString(),
    stderr: Buffer.concat(stderr).toString(),
    stdoutBytes: bytes,
    timedOut: child.killed,
  };
}

async function busyboxApplets(dir: string): Promise<string> {
  const bin = join(dir, 'bin');
  await new Promise<void>((done, failed) => {
    const child = spawn('sh', ['-c', `mkdir ${bin} && /bin/busybox --install -s ${bin}`]);
    child.on('error', failed);
    child.on('close', code => (code === 0 ? done() : failed(new Error('busybox --install failed'))));
  });
  return bin;
}

/** What a state module wants to do when its probe gets this reply. */
export function planFor(
  module: Module,
  raw: Readonly<Record<string, Json>>,
  reply: Partial<Reply> | string,
): Plan {
  return planned(module, raw, reply).plan;
}

/** The same, and the commands of its apply. */
export function planAndScript(
  module: Module,
  raw: Readonly<Record<string, Json>>,
  reply: Partial<Reply> | string,
): { readonly plan: Plan; readonly script: string } {
  const { plan, apply } = planned(module, raw, reply);
  if (plan.changes.length === 0) return { plan, script: '' };
  const { requests } = replaySteps(apply(), [{}]);
  return { plan, script: requests.map(r => (r.kind === 'sh' ? r.script : '')).join('\n') };
}

/** The commands of its apply, one a line, without what ends the script when one of them fails. */
export const commandsFor = (...call: Parameters<typeof planAndScript>): readonly string[] =>
  planAndScript(...call)
    .script.split('\n')
    .slice(1)
    .map(line => line.replace(/( >\/dev\/null)? \|\| exit \$\?$/, ''));

function planned(module: Module, raw: Readonly<Record<string, Json>>, reply: Partial<Reply> | string) {
  if (module.kind !== 'state') throw new Error(`${module.name} has a state`);
  const args = finishedArguments(module, raw) as never;
  const replies = [typeof reply === 'string' ? { stdout: reply } : reply];
  const found = replaySteps(module.probe(args, testContext()), replies).value as never;
  const plan = module.diff(found, args, testContext());
  return { plan, apply: () => module.apply(found, args, testContext(), plan) };
}
