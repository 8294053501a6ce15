import { fault } from '../fault.ts';

/** Flags of Python's re module that templates can set. */
export interface RegexFlags {
  readonly ignoreCase?: boolean;
  readonly multiline?: boolean;
  readonly dotAll?: boolean;
  readonly verbose?: boolean;
}

const WORD = '\\p{L}\\p{N}_';
const IS_WORD = `[${WORD}]`;
const BOUNDARY = `(?:(?<=${IS_WORD})(?!${IS_WORD})|(?<!${IS_WORD})(?=${IS_WORD}))`;
const NO_BOUNDARY = `(?:(?<=${IS_WORD})(?=${IS_WORD})|(?<!${IS_WORD})(?!${IS_WORD}))`;
const START = '(?<![^])';
const END = '(?![^])';

const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** Shorthand classes, as they stand outside and inside of brackets. */
const SHORTHAND: Readonly<Record<string, readonly [outside: string, inside: string]>> = {
  d: ['\\p{Nd}', '\\p{Nd}'],
  D: ['\\P{Nd}', '\\P{Nd}'],
  w: [IS_WORD, WORD],
  W: [`[^${WORD}]`, `[^${WORD}]`],
  s: ['[\\s\\x1c-\\x1f\\x85]', '\\s\\x1c-\\x1f\\x85'],
  S: ['[^\\s\\x1c-\\x1f\\x85]', '[^\\s\\x1c-\\x1f\\x85]'],
};

/** Turns a regular expression of Python into one of JavaScript. */
export function translate(pattern: string, flags: RegexFlags, jsFlags = ''): RegExp {
  const translator = new Translator(pattern, flags);
  const source = translator.run();
  try {
    return new RegExp(source, `v${translator.ignoresCase ? 'i' : ''}${jsFlags}`);
  } catch {
    throw fault(`"${pattern}" is not a valid regular expression`);
  }
}

interface Mode {
  multiline: boolean;
  dotAll: boolean;
  verbose: boolean;
  /** Case is ignored here but not everywhere, so letters stand for both of theirs. */
  bothCases: boolean;
}

class Translator {
  ignoresCase: boolean;
  private readonly pattern: string;
  private pos = 0;
  private mode: Mode;
  private readonly outer: Mode[] = [];

  constructor(pattern: string, flags: RegexFlags) {
    this.pattern = pattern;
    this.ignoresCase = flags.ignoreCase ?? false;
    this.mode = {
      multiline: flags.multiline ?? false,
      dotAll: flags.dotAll ?? false,
      verbose: flags.verbose ?? false,
      bothCases: false,
    };
  }

  run(): string {
    let out = '';
    while (this.pos < this.pattern.length) out += this.part();
    if (this.outer.length > 0) throw this.invalid('a "(" is never closed');
    return out;
  }

  private invalid(why: string): Error {
    return fault(`"${this.pattern}" is not a valid regular expression: ${why}`);
  }

  private next(): string {
    const char = String.fromCodePoint(this.pattern.codePointAt(this.pos) ?? 0);
    this.pos += char.length;
    return char;
  }

  private part(): string {
    const char = this.next();
    if (this.mode.verbose && /\s/.test(char)) return '';
    if (this.mode.verbose && char === '#') return this.skipComment();
    switch (char) {
      case '\\':
        return this.escape();
      case '[':
        return this.characterClass();
      case '(':
        return this.group();
      case ')': {
        const mode = this.outer.pop();
        if (!mode) throw this.invalid('a ")" has no "("');
        this.mode = mode;
        return ')';
      }
      case '.':
        return this.mode.dotAll ? '[^]' : '[^\\n]';
      case '^':
        return this.mode.multiline ? '(?<![^\\n])' : START;
      case '$':
        return this.mode.multiline ? '(?![^\\n])' : `(?=\\n?${END})`;
      case '{':
        return this.counted();
      case '|':
      case '*':
      case '+':
      case '?':
        return char;
      default:
        return this.literal(char);
    }
  }

  private skipComment(): string {
    const end = this.pattern.indexOf('\n', this.pos);
    this.pos = end < 0 ? this.pattern.length : end + 1;
    return '';
  }

  private literal(char: string): string {
    if (this.mode.bothCases && char.toLowerCase() !== char.toUpperCase()) {
      return `[${char.toLowerCase()}${char.toUpperCase()}]`;
    }
    return escaped(char);
  }

  private counted(): string {
    const match = /^(\d*)(?:(,)(\d*))?\}/.exec(this.pattern.slice(this.pos));
    if (!match || match[0] === '}') return escaped('{');
    this.pos += match[0].length;
    const [, low, comma = '', high = ''] = match;
    return `{${low || '0'}${comma}${high}}`;
  }

  private escape(): string {
    const char = this.next();
    const known = SHORTHAND[char];
    if (known) return known[0];
    switch (char) {
      case 'A':
        return START;
      case 'Z':
        return END;
      case 'b':
        return BOUNDARY;
      case 'B':
        return NO_BOUNDARY;
      case '\0':
        throw this.invalid('it ends with a backslash');
    }
    if (/[1-9]/.test(char)) {
      const second = /^\d/.exec(this.pattern.slice(this.pos))?.[0] ?? '';
      this.pos += second.length;
      return `(?:\\${char}${second})`;
    }
    return this.literal(String.fromCodePoint(this.escapedCode(char)));
  }

  /** The character that an escape stands for, inside of brackets and outside. */
  private escapedCode(char: string): number {
    const control = CONTROL[char];
    if (control !== undefined) return control;
    const rest = this.pattern.slice(this.pos);
    const sizes: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
    const size = sizes[char];
    if (size !== undefined) {
      const digits = new RegExp(`^[\\da-fA-F]{${size}}`).exec(rest)?.[0];
      if (!digits) throw this.invalid(`the escape \\${char} is not complete`);
      this.pos += size;
      return Number.parseInt(digits, 16);
    }
    if (char === '0') {
      const digits = /^[0-7]{0,2}/.exec(rest)?.[0] ?? '';
      this.pos += digits.length;
      return Number.parseInt(`0${digits}`, 8);
    }
    if (/[a-zA-Z]/.test(char)) throw this.invalid(`\\${char} has no meaning`);
    return char.codePointAt(0) ?? 0;
  }

  private group(): string {
    this.outer.push({ ...this.mode });
    if (this.pattern[this.pos] !== '?') return '(';
    const rest = this.pattern.slice(this.pos + 1);
    const match =
      /^(?:P<([A-Za-z_]\w*)>|P=([A-Za-z_]\w*)\)|#[^)]*\)|([:=!]|<[=!])|([aiLmsux]*)(?:-([imsx]+))?([:)]))/.exec(
        rest,
      );
    if (!match) throw this.invalid(`"(?${rest.slice(0, 3)}" is not supported`);
    this.pos += 1 + match[0].length;
    const [whole, name, reference, look, on, off, closer] = match;
    if (name !== undefined) return `(?<${name}>`;
    if (look !== undefined) return `(?${look}`;
    if (closer === ':') {
      this.apply(on ?? '', off ?? '', true);
      return '(?:';
    }
    const mode = this.outer.pop();
    if (reference !== undefined) return `\\k<${reference}>`;
    if (whole.startsWith('#')) return '';
    if (mode) this.mode = mode;
    this.apply(on ?? '', off ?? '', false);
    return '';
  }

  private apply(on: string, off: string, isScoped: boolean): void {
    if (on.includes('m')) this.mode.multiline = true;
    if (on.includes('s')) this.mode.dotAll = true;
    if (on.includes('x')) this.mode.verbose = true;
    if (off.includes('m')) this.mode.multiline = false;
    if (off.includes('s')) this.mode.dotAll = false;
    if (off.includes('x')) this.mode.verbose = false;
    if (on.includes('i')) {
      if (isScoped) this.mode.bothCases = !this.ignoresCase;
      else this.ignoresCase = true;
    }
  }

  private characterClass(): string {
    const negated = this.pattern[this.pos] === '^';
    if (negated) this.pos++;
    let out = '';
    let isFirst = true;
    for (;;) {
      if (this.pos >= this.pattern.length) throw this.invalid('a "[" is never closed');
      const char = this.next();
      if (char === ']' && !isFirst) break;
      isFirst = false;
      out += this.classPart(char);
    }
    return `[${negated ? '^' : ''}${out}]`;
  }

  private classPart(char: string): string {
    const low = this.classCharacter(char);
    if (typeof low === 'string') return low;
    const isRange = this.pattern[this.pos] === '-' && ![undefined, ']'].includes(this.pattern[this.pos + 1]);
    if (!isRange) return this.bothCasesOf(low);
    this.pos++;
    const high = this.classCharacter(this.next());
    if (typeof high === 'string' || high < low) throw this.invalid('a range in brackets is not valid');
    return `${code(low)}-${code(high)}`;
  }

  private bothCasesOf(point: number): string {
    const char = String.fromCodePoint(point);
    if (!this.mode.bothCases || char.toLowerCase() === char.toUpperCase()) return code(point);
    return char.toLowerCase() + char.toUpperCase();
  }

  /** A code point, or the text of a shorthand class. */
  private classCharacter(char: string): number | string {
    if (char !== '\\') return char.codePointAt(0) ?? 0;
    const next = this.next();
    const known = SHORTHAND[next];
    if (known) return known[1];
    return next === 'b' ? 8 : this.escapedCode(next);
  }
}

function code(point: number): string {
  return `\\u{${point.toString(16)}}`;
}

function escaped(char: string): string {
  return /[\p{L}\p{N}]/u.test(char) ? char : code(char.codePointAt(0) ?? 0);
}
