import type { Value } from '../../source/value.ts';
import { str } from '../python/print.ts';

/** Collects what a template prints. A single piece keeps its type; more become one text. */
export class Output {
  private readonly noneIsEmpty: boolean;
  private count = 0;
  private first: Value = '';
  private rest = '';

  constructor(noneIsEmpty: boolean) {
    this.noneIsEmpty = noneIsEmpty;
  }

  push(value: Value): void {
    if (this.count++ > 0) this.rest += this.printed(value);
    // A list may change before the next piece comes, so text is made at once where only text is wanted.
    else this.first = this.noneIsEmpty ? this.printed(value) : value;
  }

  private printed(value: Value): string {
    if (typeof value === 'string') return value;
    return value === null && this.noneIsEmpty ? '' : str(value);
  }

  /** The value of the only piece, or the text of all; '' when nothing was printed. */
  get value(): Value {
    return this.count <= 1 ? this.first : this.text;
  }

  get text(): string {
    return this.printed(this.first) + this.rest;
  }
}
