import type { TProperties } from 'typebox';
import type { ControlModule, Module, Result } from '../../modules/kit/define.ts';
import type { Task, TaskNode } from '../../playbook/types.ts';
import type { Dict, Json } from '../../source/value.ts';
import type { TaskInfo } from '../events.ts';
import type { HostState } from '../host-state.ts';
import type { Channel } from '../module-call/run-module.ts';
import type { PlayRun } from '../run.ts';
import type { Scope } from '../scope.ts';

/** One call of a module that the runner carries out itself. */
export interface ControlCall {
  readonly playRun: PlayRun;
  readonly task: Task;
  readonly info: TaskInfo;
  readonly host: string;
  readonly state: HostState;
  /** Whose facts and variables it sets: with `delegate_facts` the delegate's. */
  readonly factsOf: HostState;
  readonly scope: Scope;
  /** Loop variables of the item. */
  readonly vars: Dict;
  /** Arguments rendered, with their own types. */
  readonly args: Dict;
  /** Arguments as the schema wants them. */
  readonly plain: Readonly<Record<string, Json>>;
  readonly checkMode: boolean;
  /** The way to the host, for the few that need it. */
  readonly open: () => Promise<Channel>;
}

/** Tasks that a dynamic include brought for one item. */
export interface Included {
  readonly nodes: readonly TaskNode[];
  /** Loop variables of the include, visible to its tasks. */
  readonly frame: Dict;
  /** What was included, for people, and the label of the loop item it was included for. */
  readonly what: string;
  readonly item?: Json;
}

export interface ControlOutcome {
  readonly result: Result;
  readonly included?: readonly Included[];
  /** Nothing of the result may be shown. */
  readonly isSecret?: boolean;
}

export type Control = (call: ControlCall) => ControlOutcome | Promise<ControlOutcome>;

/** A module with its work; an import has none left when the playbook runs. */
interface RunnerModule<P extends TProperties = TProperties> extends ControlModule<P> {
  readonly run?: Control;
}

export function defineControl<P extends TProperties>(module: Omit<RunnerModule<P>, 'kind'>): ControlModule {
  return { kind: 'control', ...module } as unknown as ControlModule;
}

/** What a control module does; undefined for a module whose work is on the host. */
export function controlOf(module: Module): Control | undefined {
  return module.kind === 'control' ? (module as RunnerModule).run : undefined;
}
