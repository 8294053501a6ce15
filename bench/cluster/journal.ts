import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { messageOf, UsageError } from '../../lib/source/errors.ts';
import { appendWhole } from './append-whole.ts';
import { historyFile } from './output.ts';
import type { Measurement, RunRecord, StorageFigures, SweepFigures } from './result.ts';

/** What is known of a run before it measured anything. */
export type RunHead = Omit<
  RunRecord,
  'endedAt' | 'interrupted' | 'failed' | 'complaints' | 'remarks' | 'cells' | 'night' | 'storage' | 'sweep'
>;

/** What a run has said and measured so far. */
export interface RunSoFar {
  readonly head: RunHead;
  readonly measurements: readonly Measurement[];
  readonly complaints: readonly string[];
  readonly remarks: readonly string[];
  readonly storage: readonly StorageFigures[];
  readonly sweep: readonly SweepFigures[];
}

type Line =
  | { readonly kind: 'owner'; readonly host: string; readonly pid: number; readonly begun?: string }
  | { readonly kind: 'head'; readonly head: RunHead }
  | { readonly kind: 'storage'; readonly storage: readonly StorageFigures[] }
  | { readonly kind: 'sweep'; readonly figures: SweepFigures }
  | { readonly kind: 'measurement'; readonly measurement: Measurement }
  | { readonly kind: 'complaint' | 'remark'; readonly text: string };

const SUFFIX = '.running.jsonl';

/**
 * A run as it goes: every measurement is on the disk as soon as it ended, so that nothing that happens later can take it
 * away. The file goes when the reports are written; one that is left belongs to a run that was killed. A disk that takes
 * nothing on the way (full, read-only) ends no run: the lines wait here until it does.
 */
export class RunJournal {
  readonly #file: string;
  /** Lines that are not on the disk yet. */
  #waiting = '';
  readonly #measurements: Measurement[] = [];
  readonly #sweep: SweepFigures[] = [];
  readonly #complaints: string[] = [];
  readonly #remarks: string[] = [];
  #storage: readonly StorageFigures[] = [];
  #head: RunHead | undefined;

  /** Makes the folder and the file: what cannot be written is found before anything is measured. */
  constructor(dir: string, name: string) {
    this.#file = join(dir, `${name}${SUFFIX}`);
    const begun = beginOf(process.pid);
    const owner: Line = {
      kind: 'owner',
      host: hostname(),
      pid: process.pid,
      ...(begun === undefined ? {} : { begun }),
    };
    try {
      mkdirSync(dir, { recursive: true });
      accessSync(dir, constants.W_OK | constants.X_OK);
      // One that another user began takes nothing at the end of the night.
      const history = historyFile(dir);
      if (existsSync(history)) accessSync(history, constants.R_OK | constants.W_OK);
      appendWhole(this.#file, `${JSON.stringify(owner)}\n`);
    } catch (error) {
      throw new UsageError(`nothing can be written below ${dir}: ${messageOf(error)}`, 5);
    }
  }

  get soFar(): RunSoFar | undefined {
    return (
      this.#head && {
        head: this.#head,
        measurements: this.#measurements,
        complaints: this.#complaints,
        remarks: this.#remarks,
        storage: this.#storage,
        sweep: this.#sweep,
      }
    );
  }

  begin(head: RunHead): void {
    this.#head = head;
    this.#append({ kind: 'head', head });
  }

  measured(measurement: Measurement): void {
    this.#measurements.push(measurement);
    this.#append({ kind: 'measurement', measurement });
  }

  /** The primary with so many clients. */
  swept(figures: SweepFigures): void {
    this.#sweep.push(figures);
    this.#append({ kind: 'sweep', figures });
  }

  /** What the storage does without a database. */
  stored(storage: readonly StorageFigures[]): void {
    this.#storage = storage;
    this.#append({ kind: 'storage', storage });
  }

  /** Something that went wrong. */
  complain(text: string): void {
    this.#complaints.push(text);
    this.#append({ kind: 'complaint', text });
  }

  /** Something to know, which nobody has to mend. */
  remark(text: string): void {
    this.#remarks.push(text);
    this.#append({ kind: 'remark', text });
  }

  /** The reports are written: the file is needed no longer. */
  close(): void {
    rmSync(this.#file, { force: true });
  }

  #append(line: Line): void {
    const waited = this.#waiting !== '';
    this.#waiting += `${JSON.stringify(line)}\n`;
    try {
      appendWhole(this.#file, this.#waiting);
      this.#waiting = '';
    } catch (error) {
      if (!waited)
        this.complain(`${this.#file} cannot be written, and the run goes on without it: ${messageOf(error)}`);
    }
  }
}

/** After so long without a line a run of another machine is over, too: no measurement takes longer than a day. */
const OVER_MS = 3 * 86_400_000;

/**
 * Runs that were killed, with what they measured. `settle` is called for each, and then its file goes. One that cannot be
 * settled stays, and `say` tells why: it takes no later night away.
 */
export function recoverRuns(
  dir: string,
  settle: (run: RunSoFar) => void,
  say: (line: string) => void = () => {},
): void {
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir).sort()) {
    if (!name.endsWith(SUFFIX)) continue;
    const file = join(dir, name);
    try {
      const lines = readLines(file);
      if (isRunning(lines, file)) continue;
      const run = runOf(lines);
      if (run) settle(run);
      rmSync(file, { force: true });
    } catch (error) {
      say(`what an earlier run measured could not be reported, and stays in ${file}: ${messageOf(error)}`);
    }
  }
}

/** What the lines of a run tell; undefined when it measured nothing. */
function runOf(lines: readonly Line[]): RunSoFar | undefined {
  const head = lines.flatMap(l => (l.kind === 'head' ? [l.head] : [])).at(-1);
  const measurements = lines.flatMap(l => (l.kind === 'measurement' ? [l.measurement] : []));
  if (!head || measurements.length === 0) return undefined;
  const texts = (kind: 'complaint' | 'remark') => lines.flatMap(l => (l.kind === kind ? [l.text] : []));
  return {
    head,
    measurements,
    complaints: texts('complaint'),
    remarks: texts('remark'),
    storage: lines.flatMap(l => (l.kind === 'storage' ? l.storage : [])),
    sweep: lines.flatMap(l => (l.kind === 'sweep' ? [l.figures] : [])),
  };
}

/** Lines that are whole; the last one of a run that was killed may be cut off. */
function readLines(file: string): readonly Line[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap(text => {
      try {
        const line = JSON.parse(text) as Line | null;
        return line?.kind === undefined ? [] : [line];
      } catch {
        return [];
      }
    });
}

/** Whether the run that writes the file is still there. On another machine only time can tell. */
function isRunning(lines: readonly Line[], file: string): boolean {
  const owner = lines.find(l => l.kind === 'owner');
  if (owner?.kind !== 'owner') return false;
  if (owner.host !== hostname()) return Date.now() - statSync(file).mtimeMs < OVER_MS;
  if (owner.pid === process.pid) return false;
  const begun = beginOf(owner.pid);
  // After a restart of the machine another process may have its number.
  if (owner.begun !== undefined && begun !== undefined) return owner.begun === begun;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began: the start of the machine and ticks since then; undefined where no /proc tells. */
function beginOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The 22nd field; the second one, in brackets, may hold spaces.
    return `${boot} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return undefined;
  }
}
