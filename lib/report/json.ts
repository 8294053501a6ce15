import type { HostOutcome, RunEvent } from '../engine/events.ts';
import { withHint } from '../source/errors.ts';
import { emptyRecord } from '../source/record.ts';
import { visibleJson } from '../source/visible.ts';
import type { DocumentReport } from './document.ts';

interface PlayRecord {
  readonly name: string;
  /** The name as in the report of Ansible's callback `json`. */
  readonly play: { readonly name: string };
  readonly hosts: readonly string[];
  readonly tasks: TaskRecord[];
}

interface TaskRecord {
  readonly name: string;
  /** Name and path as in the report of Ansible's callback `json`. */
  readonly task: { readonly name: string; readonly path: string };
  readonly module: string;
  readonly path: string;
  readonly hosts: Record<string, object>;
}

/** One JSON document: plays, tasks, results by host, and the stats of the recap. */
export class JsonReport implements DocumentReport {
  readonly #plays: PlayRecord[] = [];
  /** The newest record of each task of the play: names do not tell tasks apart. */
  readonly #tasks = new Map<string, TaskRecord>();
  /** How many starts of each task have no end yet: hosts that go their own way start one task several times. */
  readonly #running = new Map<string, number>();
  readonly #warnings: string[] = [];
  #end: Extract<RunEvent, { type: 'run-end' }> | undefined;

  on(event: RunEvent): void {
    switch (event.type) {
      case 'play-start':
        this.#plays.push({ name: event.name, play: { name: event.name }, hosts: event.hosts, tasks: [] });
        this.#tasks.clear();
        this.#running.clear();
        break;
      case 'task-start': {
        const { id, name, module, position } = event.task;
        const running = this.#running.get(id) ?? 0;
        this.#running.set(id, running + 1);
        if (running > 0) break;
        const path = `${position.file}:${position.line}`;
        const record: TaskRecord = { name, task: { name, path }, module, path, hosts: emptyRecord() };
        this.#plays.at(-1)?.tasks.push(record);
        this.#tasks.set(id, record);
        break;
      }
      case 'task-end':
        this.#running.set(event.task.id, (this.#running.get(event.task.id) ?? 1) - 1);
        break;
      case 'outcome':
        this.#record(event);
        break;
      case 'warning':
        this.#warnings.push(withHint(event));
        break;
      case 'run-end':
        this.#end = event;
        break;
      default:
    }
  }

  #record(outcome: HostOutcome): void {
    const task = this.#tasks.get(outcome.task.id);
    if (task)
      task.hosts[outcome.host] = {
        action: outcome.task.module,
        status: outcome.status,
        ignored: outcome.ignored,
        ...(outcome.takenOver && { taken_over: true }),
        elapsed_ms: Math.round(outcome.elapsedMs),
        ...outcome.result,
      };
  }

  text(): string {
    const summary = this.#end?.summary;
    const document = {
      plays: this.#plays,
      stats: Object.fromEntries(
        Object.entries(summary?.hosts ?? {}).map(([host, stats]) => [
          host,
          { ...stats, failures: stats.failed },
        ]),
      ),
      custom_stats: summary?.custom ?? {},
      warnings: this.#warnings,
      // Null: nothing said how it ended.
      exit_code: summary?.exitCode ?? null,
      ...(summary?.ended !== undefined && { ended: summary.ended }),
      elapsed_ms: Math.round(summary?.elapsedMs ?? 0),
    };
    return `${visibleJson(document, 2)}\n`;
  }
}
