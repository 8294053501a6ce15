import { visible } from '../source/visible.ts';

/** Markup that is finished: what `html` made, and nothing else. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

type Part = Markup | string | number | undefined | readonly Part[];

/** A template of HTML whose values are text, unless they are markup themselves: what a host says cannot be any. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(
    strings.reduce((text, string, i) => text + string + (i < parts.length ? flat(parts[i]) : ''), ''),
  );
}

function flat(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(flat).join('');
  return visible(String(part)).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
}
