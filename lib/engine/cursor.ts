import type { Block, Task, TaskNode } from '../playbook/types.ts';
import type { Dict } from '../source/value.ts';
import type { Included } from './control/control.ts';

/** The next task of one host. `path` orders steps: hosts in step have the same path, the smallest comes first. */
export interface Step {
  readonly task: Task;
  readonly path: readonly number[];
  /** Loop variables of the includes around the task, outermost first. */
  readonly frames: readonly Dict[];
}

/** What the walk needs to know about how a step went. */
export interface StepEnd {
  readonly failed: boolean;
  readonly skipped: boolean;
  readonly included: readonly Included[];
}

/** What a walk tells and asks the host it walks for. */
export interface WalkHooks {
  /** False for tasks that tags, roles or --start-at-task leave out. */
  selects(task: Task): boolean;
  /** A failure is about to be rescued. */
  rescuing(): void;
}

export type Walk = Generator<Step, 'done' | 'failed', StepEnd>;

/**
 * Walks a host through a list of tasks: into blocks, to `rescue` after a failure, through `always` in any case, and
 * into what includes bring. Yields the next task, gets how it went.
 */
export function* walk(
  nodes: readonly TaskNode[],
  hooks: WalkHooks,
  path: readonly number[] = [],
  frames: readonly Dict[] = [],
): Walk {
  for (const [index, node] of nodes.entries()) {
    const here = [...path, index];
    const end =
      node.kind === 'block'
        ? yield* walkBlock(node, hooks, here, frames)
        : yield* walkTask(node, hooks, here, frames);
    if (end === 'failed') return 'failed';
  }
  return 'done';
}

function* walkTask(task: Task, hooks: WalkHooks, path: readonly number[], frames: readonly Dict[]): Walk {
  if (!hooks.selects(task)) return 'done';
  const { failed, included } = yield { task, path, frames };
  if (failed) return 'failed';
  for (const [order, { nodes, frame }] of included.entries()) {
    const inner = frame.size > 0 ? [...frames, frame] : frames;
    if ((yield* walk(nodes, hooks, [...path, order], inner)) === 'failed') return 'failed';
  }
  return 'done';
}

function* walkBlock(block: Block, hooks: WalkHooks, path: readonly number[], frames: readonly Dict[]): Walk {
  let end = yield* walk(block.block, hooks, [...path, 0], frames);
  if (end === 'failed' && block.rescue.length > 0) {
    hooks.rescuing();
    end = yield* walk(block.rescue, hooks, [...path, 1], frames);
  }
  const always = yield* walk(block.always, hooks, [...path, 2], frames);
  return always === 'failed' ? 'failed' : end;
}

/** Order of two paths: a task comes before what it includes, and before its later neighbours. */
export function comparePaths(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
