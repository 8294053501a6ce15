import type { Task, TaskNode } from '../playbook/types.ts';
import { SourceError } from '../source/errors.ts';
import { toPlain } from '../source/value.ts';
import { hostState, type PlayRun } from './run.ts';
import { taskScope } from './variables.ts';

/** Handlers as a flat list: a handler is a task, blocks around them only share keywords. */
export function handlerTasks(nodes: readonly TaskNode[]): Task[] {
  return nodes.flatMap(node => (node.kind === 'task' ? [node] : handlerTasks(node.block)));
}

/**
 * Marks the handlers that a changed task names. By name the last one defined counts, by topic (`listen`) all.
 * Throws SourceError for a name nobody answers to.
 */
export function notify(playRun: PlayRun, task: Task, host: string): void {
  if (task.notify.length === 0) return;
  const scope = taskScope(playRun, host, task);
  const handlers = handlerTasks(playRun.handlers);
  for (const { value, at } of task.notify) {
    const rendered = toPlain(playRun.run.templar.render(value, scope, at));
    for (const name of Array.isArray(rendered) ? rendered : [rendered]) {
      if (name === null || name === '') continue;
      const found = findHandlers(playRun, handlers, String(name), host);
      if (found.length === 0) {
        throw new SourceError(
          'BAD_VALUE',
          `the handler "${String(name)}" was not found, by its name or by a topic it listens to`,
          at,
        );
      }
      for (const handler of found) mark(playRun, host, handler);
      playRun.run.emit({ type: 'notified', host, handler: String(name) });
    }
  }
}

function findHandlers(playRun: PlayRun, handlers: readonly Task[], name: string, host: string): Task[] {
  const named = handlers.filter(handler => namesOf(playRun, handler, host).includes(name)).slice(-1);
  return [...new Set([...named, ...handlers.filter(handler => handler.listen.includes(name))])];
}

/** A role's handler answers to `name`, `role : name` and `collection.role : name`. */
function namesOf(playRun: PlayRun, handler: Task, host: string): string[] {
  let name = handler.name;
  if (name === undefined) return [];
  if (name.includes('{{')) {
    try {
      name = String(toPlain(playRun.run.templar.render(name, taskScope(playRun, host, handler), handler.at)));
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
    }
  }
  return handler.role
    ? [name, `${handler.role.name} : ${name}`, `${handler.role.fullName} : ${name}`]
    : [name];
}

function mark(playRun: PlayRun, host: string, handler: Task): void {
  const marked = playRun.notified.get(host) ?? new Set<string>();
  playRun.notified.set(host, marked.add(handler.id));
}

/**
 * The next handler in definition order, from the one at index `after` on and then from the first, that one of the hosts
 * has been notified of, and those hosts; taken off the list.
 */
export function nextHandler(
  playRun: PlayRun,
  hosts: readonly string[],
  after: number,
): { readonly handler: Task; readonly hosts: string[]; readonly index: number } | undefined {
  const handlers = [...handlerTasks(playRun.handlers).entries()];
  for (const [index, handler] of [...handlers.slice(after + 1), ...handlers.slice(0, after + 1)]) {
    const wanted = hosts.filter(host => playRun.notified.get(host)?.has(handler.id) && canRun(playRun, host));
    if (wanted.length === 0) continue;
    for (const host of wanted) playRun.notified.get(host)!.delete(handler.id);
    return { handler, hosts: wanted, index };
  }
  return undefined;
}

/** A failed host loses its handlers unless they are forced. */
function canRun(playRun: PlayRun, host: string): boolean {
  if (playRun.endedHosts.has(host)) return false;
  const { status } = hostState(playRun.run, host);
  return status === 'active' || (status === 'failed' && playRun.forceHandlers);
}
