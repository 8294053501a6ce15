import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import type { RunEvent } from '../engine/events.ts';
import { AtTheEnd, KeptFile } from '../report/document.ts';
import { EventLines, Recording } from '../report/journal.ts';
import { JsonReport } from '../report/json.ts';
import { JunitReport } from '../report/junit.ts';
import { runPage } from '../report/page.ts';
import type { Output, Report } from '../report/report.ts';
import { TaskTimes } from '../report/slowest.ts';
import { choosePaint, plain } from '../report/style.ts';
import { TerminalReport } from '../report/terminal.ts';
import { UsageError } from '../source/errors.ts';
import type { Parsed } from '../source/flags.ts';
import { startJournal } from './run-journal.ts';
import type { Settings } from './settings.ts';
import { standardOutput } from './standard-output.ts';

interface Shown {
  readonly verbosity: number;
  readonly showDiff: boolean;
}

/** All reports of a run: on standard output, in the files of --report, in the log, and the journal. */
export function createReports(flags: Parsed, settings: Settings, shown: Shown): Report {
  const logFile = settings.paths('logPath', '\n')[0];
  return new Reports([
    standardReport(reportFormat(flags, settings), shown),
    ...taskTimes(flags, settings),
    ...flags.texts('report').map(fileReport),
    ...(logFile === undefined ? [] : [logReport(logFile, shown)]),
    ...startJournal(),
  ]);
}

/** Several reports. When one fails, the others go on. */
class Reports implements Report {
  readonly #reports: readonly Report[];

  constructor(reports: readonly Report[]) {
    this.#reports = reports;
  }

  on(event: RunEvent): void {
    this.#each(report => report.on(event));
  }

  finish(): void {
    this.#each(report => report.finish());
  }

  #each(work: (report: Report) => void): void {
    const failures = this.#reports.flatMap(report => {
      try {
        work(report);
        return [];
      } catch (error) {
        return [error];
      }
    });
    if (failures.length > 0) throw failures[0];
  }
}

/** --format, or JSON when the project's settings ask for Ansible's callback of that name. */
function reportFormat(flags: Parsed, settings: Settings): string {
  const callback = settings.text('stdoutCallback')?.replace(/^ansible\.(builtin|posix)\./, '');
  return flags.text('format') ?? (callback === 'json' ? 'json' : 'terminal');
}

/** --task-times, or the settings ask for Ansible's callback profile_tasks. */
function taskTimes(flags: Parsed, settings: Settings): readonly Report[] {
  const isWanted =
    flags.has('task-times') ||
    settings.list('callbacksEnabled').some(name => /(^|\.)profile_tasks$/.test(name));
  if (!isWanted || reportFormat(flags, settings) !== 'terminal') return [];
  const isTerminal = process.stdout.isTTY === true;
  const width = () => (isTerminal && process.stdout.columns) || 80;
  return [new TaskTimes(standardOutput, choosePaint(isTerminal, process.env), width)];
}

/** The report of a run, on standard output. */
function standardReport(format: string, shown: Shown): Report {
  const out: Output = standardOutput;
  switch (format) {
    case 'terminal': {
      const isTerminal = process.stdout.isTTY === true;
      const width = isTerminal ? process.stdout.columns || 80 : 80;
      const paint = choosePaint(isTerminal, process.env);
      const window = {
        liveWidth: () => process.stdout.columns || width,
        height: () => process.stdout.rows || 24,
      };
      return new TerminalReport(out, { paint, width, ...(isTerminal && window), ...shown }, isTerminal);
    }
    case 'json':
      return new AtTheEnd(new JsonReport(), out);
    case 'junit':
      return new AtTheEnd(new JunitReport(), out);
    case 'jsonl':
      return new EventLines(out);
    default:
      throw new UsageError(`--format is terminal, json, jsonl or junit, not "${format}"`, 5);
  }
}

/** A file of --report; its name says what it holds. */
function fileReport(file: string): Report {
  mkdirSync(dirname(file), { recursive: true });
  const save = (text: string) => {
    const part = `${file}.${process.pid}.part`;
    writeFileSync(part, text);
    renameSync(part, file);
  };
  switch (extname(file)) {
    case '.html': {
      const recording = new Recording();
      const page = { on: recording.on.bind(recording), text: () => runPage(recording.entries) };
      return new KeptFile(page, save);
    }
    case '.json':
      return new KeptFile(new JsonReport(), save);
    case '.jsonl':
      writeFileSync(file, '');
      return new EventLines({ write: text => appendFileSync(file, text) });
    case '.xml':
      return new KeptFile(new JunitReport(), save);
    default:
      throw new UsageError(`--report ${file}: expected a name that ends in .html, .json, .jsonl or .xml`, 5);
  }
}

/** Appends what the terminal shows, with the time of each line, to a file that many runs share. */
function logReport(file: string, shown: Shown): Report {
  let open = '';
  const write = (text: string) => {
    const lines = (open + text).split('\n');
    open = lines.pop()!;
    const time = new Date().toISOString().slice(0, 19).replace('T', ' ');
    const written = lines.map(line => `${time} ${process.pid} | ${line}\n`).join('');
    if (written !== '') appendFileSync(file, written, { mode: 0o600 });
  };
  return new TerminalReport({ write }, { paint: plain, width: 80, ...shown }, false);
}
