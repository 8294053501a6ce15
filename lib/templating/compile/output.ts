import type { Value } from '../../source/value.ts';
import { str } from '../python/print.ts';

/** Collects what a template prints. A single piece keeps its type; more become one text. */
export class Output {
  private readonly isNative: boolean;
  private count = 0;
  private first: Value = '';
  private rest = '';

  constructor(isNative: boolean) {
    this.isNative = isNative;
  }

  push(value: Value): void {
    if (this.count++ > 0) this.rest += printed(value);
    // A list may change before the next piece comes, so text is made at once where only text is wanted.
    else this.first = this.isNative ? value : printed(value);
  }

  /** The value of the only piece, or the text of all; '' when nothing was printed. */
  get value(): Value {
    return this.count <= 1 ? this.first : this.text;
  }

  get text(): string {
    return printed(this.first) + this.rest;
  }
}

/** A value as it stands in a text; None leaves nothing, as Ansible has always printed it. */
function printed(value: Value): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : str(value);
}
