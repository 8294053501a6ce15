import { type Handler, handlersOf } from '../playbook/tasks/task-list.ts';
import type { TaskNode } from '../playbook/types.ts';
import { addTo } from '../source/record.ts';

/** The handlers of a play in the order they are defined, found by name and topic without a look at each of them. */
export class PlayHandlers {
  readonly #all: Handler[] = [];
  readonly #named = new Map<string, number[]>();
  readonly #templated: number[] = [];
  readonly #listening = new Map<string, Handler[]>();

  constructor(nodes: readonly TaskNode[]) {
    this.add(nodes);
  }

  get all(): readonly Handler[] {
    return this.#all;
  }

  add(nodes: readonly TaskNode[]): void {
    for (const handler of handlersOf(nodes)) {
      const index = this.#all.push(handler) - 1;
      if (handler.name?.includes('{{') && !handler.isTextName) this.#templated.push(index);
      else for (const name of namesOf(handler, handler.name)) addTo(this.#named, name, index);
      for (const topic of new Set(handler.listen)) addTo(this.#listening, topic, handler);
    }
  }

  listening(topic: string): readonly Handler[] {
    return this.#listening.get(topic) ?? [];
  }

  /** Those that answer to a name, in their order; `titleOf` renders the name of a handler that is a template. */
  named(name: string, titleOf: (handler: Handler) => string): Handler[] {
    const rendered = this.#templated.filter(index => {
      const handler = this.#all[index]!;
      return namesOf(handler, titleOf(handler)).has(name);
    });
    const indexes = [...(this.#named.get(name) ?? []), ...rendered].sort((a, b) => a - b);
    return indexes.map(index => this.#all[index]!);
  }
}

/** A role's handler answers to `name`, `role : name` and `collection.role : name`. */
function namesOf({ role }: Handler, title: string | undefined): ReadonlySet<string> {
  if (title === undefined) return new Set();
  return new Set(role ? [title, `${role.name} : ${title}`, `${role.fullName} : ${title}`] : [title]);
}
