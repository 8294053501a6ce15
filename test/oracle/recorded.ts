import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OracleCase, Verdict } from './harness.ts';

interface Recording {
  /** Of the case it belongs to: a changed case needs a new recording. */
  readonly hash: string;
  readonly verdict: Verdict;
}

const FOLDER = join(import.meta.dirname, 'testdata');

/** What Ansible came to in the cases of one file, as recorded by `npm run fixtures`. */
export class Recordings {
  readonly #file: string;
  readonly #known: Record<string, Recording>;

  constructor(name: string) {
    this.#file = join(FOLDER, `${name}.json`);
    this.#known = existsSync(this.#file)
      ? (JSON.parse(readFileSync(this.#file, 'utf8')) as Record<string, Recording>)
      : {};
  }

  get(test: OracleCase): Verdict | undefined {
    const recording = this.#known[test.name];
    return recording?.hash === hashOf(test) ? recording.verdict : undefined;
  }

  set(test: OracleCase, verdict: Verdict): void {
    this.#known[test.name] = { hash: hashOf(test), verdict };
  }

  /** Writes the recordings of the cases there are; those of others go. */
  write(cases: readonly OracleCase[]): void {
    const kept = cases.flatMap(({ name }) => {
      const recording = this.#known[name];
      return recording ? [[name, recording] as const] : [];
    });
    writeFileSync(this.#file, `${JSON.stringify(Object.fromEntries(kept), null, 1)}\n`);
  }
}

const hashOf = (test: OracleCase): string =>
  createHash('sha1').update(JSON.stringify(test)).digest('hex').slice(0, 12);
