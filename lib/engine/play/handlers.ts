import { type Handler, handlersOf } from '../../playbook/tasks/task-list.ts';
import type { Task } from '../../playbook/types.ts';
import { type Position, SourceError } from '../../source/errors.ts';
import { toPlain } from '../../source/value.ts';
import { hostState, type PlayRun } from '../run.ts';
import { taskScope } from '../variables.ts';

/**
 * Marks the handlers that a task notifies. Of several handlers with one name only one counts, the first of those that came
 * last: of the play, or of a role. By topic (`listen`) all do.
 * Throws SourceError for a name that no handler has.
 */
export function notify(playRun: PlayRun, task: Task, host: string, which: ReadonlySet<string> | 'all'): void {
  if (task.notify.length === 0 || (which !== 'all' && which.size === 0)) return;
  const scope = taskScope(playRun, host, task);
  for (const { value, at } of task.notify) {
    const rendered = toPlain(playRun.run.templar.render(value, scope, at));
    for (const name of Array.isArray(rendered) ? rendered : [rendered]) {
      if (name === null || name === '') continue;
      const found = findHandlers(playRun, String(name), host);
      if (found.length === 0) {
        missing(playRun, String(name), at);
        continue;
      }
      const waking = found.filter(({ id }) => which === 'all' || which.has(id));
      for (const handler of waking) mark(playRun, host, handler);
      const ids = waking.map(({ id }) => id);
      if (ids.length > 0) playRun.run.emit({ type: 'notified', host, handler: String(name), handlers: ids });
    }
  }
}

/** No handler has the name: the run ends, or only warns if the settings say so. */
function missing({ run }: PlayRun, name: string, position: Position): void {
  const message = `the handler "${name}" was not found, by its name or by a topic it listens to`;
  if (run.options.defaults.needsHandlers) throw new SourceError('BAD_VALUE', message, position);
  run.emit({ type: 'warning', message, position });
}

function findHandlers(playRun: PlayRun, name: string, host: string): Handler[] {
  const all = playRun.handlers.named(name, handler => titleOf(playRun, handler, host));
  const named = all.filter(({ role }) => role === all.at(-1)?.role).slice(0, 1);
  return [...new Set([...named, ...playRun.handlers.listening(name)])];
}

/** The name of a handler as the host's variables make it; as it is written where they can't. */
function titleOf(playRun: PlayRun, handler: Handler, host: string): string {
  const { name = '', at } = handler;
  try {
    const scope = taskScope(playRun, host, handler.kind === 'task' ? handler : undefined);
    return String(toPlain(playRun.run.templar.render(name, scope, at)));
  } catch (error) {
    if (error instanceof SourceError) return name;
    throw error;
  }
}

function mark(playRun: PlayRun, host: string, handler: Handler): void {
  const marked = playRun.notified.get(host) ?? new Set<string>();
  playRun.notified.set(host, marked.add(handler.id));
}

/**
 * The next handler in definition order after the one at index `after` that one of the hosts has been notified of, and
 * those hosts; they are taken off the list. A flush visits each handler once, as in Ansible: what a handler notifies before
 * or at its own place waits for the next flush, so handlers that notify each other come to an end.
 */
export function nextHandler(
  playRun: PlayRun,
  hosts: readonly string[],
  after: number,
): { readonly handler: Handler; readonly hosts: string[]; readonly index: number } | undefined {
  const handlers = playRun.handlers.all;
  for (let index = after + 1; index < handlers.length; index++) {
    const handler = handlers[index]!;
    const wanted = hosts.filter(host => playRun.notified.get(host)?.has(handler.id) && canRun(playRun, host));
    if (wanted.length === 0) continue;
    for (const host of wanted) taken(playRun, host, handler);
    return { handler, hosts: wanted, index };
  }
  return undefined;
}

/** Takes a handler off the list of a host; a block takes its tasks with it, since it runs them. */
export function taken(playRun: PlayRun, host: string, handler: Handler): void {
  for (const { id } of handlersOf([handler])) playRun.notified.get(host)?.delete(id);
}

/** Names of handlers that a host was notified of and that have not run. */
export function waitingHandlers(playRun: PlayRun, host: string): string[] {
  const ids = playRun.notified.get(host);
  if (!ids || !canRun(playRun, host)) return [];
  return playRun.handlers.all.filter(({ id }) => ids.has(id)).map(handler => handler.name ?? handler.id);
}

/** A failed host loses its handlers unless they are forced. */
function canRun(playRun: PlayRun, host: string): boolean {
  if (playRun.endedHosts.has(host)) return false;
  const { status } = hostState(playRun.run, host);
  return status === 'active' || (status === 'failed' && playRun.forceHandlers);
}
