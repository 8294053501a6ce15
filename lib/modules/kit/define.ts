import type { Static, TObject, TProperties } from 'typebox';
import { withoutSlashes } from '../../source/strip-end.ts';
import type { Json } from '../../source/value.ts';
import type { Pieces } from '../../transport/connection.ts';

/**
 * A module is a kind of change. It never talks to a host itself: it yields requests and gets replies, so the engine
 * can batch loop items, stop before the first write in check mode, and test a module without a host.
 *
 * - `defineState`: `probe` reads, `diff` is pure, `apply` writes. Check mode stops after `diff`.
 * - `defineAction`: work that cannot be probed (`command`, `reboot`). `check` may still predict it.
 * - `defineControl`: work of the runner itself (`debug`, `set_fact`); the engine implements it, the schema is here.
 */
export type Module = StateModule | ActionModule | ControlModule;

/** What a module yields: one message to the host each. Several `sh` requests of one batch are pipelined. */
export type Request =
  | {
      readonly kind: 'sh';
      /** POSIX sh, run with LC_ALL=C in a subshell, stdin from /dev/null unless `stdin` is given. */
      readonly script: string;
      readonly stdin?: Buffer | string;
      /** True when the output is worth a live line (a build, a package installation), and only its beginning when long. */
      readonly live?: boolean;
      /** Extra time limit, in seconds, for this request alone. */
      readonly timeout?: number;
      /** Leaves the author's locale alone (LC_ALL is not set): for `command`, `shell`, `script`, `raw`. */
      readonly userLocale?: boolean;
    }
  /** Streams a file of the control machine, or bytes too large for a script, into a file on the host (mode 0600). */
  | { readonly kind: 'send'; readonly from: string | Buffer | Pieces; readonly to: string }
  /** Work of the control machine that takes long: other hosts go on meanwhile. */
  | { readonly kind: 'work'; readonly work: () => Promise<void> }
  /** Streams a file of the host into a file on the control machine. */
  | { readonly kind: 'receive'; readonly from: string; readonly to: string; readonly atMost: number }
  /** Runs a script on the control machine, whatever host the task is for: programs that reach the host by themselves. */
  | { readonly kind: 'control'; readonly script: string }
  /** Drops the connection and waits until the host answers again, for at most `timeout` seconds. */
  | { readonly kind: 'reconnect'; readonly delay: number; readonly timeout: number }
  /** Runs a script on the host at the end of the run, however it ends (but when the runner is killed). */
  | { readonly kind: 'at-end'; readonly script: string }
  /** Waits on the control machine. */
  | { readonly kind: 'sleep'; readonly seconds: number };

export type { Pieces };

export interface Reply {
  readonly rc: number;
  /** Decoded as UTF-8. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Buffer;
  readonly timedOut: boolean;
  /** Bytes of long output that were not kept; only of requests that are `live`, the others fail then. */
  readonly dropped?: undefined | { readonly stdout: number; readonly stderr: number };
}

export type Steps<T> = Generator<Request, T, Reply>;

/** Asks the host to run a script and gives the reply, whatever the exit code. */
export function* sh(
  script: string,
  options: Omit<Extract<Request, { kind: 'sh' }>, 'kind' | 'script'> = {},
): Steps<Reply> {
  return yield { kind: 'sh', script, ...options };
}

/** Like `sh`, but a non-zero exit code fails the task with `what` as the message. */
export function* mustSh(
  what: string,
  script: string,
  options: Omit<Extract<Request, { kind: 'sh' }>, 'kind' | 'script'> = {},
): Steps<Reply> {
  const reply = yield* sh(script, options);
  if (reply.rc !== 0 || reply.timedOut) {
    throw new ModuleError(
      `${what}: ${reply.stderr.trim() || reply.stdout.trim() || `exit code ${reply.rc}`}`,
      {
        rc: reply.rc,
        stdout: reply.stdout,
        stderr: reply.stderr,
      },
    );
  }
  return reply;
}

/** A before/after pair for --diff, as Ansible prints it. */
export interface FileDiff {
  readonly before: string;
  readonly after: string;
  readonly beforeHeader?: string;
  readonly afterHeader?: string;
}

/**
 * What a task gives back, from the module to the reports: one of five kinds, told apart by `failed`, `skipped`,
 * `unknown` and `unreachable`. It is registered as it is, so these are Ansible's own names.
 */
export type Result = Ran | Skipped | Unknown | Unreachable;

/** What ran, or tried to. */
export type Ran = Done | Failed;

/** Fields that a result of any kind may have, and the module's own under the names that Ansible documents. */
interface AnyResult {
  readonly changed: boolean;
  readonly msg?: Json;
  /** What would have been right, or can be done, beside a message of the runner's own. */
  readonly hint?: string;
  readonly warnings?: readonly string[];
  /** Facts to store for the host; `ansible_facts` has them without their `ansible_` prefix. */
  readonly ansible_facts?: { readonly [name: string]: Json };
  readonly diff?: readonly FileDiff[];
  /** Of commands. */
  readonly rc?: Json;
  readonly stdout?: Json;
  readonly stderr?: Json;
  /** Of a loop: the items' results. */
  readonly results?: Json;
  /** What `failed_when` said, or why it could not be evaluated. */
  readonly failed_when_result?: Json;
  /** Stands for all that `no_log` hides. */
  readonly censored?: string;
  readonly [own: string]:
    | Json
    | readonly FileDiff[]
    | readonly string[]
    | { readonly [name: string]: Json }
    | undefined;
}

/** Fields by which a result says what came of its task: the runner reads them, so no text of a host may name one. */
export const RESULT_FIELDS: readonly string[] = `
  changed failed skipped unreachable unknown msg hint error exception warnings deprecations
  ansible_facts diff rc stdout stderr stdout_lines stderr_lines results failed_when_result
  changed_when_result censored skipped_reason invocation timedout attempts retries finished started
  ansible_job_id ansible_loop_var ansible_index_var ansible_loop item add_host add_group
  ansible_delegated_vars false_condition
`
  .trim()
  .split(/\s+/);

export interface Done extends AnyResult {
  readonly failed?: false;
  readonly skipped?: false;
  readonly unknown?: undefined;
  readonly unreachable?: undefined;
}

export interface Failed extends AnyResult {
  readonly failed: true;
  readonly skipped?: false;
  readonly unknown?: undefined;
  readonly unreachable?: undefined;
}

/** A condition kept it from running. */
export interface Skipped extends AnyResult {
  readonly changed: false;
  readonly failed?: false;
  readonly skipped: true;
  readonly unknown?: undefined;
  readonly unreachable?: undefined;
}

/** Check mode can't say what it would do. */
export interface Unknown extends AnyResult {
  readonly changed: false;
  readonly failed?: false;
  readonly skipped: true;
  /** Why. */
  readonly unknown: string;
  readonly unreachable?: undefined;
}

export interface Unreachable extends AnyResult {
  readonly changed: false;
  readonly failed?: false;
  readonly skipped?: false;
  readonly unknown?: undefined;
  readonly unreachable: true;
}

/** What ran, failed when there is a reason to. */
export const orFailed = (done: Done, reason: string | undefined): Ran =>
  reason === undefined ? done : { ...done, failed: true, msg: reason };

/** Check mode: nothing can be said of a task whose effect shows only when it runs. */
export const unpredicted = ({ name, traits }: Pick<Module, 'name' | 'traits'>): Unknown => ({
  changed: false,
  skipped: true,
  unknown: `${name} runs only for real`,
  msg:
    traits?.takes === 'command'
      ? 'Command would have run if not in check mode'
      : 'skipped, running in check mode',
});

/** What a state module wants to do. `changes` is empty when the host is as wanted; each entry is one line for a person. */
export interface Plan {
  readonly changes: readonly string[];
  readonly diff?: readonly FileDiff[];
  /** Result fields that are known before the change, in check mode too. */
  readonly result?: Readonly<Record<string, Json>>;
}

/** Fails the task; `fields` become part of the registered result (rc, stdout, stderr …). */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
  readonly fields: Readonly<Record<string, Json>>;
  constructor(message: string, fields: Readonly<Record<string, Json>> = {}) {
    super(message);
    this.fields = fields;
  }
}

/** What a module wanted to change is not what it looked at any more: the task is tried again. */
export class StaleError extends ModuleError {}

/** What a module may know besides its arguments. */
export interface ModuleContext {
  readonly host: string;
  readonly checkMode: boolean;
  readonly diffMode: boolean;
  readonly connectionKind: 'ssh' | 'local';
  /** A fact of the host under its Ansible name without prefix (`pkg_mgr`); undefined when not gathered. */
  fact(name: string): Json | undefined;
  /** Finds a file of the control machine on the task's search path. Throws ModuleError with the places searched. */
  find(kind: 'files' | 'templates' | 'vars', name: string): string;
  /** Reads a file of the control machine; a vault file comes decrypted. */
  read(path: string): Buffer;
  /** Makes the sums of a large file, so that `sumOf` need not read it while all hosts wait. */
  makeSums(path: string): Promise<void>;
  /** The sum of a file of the control machine, made once for all hosts; the file may be larger than memory. */
  sumOf(path: string, kind: 'sha1' | 'md5'): string;
  /** Renders a template file's text with the task's variables; `overrides` are delimiters and block trimming. */
  renderFile(text: string, file: string, overrides?: Readonly<Record<string, Json>>): string;
  /** Where the task is delegated to, and whom it becomes: for programs that reach the host by themselves. */
  reach(): { readonly delegate: string | undefined; readonly become: string | undefined };
  /** `ansible_managed` and the like: variables of the task, rendered. Undefined when not defined. */
  variable(name: string): Json | undefined;
}

/** What is special about a module in the run. */
export interface Traits {
  /** Runs once for all hosts of the batch, as Ansible's BYPASS_HOST_LOOP. */
  readonly scope?: 'all-hosts';
  /** Brings tasks when it runs: those of a file, or of a role. */
  readonly brings?: 'tasks' | 'role';
  /** Steers the run: no choice of roles leaves it out. */
  readonly steers?: true;
  /** Its arguments become variables of the host, or its facts are those of the host itself. */
  readonly sets?: 'variables' | 'facts';
  /** Its free-form text is a command line, in which few words are arguments. */
  readonly takes?: 'command';
  /** The argument that names a file of the control machine, unless one of the others is given (and not off). */
  readonly reads?: {
    readonly kind: 'files' | 'templates' | 'tasks' | 'vars';
    readonly argument: string;
    readonly unless?: readonly string[];
  };
  /** Arguments that name groups which it makes. */
  readonly makesGroups?: readonly string[];
  /** Brings files to the control machine. */
  readonly fetches?: true;
}

interface Common<P extends TProperties> {
  readonly name: string;
  readonly summary: string;
  /** Tasks in YAML that use it, as somebody who runs databases would. */
  readonly examples?: string;
  readonly args: TObject<P>;
  /** The argument that free-form text goes to (`command: ls -l`), if the module has one. */
  readonly freeForm?: string;
  /** Other names of the module, besides `ansible.builtin.NAME` and `ansible.legacy.NAME`, which always work. */
  readonly aliases?: readonly string[];
  /** Arguments that exclude each other, must come together, or of which one is needed. */
  readonly rules?: {
    readonly mutuallyExclusive?: readonly (readonly string[])[];
    readonly requiredTogether?: readonly (readonly string[])[];
    readonly requiredOneOf?: readonly (readonly string[])[];
    /** [argument, value, arguments needed then] */
    readonly requiredIf?: readonly (readonly [string, Json, readonly string[]])[];
  };
  /**
   * How the registered `diff` looks: one mapping of before, after and their headers (the default), a list of them, or
   * `values`: what before and after say as JSON, as data.
   */
  readonly registeredDiff?: 'list' | 'values';
  /** Result fields, for the reference page: name → what it holds. */
  readonly returns?: Readonly<Record<string, string>>;
  /** What the engine and the reader of playbooks ask for, so that they need no module by its name. */
  readonly traits?: Traits;
  /** Where it differs from Ansible's module, one sentence each, for the compatibility page. */
  readonly differences?: readonly string[];
}

export interface StateModule<P extends TProperties = TProperties, F = unknown> extends Common<P> {
  readonly kind: 'state';
  /** Reads the host, never writes. Best one request that starts as few programs as it can. */
  probe(args: Static<TObject<P>>, ctx: ModuleContext): Steps<F>;
  /** Pure. Throws ModuleError where the state found makes the request impossible. */
  diff(found: F, args: Static<TObject<P>>, ctx: ModuleContext): Plan;
  /** Writes the host; returns result fields known only now. Best one request. */
  apply(
    found: F,
    args: Static<TObject<P>>,
    ctx: ModuleContext,
    plan: Plan,
  ): Steps<Readonly<Record<string, Json>>>;
  /**
   * Names of what the task reads and writes (`/etc/hosts`, `user:bob`). Loop items none of whose names `overlap` are
   * probed together and written together; without it, items after a change are probed again.
   */
  touches?(args: Static<TObject<P>>): readonly string[];
}

export interface ActionModule<P extends TProperties = TProperties> extends Common<P> {
  readonly kind: 'action';
  run(args: Static<TObject<P>>, ctx: ModuleContext): Steps<Result>;
  /** Check mode. Nothing (the default without this function) skips the task, as Ansible does: it is `Unknown`. */
  check?(args: Static<TObject<P>>, ctx: ModuleContext): Steps<Result | undefined>;
  /** True when `check` answers with facts only and never writes: `ping`, `stat`, `setup` run for real in check mode. */
  readonly readOnly?: boolean;
  /** True when loop items may travel together (each is one independent request). */
  readonly batch?: boolean;
}

export interface ControlModule<P extends TProperties = TProperties> extends Common<P> {
  readonly kind: 'control';
  /** Any key is accepted beside the schema's (`set_fact`, `add_host`). */
  readonly open?: boolean;
}

// The list of modules holds modules of all types of arguments: each module's own types end here, at its definition.
export function defineState<P extends TProperties, F>(module: Omit<StateModule<P, F>, 'kind'>): StateModule {
  // As above.
  return { kind: 'state', ...module } as unknown as StateModule;
}

export function defineAction<P extends TProperties>(module: Omit<ActionModule<P>, 'kind'>): ActionModule {
  // As above.
  return { kind: 'action', ...module } as unknown as ActionModule;
}

/** Names of `touches`, to find two that mean the same thing: equal, or paths of which one lies below the other. */
export class TouchedNames {
  private readonly names = new Set<string>();
  /** The directories above the paths among them. */
  private readonly above = new Set<string>();

  add(name: string): void {
    const plain = withoutSlashes(name);
    this.names.add(plain);
    for (const directory of directoriesOf(plain)) this.above.add(directory);
  }

  overlaps(name: string): boolean {
    const plain = withoutSlashes(name);
    if (this.names.has(plain) || this.above.has(plain)) return true;
    return directoriesOf(plain).some(directory => this.names.has(directory));
  }
}

/** The directories above an absolute path; none for other names. */
function directoriesOf(name: string): string[] {
  if (!name.startsWith('/') || name === '/') return [];
  const found = ['/'];
  for (let at = name.indexOf('/', 1); at > 0; at = name.indexOf('/', at + 1)) found.push(name.slice(0, at));
  return found;
}

/** A word that any POSIX shell reads back as exactly the text. */
export { shellWord as quote } from '../../transport/shell/script.ts';
