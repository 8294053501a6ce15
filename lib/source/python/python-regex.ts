import { LETTER_ESCAPES } from './escapes.ts';
import { PythonRegexError, type RegexFlags, translate } from './python-regex-syntax.ts';

export { PythonRegexError, type RegexFlags };

/** One match: `groups[0]` is all of it, unmatched groups are undefined. */
export interface PythonMatch {
  readonly index: number;
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
  readonly named: ReadonlyMap<string, number>;
}

/** A pattern of Python's `re` that JavaScript can run. Throws PythonRegexError for what Python refuses. */
export class PythonRegex {
  readonly pattern: string;
  readonly multiline: boolean;
  /** Group names and their numbers. */
  readonly named: ReadonlyMap<string, number>;
  readonly groupCount: number;
  private readonly source: string;
  private readonly jsFlags: string;
  /** Python's group number → JavaScript's: atomic groups add some of their own. */
  private readonly numbers: readonly number[];

  constructor(pattern: string, flags: RegexFlags = {}) {
    const translation = translate(pattern, flags);
    this.pattern = pattern;
    this.multiline = translation.multiline;
    this.named = translation.named;
    this.numbers = translation.numbers;
    this.groupCount = translation.numbers.length - 1;
    this.source = translation.source;
    this.jsFlags = translation.ignoreCase ? 'vi' : 'v';
    try {
      new RegExp(this.source, this.jsFlags);
    } catch (error) {
      throw new PythonRegexError(
        `${(error as Error).message.replace(/^Invalid regular expression: .*: /, '')} in "${pattern}"`,
      );
    }
  }

  /** re.search */
  search(text: string, from = 0): PythonMatch | undefined {
    return this.run(this.source, 'g', text, from);
  }

  /** re.match: at `from` only */
  match(text: string, from = 0): PythonMatch | undefined {
    return this.run(this.source, 'y', text, from);
  }

  /** re.fullmatch */
  fullMatch(text: string): PythonMatch | undefined {
    return this.run(`(?:${this.source})(?![\\s\\S])`, 'y', text, 0);
  }

  /** re.finditer */
  matches(text: string): PythonMatch[] {
    const regex = new RegExp(this.source, `${this.jsFlags}g`);
    return [...text.matchAll(regex)].map(found => this.toMatch(found));
  }

  /** re.subn: how often it replaced, too. A text is a template with `\1` and `\g<name>`; at most `count`, 0 for all. */
  sub(
    replacement: string | ((match: PythonMatch) => string),
    text: string,
    count = 0,
  ): { readonly text: string; readonly count: number } {
    const expand = typeof replacement === 'string' ? parseTemplate(replacement, this) : replacement;
    const found = this.matches(text).slice(0, count > 0 ? count : undefined);
    let at = 0;
    let result = '';
    for (const match of found) {
      result += text.slice(at, match.index) + expand(match);
      at = match.end;
    }
    return { text: result + text.slice(at), count: found.length };
  }

  /** re.split: captured groups are in the result, `undefined` where they did not match. */
  split(text: string, max = 0): (string | undefined)[] {
    const parts: (string | undefined)[] = [];
    let at = 0;
    for (const match of this.matches(text).slice(0, max > 0 ? max : undefined)) {
      parts.push(text.slice(at, match.index), ...match.groups.slice(1));
      at = match.end;
    }
    parts.push(text.slice(at));
    return parts;
  }

  /** Match.span of a group; undefined when it did not match. */
  span(match: PythonMatch, text: string, group: number | string): readonly [number, number] | undefined {
    const regex = new RegExp(this.source, `${this.jsFlags}dy`);
    regex.lastIndex = match.index;
    const number = typeof group === 'string' ? this.named.get(group) : group;
    return number === undefined ? undefined : regex.exec(text)?.indices?.[this.numbers[number]!];
  }

  /** Match.expand */
  expand(match: PythonMatch, template: string): string {
    return parseTemplate(template, this)(match);
  }

  private run(source: string, mode: 'g' | 'y', text: string, from: number): PythonMatch | undefined {
    const regex = new RegExp(source, this.jsFlags + mode);
    regex.lastIndex = from;
    const found = regex.exec(text);
    return found ? this.toMatch(found) : undefined;
  }

  private toMatch(found: RegExpExecArray): PythonMatch {
    return {
      index: found.index,
      end: found.index + found[0].length,
      groups: this.numbers.map(number => found[number]),
      named: this.named,
    };
  }
}

const TEMPLATE_PART = /\\g<([^>]*)>|\\(0[0-7]{0,2}|[1-3][0-7][0-7]|[1-9][0-9]?)|\\([\s\S]|$)|([^\\]+)/g;

function parseTemplate(template: string, regex: PythonRegex): (match: PythonMatch) => string {
  const parts: (string | number)[] = [];
  for (const [, reference, digits, escaped, literal] of template.matchAll(TEMPLATE_PART)) {
    if (literal !== undefined) parts.push(literal);
    else if (reference !== undefined) parts.push(groupNumber(reference, regex));
    else if (digits !== undefined) parts.push(numberOrChar(digits, regex));
    else if (LETTER_ESCAPES[escaped!] !== undefined) parts.push(LETTER_ESCAPES[escaped!]!);
    else if (/^[A-Za-z]?$/.test(escaped!))
      throw new PythonRegexError(escaped === '' ? 'bad escape (end of pattern)' : `bad escape \\${escaped}`);
    else parts.push(`\\${escaped}`);
  }
  return match => parts.map(part => (typeof part === 'number' ? (match.groups[part] ?? '') : part)).join('');
}

function groupNumber(reference: string, regex: PythonRegex): number {
  const number = /^\d+$/.test(reference) ? Number(reference) : regex.named.get(reference);
  if (number === undefined) throw new PythonRegexError(`unknown group name '${reference}'`);
  if (number > regex.groupCount) throw new PythonRegexError(`invalid group reference ${number}`);
  return number;
}

function numberOrChar(digits: string, regex: PythonRegex): number | string {
  if (digits.startsWith('0') || digits.length === 3)
    return String.fromCharCode(Number.parseInt(digits, 8) & 0xff);
  return groupNumber(digits, regex);
}
