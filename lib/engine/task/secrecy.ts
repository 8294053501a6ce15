import { argumentNames, secretArguments } from '../../modules/kit/arguments.ts';
import type { Module, Result } from '../../modules/kit/define.ts';
import { Float, type Json } from '../../source/value.ts';
import { shellWord } from '../../transport/shell/script.ts';

const WHOLE = 'VALUE_SPECIFIED_IN_NO_LOG_PARAMETER';
const PART = '********';
/** A shorter text occurs in other words by chance, and protects nothing. */
const SHORTEST = 3;

const HIDDEN = "the output has been hidden due to the fact that 'no_log: true' was specified for this result";

/** What a task on one host, or an item of its loop, must not show. */
export class Secrecy {
  /** True once nothing of the task may be shown, because of `no_log` or of a file that it read. */
  hidden = false;
  /** True once `no_log` was evaluated, with the variables of the item in a loop. */
  asked = false;
  /** True once text of a vault is part of the diff: the rest of the result may be shown. */
  hidesDiff = false;
  /** Values of arguments that are marked secret, and the forms in which a program may print them; longest first. */
  #secrets: readonly string[] = [];

  /** Takes note of the secrets among arguments as they are given. */
  learn(module: Module, given: Readonly<Record<string, Json>>): void {
    const names = argumentNames(module);
    const secret = secretArguments(module, given);
    if (secret.size === 0) return;
    const texts = Object.entries(given)
      .filter(([key]) => secret.has(names.get(key) ?? key))
      .flatMap(([, value]) => textsIn(value))
      .filter(text => text.length >= SHORTEST);
    const all = new Set([...this.#secrets, ...texts.flatMap(formsOf)]);
    this.#secrets = [...all].sort((a, b) => b.length - a.length);
  }

  /** The value with every secret in it made unreadable; the words are Ansible's. */
  mask<T extends Json | undefined>(value: T): T {
    return this.#secrets.length === 0 ? value : (this.#masked(value as Json) as T);
  }

  maskResult(result: Result): Result {
    return this.mask(result as Json) as Result;
  }

  /** The part of a result that may be shown; a hidden one only tells whether it changed or failed. */
  shown(result: Result, hidden = this.hidden): Result {
    if (!hidden) {
      const { diff: _diff, ...rest } = result;
      return this.maskResult(this.hidesDiff ? rest : result);
    }
    if (result.unknown !== undefined)
      return { changed: false, skipped: true, unknown: HIDDEN, censored: HIDDEN };
    if (result.skipped) return { changed: false, skipped: true, censored: HIDDEN };
    return { changed: result.changed, ...(result.failed && { failed: true }), censored: HIDDEN };
  }

  #masked(value: Json): Json {
    if (typeof value === 'string') return this.#maskedText(value);
    if (Array.isArray(value)) return value.map(item => this.#masked(item));
    if (value === null || typeof value !== 'object' || value instanceof Float) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, item === undefined ? item : this.#masked(item)]),
    );
  }

  #maskedText(text: string): string {
    if (this.#secrets.includes(text)) return WHOLE;
    return this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, PART), text);
  }
}

function textsIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (value === null || typeof value !== 'object' || value instanceof Float) return [];
  return Object.values(value).flatMap(textsIn);
}

/** The text, and its form in a shell command, in JSON and in a URL. */
function formsOf(text: string): string[] {
  const lines = text.trim();
  return [text, lines, shellWord(text), JSON.stringify(text).slice(1, -1), encodeURIComponent(text)].filter(
    form => form.length >= SHORTEST,
  );
}
