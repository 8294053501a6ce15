import type { HostOutcome, RunEvent } from '../engine/events.ts';
import { withHint } from '../source/errors.ts';
import { visibleJson } from '../source/visible.ts';
import type { Output, Report } from './report.ts';
import type { Paint, Style } from './style.ts';
import { warningText } from './warning.ts';

const COMMANDS = new Set(['command', 'shell', 'raw', 'script']);

const WORDS: Readonly<Record<HostOutcome['status'], readonly [string, Style]>> = {
  ok: ['SUCCESS', 'ok'],
  changed: ['CHANGED', 'changed'],
  skipped: ['SKIPPED', 'skipped'],
  unknown: ['SKIPPED', 'skipped'],
  failed: ['FAILED!', 'failed'],
  unreachable: ['UNREACHABLE!', 'unreachable'],
};

/** The answers of an ad-hoc task, a block per host, in Ansible's form. */
export class AdhocReport implements Report {
  readonly #out: Output;
  readonly #paint: Paint;

  constructor(out: Output, paint: Paint) {
    this.#out = out;
    this.#paint = paint;
  }

  on(event: RunEvent): void {
    if (event.type === 'warning')
      this.#out.write(`${this.#paint('warning', warningText(withHint(event)))}\n`);
    if (event.type === 'outcome') this.#out.write(this.#answer(event));
  }

  finish(): void {}

  #answer({ host, status, result, task }: HostOutcome): string {
    const [word, style] = WORDS[status];
    if (COMMANDS.has(task.module) && result.rc !== undefined) {
      const head = `${host} | ${status === 'failed' ? 'FAILED' : word} | rc=${String(result.rc)} >>`;
      const text = [result.stdout, result.stderr]
        .map(part => String(part ?? ''))
        .filter(Boolean)
        .join('\n');
      return `${this.#paint(style, text === '' ? `${head}\n` : `${head}\n${text}`)}\n`;
    }
    const { diff: _diff, ...rest } = result;
    return `${this.#paint(style, `${host} | ${word} => ${visibleJson(rest, 4)}`)}\n`;
  }
}
