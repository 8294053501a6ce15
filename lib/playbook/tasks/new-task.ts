import type { Task } from '../types.ts';

/** Of a task that says no more than what it runs. */
const PLAIN = {
  kind: 'task',
  argsTemplate: undefined,
  register: undefined,
  loop: undefined,
  changedWhen: undefined,
  failedWhen: undefined,
  until: undefined,
  retries: undefined,
  delay: undefined,
  async: undefined,
  poll: undefined,
  listen: [],
  role: undefined,
  includedFrom: [],
} as const satisfies Partial<Task>;

/** A task of the keywords around it, what it runs, and what it says of itself. */
export function newTask(said: Omit<Task, keyof typeof PLAIN> & Partial<Task>): Task {
  return { ...PLAIN, ...said };
}
