export interface RegexFlags {
  readonly ignoreCase?: boolean;
  readonly multiline?: boolean;
  readonly dotAll?: boolean;
  readonly verbose?: boolean;
  /** `\w`, `\d`, `\s`, `\b` mean ASCII only: for bytes held as Latin-1 text, and Python's re.ASCII. */
  readonly ascii?: boolean;
}

/** A pattern or replacement that Python would refuse, or (rarely) that we cannot run. */
export class PythonRegexError extends Error {
  override readonly name = 'PythonRegexError';
}

/** A Python pattern in JavaScript's terms, for the `v` flag and no other but `i`. */
export interface Translation {
  readonly source: string;
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly named: ReadonlyMap<string, number>;
  readonly numbers: readonly number[];
}

/** Translates the syntax of Python's `re`. What means something else in JavaScript is spelled out. */
export function translate(pattern: string, flags: RegexFlags): Translation {
  return new Translator(pattern, flags).translate();
}

interface Scope {
  i: boolean;
  m: boolean;
  s: boolean;
  x: boolean;
  a: boolean;
}

const START = '(?<![\\s\\S])';
const END = '(?![\\s\\S])';

const UNICODE = {
  d: '\\p{Nd}',
  s: '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000',
  w: '\\p{L}\\p{N}_',
} as const;

const ASCII = { d: '0-9', s: '\\t-\\r\\x20', w: 'A-Za-z0-9_' } as const;

const CHARACTERS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

class Translator {
  private readonly text: string;
  private at = 0;
  private readonly named = new Map<string, number>();
  private readonly numbers: number[] = [0];
  private jsGroups = 0;
  /** Case is ignored in parts only: then letters are spelled in both cases, and the `i` flag is not used. */
  private readonly spellCases: boolean;
  private readonly global: Scope;

  constructor(pattern: string, flags: RegexFlags) {
    const leading = /^\s*\(\?([aiLmsux]+)\)/.exec(pattern);
    const inline = leading?.[1] ?? '';
    this.global = {
      i: flags.ignoreCase === true || inline.includes('i'),
      m: flags.multiline === true || inline.includes('m'),
      s: flags.dotAll === true || inline.includes('s'),
      x: flags.verbose === true || inline.includes('x'),
      a: flags.ascii === true || inline.includes('a'),
    };
    this.text =
      leading && (this.global.x || leading[0].startsWith('(')) ? pattern.slice(leading[0].length) : pattern;
    this.spellCases = /\(\?[amsxu]*-?[amsx]*i[amsxu]*(-[imsx]+)?:/.test(this.text);
  }

  translate(): Translation {
    const source = this.alternatives({ ...this.global });
    if (this.at < this.text.length) throw this.error('unbalanced parenthesis');
    return {
      source,
      ignoreCase: this.global.i && !this.spellCases,
      multiline: this.global.m,
      named: this.named,
      numbers: this.numbers,
    };
  }

  private error(what: string): PythonRegexError {
    return new PythonRegexError(`${what} at position ${this.at} of "${this.text}"`);
  }

  private alternatives(scope: Scope): string {
    let result = '';
    while (this.at < this.text.length && this.text[this.at] !== ')') {
      if (this.take('|')) result += '|';
      else result += this.repeated(scope);
    }
    return result;
  }

  private take(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private repeated(scope: Scope): string {
    const atom = this.atom(scope);
    this.skipVerbose(scope);
    const rest = this.text.slice(this.at);
    const match = /^([*+?]|\{(\d*)(,?)(\d*)\})([?+]?)/.exec(rest);
    if (!match || match[1] === '{}' || match[1] === '{,}') return atom;
    if (atom === '') throw this.error('nothing to repeat');
    this.at += match[0].length;
    const [, simple, from, comma, to, suffix] = match;
    const count = /^[*+?]/.test(simple!) ? simple! : `{${from || '0'}${comma}${to}}`;
    if (/^([*+]|\{\d+\})/.test(this.text.slice(this.at)) && suffix === '')
      throw this.error('multiple repeat');
    if (suffix === '+') return this.atomic(() => `(?:${atom})${count}`);
    return `(?:${atom})${count}${suffix}`;
  }

  private atomic(body: () => string): string {
    this.jsGroups++;
    const name = `polarplay${this.jsGroups}`;
    return `(?:(?=(?<${name}>${body()}))\\k<${name}>)`;
  }

  private skipVerbose(scope: Scope): void {
    if (!scope.x) return;
    for (;;) {
      const skipped = /^(\s+|#[^\n]*)/.exec(this.text.slice(this.at));
      if (!skipped) return;
      this.at += skipped[0].length;
    }
  }

  private atom(scope: Scope): string {
    this.skipVerbose(scope);
    const char = this.char();
    switch (char) {
      case '':
        return '';
      case '.':
        return scope.s ? '[\\s\\S]' : '[^\\n]';
      case '^':
        return scope.m ? '(?<![^\\n])' : START;
      case '$':
        return scope.m ? `(?=\\n|${END})` : `(?=\\n?${END})`;
      case '[':
        return this.set(scope);
      case '(':
        return this.group(scope);
      case '\\':
        return this.escape(scope);
      case '*':
      case '+':
      case '?':
        throw this.error('nothing to repeat');
      case '|':
      case ')':
        this.at--;
        return '';
      default:
        return this.literal(char, scope);
    }
  }

  /** The next character (a whole code point), or '' at the end. */
  private char(): string {
    const code = this.text.codePointAt(this.at);
    if (code === undefined) return '';
    const char = String.fromCodePoint(code);
    this.at += char.length;
    return char;
  }

  private literal(char: string, scope: Scope): string {
    const [lower, upper] = [char.toLowerCase(), char.toUpperCase()];
    if (this.spellCases && scope.i && lower !== upper && lower.length === 1 && upper.length === 1)
      return `[${point(lower)}${point(upper)}]`;
    return point(char);
  }

  private group(scope: Scope): string {
    if (!this.take('?')) return this.capture(undefined, scope);
    if (this.take('#')) {
      const end = this.text.indexOf(')', this.at);
      if (end < 0) throw this.error('missing ), unterminated comment');
      this.at = end + 1;
      return '';
    }
    if (this.take('P<')) return this.capture(this.name('>'), scope);
    if (this.take('P=')) return this.backreference(this.named.get(this.name(')')));
    if (this.take('(')) throw this.error('conditional groups are not supported');
    for (const look of ['=', '!', '<=', '<!']) if (this.take(look)) return this.close(`(?${look}`, scope);
    if (this.take(':')) return this.close('(?:', scope);
    if (this.take('>')) return this.atomic(() => this.close('(?:', scope));
    const flags = /^([aiLmsux]*)(?:-([imsx]+))?:/.exec(this.text.slice(this.at));
    if (!flags)
      throw this.error(
        /^[aiLmsux]+\)/.test(this.text.slice(this.at))
          ? 'global flags not at the start of the expression'
          : 'unknown extension',
      );
    this.at += flags[0].length;
    const inner = { ...scope };
    for (const flag of flags[1]!) if (flag in inner) inner[flag as keyof Scope] = true;
    for (const flag of flags[2] ?? '') inner[flag as keyof Scope] = false;
    return this.close('(?:', inner);
  }

  private capture(name: string | undefined, scope: Scope): string {
    if (name !== undefined && this.named.has(name)) throw this.error(`redefinition of group name '${name}'`);
    this.jsGroups++;
    if (name !== undefined) this.named.set(name, this.numbers.length);
    this.numbers.push(this.jsGroups);
    return this.close(name === undefined ? '(' : `(?<${name}>`, scope);
  }

  private close(opening: string, scope: Scope): string {
    const body = this.alternatives({ ...scope });
    if (!this.take(')')) throw this.error('missing ), unterminated subpattern');
    return `${opening}${body})`;
  }

  private name(terminator: string): string {
    const end = this.text.indexOf(terminator, this.at);
    const name = end < 0 ? '' : this.text.slice(this.at, end);
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) throw this.error(`bad character in group name '${name}'`);
    this.at = end + 1;
    return name;
  }

  private backreference(number: number | undefined): string {
    const js = number === undefined ? undefined : this.numbers[number];
    if (js === undefined) throw this.error('invalid group reference');
    return `(?:\\${js})`;
  }

  private escape(scope: Scope): string {
    const classes = scope.a ? ASCII : UNICODE;
    const char = this.char();
    if (char === 'A') return START;
    if (char === 'Z') return END;
    if (char === 'b' || char === 'B') {
      const w = `[${classes.w}]`;
      return char === 'b'
        ? `(?:(?<=${w})(?!${w})|(?<!${w})(?=${w}))`
        : `(?:(?<=${w})(?=${w})|(?<!${w})(?!${w}))`;
    }
    const set = this.classEscape(char, scope);
    if (set !== undefined) return set;
    if (/[1-9]/.test(char)) {
      const more = /^[0-7]{2}/.test(this.text.slice(this.at)) && /[1-3]/.test(char);
      if (!more) {
        const second = /^\d/.exec(this.text.slice(this.at))?.[0] ?? '';
        this.at += second.length;
        return this.backreference(Number(char + second));
      }
    }
    return this.literal(String.fromCodePoint(this.character(char)), scope);
  }

  private classEscape(char: string, scope: Scope): string | undefined {
    const classes = scope.a ? ASCII : UNICODE;
    const kind = char.toLowerCase();
    if (kind !== 'd' && kind !== 's' && kind !== 'w') return undefined;
    return `[${char === kind ? '' : '^'}${classes[kind]}]`;
  }

  /** The code point behind an escape whose letter has been read. */
  private character(char: string): number {
    const digits = { x: 2, u: 4, U: 8 }[char];
    if (digits !== undefined) {
      const hex = this.text.slice(this.at, this.at + digits);
      if (!new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(hex)) throw this.error(`incomplete escape \\${char}`);
      this.at += digits;
      return Number.parseInt(hex, 16);
    }
    if (/[0-7]/.test(char)) {
      const octal = /^[0-7]{0,2}/.exec(this.text.slice(this.at))![0];
      this.at += octal.length;
      return Number.parseInt(char + octal, 8) & 0xff;
    }
    const known = CHARACTERS[char];
    if (known !== undefined) return known;
    if (char === '') throw this.error('bad escape (end of pattern)');
    if (/[A-Za-z0-9]/.test(char)) throw this.error(`bad escape \\${char}`);
    return char.codePointAt(0)!;
  }

  private set(scope: Scope): string {
    const negated = this.take('^');
    const items: string[] = [];
    for (let first = true; ; first = false) {
      const char = this.char();
      if (char === '') throw this.error('unterminated character set');
      if (char === ']' && !first) break;
      items.push(this.setItem(char, scope));
    }
    return `[${negated ? '^' : ''}${items.join('')}]`;
  }

  private setItem(char: string, scope: Scope): string {
    const from = this.setCharacter(char, scope);
    if (typeof from === 'string') return from;
    if (this.text[this.at] !== '-' || this.text[this.at + 1] === ']') return this.setRange(from, from, scope);
    this.at++;
    const to = this.setCharacter(this.char(), scope);
    if (typeof to === 'string') return `${this.setRange(from, from, scope)}${point('-')}${to}`;
    if (to < from) throw this.error('bad character range');
    return this.setRange(from, to, scope);
  }

  private setCharacter(char: string, scope: Scope): number | string {
    if (char === '') throw this.error('unterminated character set');
    if (char !== '\\') return char.codePointAt(0)!;
    const escaped = this.char();
    if (escaped === 'b') return 8;
    return this.classEscape(escaped, scope) ?? this.character(escaped);
  }

  private setRange(from: number, to: number, scope: Scope): string {
    const range = (a: number, b: number) => (a === b ? code(a) : `${code(a)}-${code(b)}`);
    if (!this.spellCases || !scope.i) return range(from, to);
    const overlap = (low: number, high: number, shift: number) => {
      const [a, b] = [Math.max(from, low), Math.min(to, high)];
      return a <= b ? range(a + shift, b + shift) : '';
    };
    return range(from, to) + overlap(0x41, 0x5a, 32) + overlap(0x61, 0x7a, -32);
  }
}

const point = (char: string) => (/^[A-Za-z0-9]$/.test(char) ? char : code(char.codePointAt(0)!));

const code = (point: number) => `\\u{${point.toString(16)}}`;
