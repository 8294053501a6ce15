import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../lib/source/errors.ts';
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
  | { readonly kind: 'owner'; readonly host: string; readonly pid: number }
  | { readonly kind: 'head'; readonly head: RunHead }
  | { readonly kind: 'storage'; readonly storage: readonly StorageFigures[] }
  | { readonly kind: 'sweep'; readonly figures: SweepFigures }
  | { readonly kind: 'measurement'; readonly measurement: Measurement }
  | { readonly kind: 'complaint' | 'remark'; readonly text: string };

const SUFFIX = '.running.jsonl';

/**
 * A run as it goes: every measurement is on the disk as soon as it ended, so that nothing that happens later can take it
 * away. The file goes when the reports are written; one that is left belongs to a run that was killed.
 */
export class RunJournal {
  readonly #file: string;
  readonly #measurements: Measurement[] = [];
  readonly #sweep: SweepFigures[] = [];
  readonly #complaints: string[] = [];
  readonly #remarks: string[] = [];
  #storage: readonly StorageFigures[] = [];
  #head: RunHead | undefined;

  /** Makes the folder and the file: a folder that cannot be written is found before anything is measured. */
  constructor(dir: string, name: string) {
    this.#file = join(dir, `${name}${SUFFIX}`);
    try {
      mkdirSync(dir, { recursive: true });
      accessSync(dir, constants.W_OK | constants.X_OK);
      this.#append({ kind: 'owner', host: hostname(), pid: process.pid });
    } catch (error) {
      throw new UsageError(`nothing can be written below ${dir}: ${(error as Error).message}`, 5);
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
    const descriptor = openSync(this.#file, 'a', 0o644);
    try {
      writeSync(descriptor, `${JSON.stringify(line)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Runs that were killed, with what they measured. `settle` is called for each, and then its file goes. */
export function recoverRuns(dir: string, settle: (run: RunSoFar) => void): void {
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir).sort()) {
    if (!name.endsWith(SUFFIX)) continue;
    const file = join(dir, name);
    const lines = readLines(file);
    if (isRunning(lines)) continue;
    const head = lines.flatMap(l => (l.kind === 'head' ? [l.head] : [])).at(-1);
    const measurements = lines.flatMap(l => (l.kind === 'measurement' ? [l.measurement] : []));
    if (head && measurements.length > 0) {
      const texts = (kind: 'complaint' | 'remark') => lines.flatMap(l => (l.kind === kind ? [l.text] : []));
      settle({
        head,
        measurements,
        complaints: texts('complaint'),
        remarks: texts('remark'),
        storage: lines.flatMap(l => (l.kind === 'storage' ? l.storage : [])),
        sweep: lines.flatMap(l => (l.kind === 'sweep' ? [l.figures] : [])),
      });
    }
    rmSync(file, { force: true });
  }
}

/** Lines that are whole; the last one of a run that was killed may be cut off. */
function readLines(file: string): readonly Line[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap(text => {
      try {
        return text === '' ? [] : [JSON.parse(text) as Line];
      } catch {
        return [];
      }
    });
}

/** Whether the run that writes the file is still there. On another machine nobody can tell: its file is left alone. */
function isRunning(lines: readonly Line[]): boolean {
  const owner = lines.find(l => l.kind === 'owner');
  if (owner?.kind !== 'owner') return false;
  if (owner.host !== hostname()) return true;
  if (owner.pid === process.pid) return false;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
