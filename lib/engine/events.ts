import type { Result } from '../modules/kit/define.ts';
import type { Position } from '../source/errors.ts';
import type { Json } from '../source/value.ts';

/**
 * What happened, in order. The engine emits these and prints nothing; every report is a fold over them. Results are
 * already censored (`no_log`, secret arguments), so a reporter may show all it gets.
 */
export type RunEvent =
  | {
      readonly type: 'run-start';
      readonly playbooks: readonly string[];
      readonly checkMode: boolean;
      readonly diffMode: boolean;
      readonly origin?: RunOrigin;
    }
  /** A file of the control machine that was read while the run was under way, and the sum of its content. */
  | { readonly type: 'file-read'; readonly file: string; readonly sum: string }
  | { readonly type: 'play-start'; readonly name: string; readonly hosts: readonly string[] }
  /** A play whose pattern selected no host that is left. */
  | { readonly type: 'play-skipped'; readonly name: string; readonly reason: string }
  | { readonly type: 'no-hosts-left' }
  | { readonly type: 'task-start'; readonly task: TaskInfo }
  | { readonly type: 'task-end'; readonly task: TaskInfo }
  | { readonly type: 'host-start'; readonly task: TaskInfo; readonly host: string }
  /** The newest line of output of a command that is still running. */
  | { readonly type: 'host-output'; readonly task: TaskInfo; readonly host: string; readonly line: string }
  | {
      readonly type: 'retry';
      readonly task: TaskInfo;
      readonly host: string;
      readonly left: number;
      readonly result: Result;
    }
  | ({ readonly type: 'item' } & HostOutcome)
  | ({ readonly type: 'outcome' } & HostOutcome)
  | {
      readonly type: 'included';
      readonly what: string;
      readonly hosts: readonly string[];
      /** Label of the loop item it was included for. */
      readonly item?: Json;
    }
  | {
      readonly type: 'notified';
      readonly host: string;
      readonly handler: string;
      /** Ids of the handlers that answer to the name. */
      readonly handlers: readonly string[];
    }
  | { readonly type: 'rescued'; readonly host: string }
  | {
      readonly type: 'warning';
      readonly message: string;
      readonly hint?: string;
      readonly position?: Position;
    }
  | { readonly type: 'interrupted' }
  | { readonly type: 'run-end'; readonly summary: RunSummary };

/** What decided a run: a later one may continue it only when all of this is the same. */
export interface RunOrigin {
  /** The command line, and the version of the program, in words. */
  readonly command: Readonly<Record<string, string>>;
  /** Sums that only this person can make: of extra variables, hosts with their variables, and files read. */
  readonly extraVars: Readonly<Record<string, string>>;
  readonly hosts: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  /** The earlier run that this one continues. */
  readonly resumes?: string;
}

export interface TaskInfo {
  readonly id: string;
  /** `role : name`, rendered as far as it can be for all hosts. */
  readonly name: string;
  readonly module: string;
  readonly handler: boolean;
  readonly position: Position;
  readonly tags: readonly string[];
}

export type Status = 'ok' | 'changed' | 'skipped' | 'failed' | 'unreachable' | 'unknown';

export interface HostOutcome {
  readonly task: TaskInfo;
  readonly host: string;
  readonly delegate?: string;
  readonly status: Status;
  /** A failure that does not stop the host. */
  readonly ignored: boolean;
  readonly result: Result;
  /** Text of the loop item, in item events. */
  readonly item?: Json;
  readonly elapsedMs: number;
  /** Digest of the module's call with its arguments, if a later run may take the result over. */
  readonly digest?: string;
  /** The result is that of an earlier run: nothing was done. */
  readonly takenOver?: true;
}

/** Counters of one host, under the names of Ansible's recap. */
export interface HostStats {
  ok: number;
  changed: number;
  unreachable: number;
  failed: number;
  skipped: number;
  rescued: number;
  ignored: number;
  /** Check mode: tasks whose effect depends on earlier changes that were not made. */
  unknown: number;
}

export interface RunSummary {
  readonly hosts: Readonly<Record<string, HostStats>>;
  readonly exitCode: number;
  /** Why the run ended before its end: an error that is nobody's result, or the operator. */
  readonly ended?: string;
  readonly elapsedMs: number;
  readonly custom: Readonly<Record<string, Json>>;
  /** How many results of an earlier run were used; undefined when this run continues none. */
  readonly takenOver?: number;
}

export type Emit = (event: RunEvent) => void;
