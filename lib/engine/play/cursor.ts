import type { Block, Task, TaskNode } from '../../playbook/types.ts';
import type { Dict } from '../../source/value.ts';
import type { Included } from '../control/control.ts';

/** The next task of one host. `path` orders steps: hosts in step have the same path, the smallest comes first. */
export interface Step {
  readonly task: Task;
  readonly path: readonly number[];
  /** Loop variables of the includes around the task, outermost first. */
  readonly frames: readonly Dict[];
  /** True when a block around it has a `rescue` for its failure. */
  readonly rescuable: boolean;
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
  /** How often the errors of the host were cleared: after that a failed host goes on. */
  cleared(): number;
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
  rescuable = false,
): Walk {
  for (const [index, node] of nodes.entries()) {
    const here = [...path, index];
    const end =
      node.kind === 'block'
        ? yield* walkBlock(node, hooks, here, frames, rescuable)
        : yield* walkTask(node, hooks, here, frames, rescuable);
    if (end === 'failed') return 'failed';
  }
  return 'done';
}

function* walkTask(
  task: Task,
  hooks: WalkHooks,
  path: readonly number[],
  frames: readonly Dict[],
  rescuable: boolean,
): Walk {
  if (!hooks.selects(task)) return 'done';
  const { failed, included } = yield { task, path, frames, rescuable };
  if (failed) return 'failed';
  for (const [order, { nodes, frame }] of included.entries()) {
    const inner = frame.size > 0 ? [...frames, frame] : frames;
    if ((yield* walk(nodes, hooks, [...path, order], inner, rescuable)) === 'failed') return 'failed';
  }
  return 'done';
}

function* walkBlock(
  block: Block,
  hooks: WalkHooks,
  path: readonly number[],
  frames: readonly Dict[],
  rescuable: boolean,
): Walk {
  const rescues = block.rescue.length > 0;
  let end = yield* walk(block.block, hooks, [...path, 0], frames, rescuable || rescues);
  if (end === 'failed' && rescues) end = yield* walk(block.rescue, hooks, [...path, 1], frames, rescuable);
  const cleared = hooks.cleared();
  const always = yield* walk(block.always, hooks, [...path, 2], frames, rescuable);
  if (always === 'failed') return 'failed';
  return hooks.cleared() > cleared ? 'done' : end;
}

/** Order of two paths: a task comes before what it includes, and before its later neighbours. */
export function comparePaths(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
