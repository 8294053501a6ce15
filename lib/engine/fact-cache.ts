import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../source/errors.ts';
import { isObject, jsonText, parseJson } from '../source/json.ts';
import { replaceFile } from '../source/replace-file.ts';
import type { Json } from '../source/value.ts';

export interface FactCacheOptions {
  readonly directory: string;
  readonly prefix: string;
  /** Seconds after which facts count as unknown; 0: never. */
  readonly timeout: number;
  readonly warn: (message: string) => void;
}

type Facts = Readonly<Record<string, Json>>;

/** Facts kept between runs, one file a host, in the form of Ansible's `jsonfile`. */
export class FactCache {
  readonly #options: FactCacheOptions;
  #hasFailed = false;

  constructor(options: FactCacheOptions) {
    this.#options = options;
  }

  read(host: string): Facts | undefined {
    const file = this.#file(host);
    const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    if (!file || !found?.isFile()) return undefined;
    const { timeout, warn } = this.#options;
    if (timeout > 0 && Date.now() - found.mtimeMs > timeout * 1000) return undefined;
    // Facts are variables: anyone who may write them decides what tasks do.
    const isOurs = [0, process.getuid?.()].includes(found.uid) && (found.mode & 0o022) === 0;
    const facts = isOurs ? factsOf(readFileSync(file, 'utf8')) : undefined;
    if (facts) return facts;
    const why = isOurs ? 'it holds no facts' : 'others than its owner or root may write it';
    warn(`the fact cache ${file} is not read: ${why}`);
    return undefined;
  }

  /** Warns once where facts can't be kept. */
  write(host: string, facts: Facts): void {
    const file = this.#file(host);
    if (file === undefined) return;
    try {
      if (Object.keys(facts).length === 0) rmSync(file, { force: true });
      else {
        mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
        replaceFile(file, `${jsonText(facts, 4)}\n`);
      }
    } catch (error) {
      if (!this.#hasFailed) this.#options.warn(`facts are not kept: ${messageOf(error)}`);
      this.#hasFailed = true;
    }
  }

  remove(host: string): void {
    const file = this.#file(host);
    if (file !== undefined) rmSync(file, { force: true });
  }

  /** Undefined for a name that leads out of the directory: hosts may be named by what other hosts say. */
  #file(host: string): string | undefined {
    const { directory, prefix } = this.#options;
    const name = `${prefix}${host}`;
    return /[/\0]/.test(name) || name === '.' || name === '..' ? undefined : join(directory, name);
  }
}

function factsOf(text: string): Facts | undefined {
  try {
    const facts = parseJson(text);
    return isObject(facts) ? facts : undefined;
  } catch {
    return undefined;
  }
}
