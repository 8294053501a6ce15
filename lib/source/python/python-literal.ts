import { Tuple, type Value } from '../value.ts';
import { floatValue } from '../yaml/scalar.ts';

/** The names that are values in a literal. */
type Words = Readonly<Record<string, Value>>;

const PYTHON_WORDS: Words = { True: true, False: false, None: null };

/** Values in INI inventories are Python literals where they can be: `5`, `True`, `['a', 1]`. Undefined for other text. */
export function parsePythonLiteral(text: string, words: Words = PYTHON_WORDS): Value | undefined {
  const reader = new Reader(text, words);
  try {
    const value = reader.tupleOrValue();
    return reader.atEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

/**
 * Text that came out of a template and looks like a list, a mapping or a truth value is one, in Python's spelling or
 * in JSON's. Undefined for other text.
 */
export function parseStructure(text: string): Value | undefined {
  if (text === 'True' || text === 'False') return text === 'True';
  return /^[[{]/.test(text) ? parsePythonLiteral(text, TEMPLATE_WORDS) : undefined;
}

const TEMPLATE_WORDS: Words = { ...PYTHON_WORDS, true: true, false: false, null: null };

class NoLiteral extends Error {}

const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][-+]?\d(?:_?\d)*)?/y;
const WORD = /[A-Za-z_]\w*/y;
const STRING = /([rRbBuU]{0,2})('''|"""|'|")/y;
const MAX_DEPTH = 100;

class Reader {
  private readonly text: string;
  private readonly words: Words;
  private at = 0;
  private depth = 0;

  constructor(text: string, words: Words) {
    this.text = text;
    this.words = words;
  }

  atEnd(): boolean {
    this.skip();
    return this.at >= this.text.length;
  }

  /** `1, 2` without parentheses is a tuple. */
  tupleOrValue(): Value {
    const first = this.value();
    if (!this.take(',')) return first;
    return new Tuple([first, ...this.items('')]);
  }

  private skip(): void {
    const blank = /(?:[ \t\f\n]|#.*$)*/my;
    blank.lastIndex = this.at;
    this.at += blank.exec(this.text)?.[0].length ?? 0;
  }

  private take(token: string): boolean {
    this.skip();
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (!match || match[0] === '') return undefined;
    this.at += match[0].length;
    return match;
  }

  private value(): Value {
    this.skip();
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new NoLiteral();
    let value = this.container();
    // `(None)` is a value, and null.
    if (value === undefined) value = this.texts() ?? this.signed() ?? this.word();
    this.depth -= 1;
    if (value === undefined) throw new NoLiteral();
    return value;
  }

  private container(): Value | undefined {
    if (this.take('[')) return this.items(']');
    if (this.take('(')) return this.parenthesis();
    return this.take('{') ? this.braces() : undefined;
  }

  private parenthesis(): Value {
    if (this.take(')')) return new Tuple([]);
    const first = this.value();
    if (this.take(')')) return first;
    if (!this.take(',')) throw new NoLiteral();
    return new Tuple([first, ...this.items(')')]);
  }

  private items(close: string): Value[] {
    const items: Value[] = [];
    while (!this.closes(close)) {
      items.push(this.value());
      if (this.take(',')) continue;
      if (!this.closes(close)) throw new NoLiteral();
      break;
    }
    return items;
  }

  private closes(close: string): boolean {
    return close === '' ? this.atEnd() : this.take(close);
  }

  /** A mapping, or a set, which becomes a list. */
  private braces(): Value {
    if (this.take('}')) return new Map();
    const first = this.value();
    if (!this.take(':')) return this.set(first);
    const dict = new Map<Value, Value>([[keyOf(first), this.value()]]);
    while (this.take(',') && !this.peek('}')) {
      const key = keyOf(this.value());
      if (!this.take(':')) throw new NoLiteral();
      dict.set(key, this.value());
    }
    if (!this.take('}')) throw new NoLiteral();
    return dict;
  }

  private set(first: Value): Value {
    keyOf(first);
    if (this.take(',')) return [first, ...this.items('}').map(keyOf)];
    if (!this.take('}')) throw new NoLiteral();
    return [first];
  }

  private peek(token: string): boolean {
    this.skip();
    return this.text.startsWith(token, this.at);
  }

  /** Strings side by side are one. */
  private texts(): string | undefined {
    let text: string | undefined;
    for (let match = this.match(STRING); match; match = this.match(STRING)) {
      text = (text ?? '') + this.string(match[1] ?? '', match[2] ?? '');
      this.skip();
    }
    return text;
  }

  private string(prefix: string, quote: string): string {
    const raw = /r/i.test(prefix);
    const start = this.at;
    for (; this.at < this.text.length; this.at += 1) {
      if (this.text.startsWith(quote, this.at)) {
        const body = this.text.slice(start, this.at);
        this.at += quote.length;
        return raw ? body : decodeEscapes(body);
      }
      if (this.text[this.at] === '\n' && quote.length === 1) break;
      if (this.text[this.at] === '\\') this.at += 1;
    }
    throw new NoLiteral();
  }

  private signed(): Value | undefined {
    const sign = this.take('-') ? -1 : 1;
    return sign < 0 || this.take('+') ? this.operand(sign) : this.number(sign);
  }

  /** What follows a sign: a number, which may stand in parentheses. */
  private operand(sign: 1 | -1): Value {
    const inside = this.take('(');
    const value = inside ? this.operand(sign) : this.number(sign);
    if (value === undefined || (inside && !this.take(')'))) throw new NoLiteral();
    return value;
  }

  private number(sign: 1 | -1): Value | undefined {
    this.skip();
    const digits = this.match(NUMBER)?.[0].replaceAll('_', '');
    if (digits === undefined) return undefined;
    if (/[\w.]/.test(this.text[this.at] ?? '') || (/^0\d+$/.test(digits) && /[1-9]/.test(digits)))
      throw new NoLiteral();
    if (!/^0[xXoObB]|^\d+$/.test(digits)) return floatValue(sign * Number(digits));
    return sign < 0 ? negative(integer(digits)) : integer(digits);
  }

  private word(): Value | undefined {
    const word = this.match(WORD)?.[0] ?? '';
    return Object.hasOwn(this.words, word) ? this.words[word] : undefined;
  }
}

function integer(digits: string): number | bigint {
  const exact = BigInt(digits);
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}

function negative(size: number | bigint): number | bigint {
  return size === 0 ? 0 : -size;
}

function keyOf(key: Value): Value {
  if (key instanceof Map || Array.isArray(key)) throw new NoLiteral();
  return key;
}

function decodeEscapes(body: string): string {
  const simple: Readonly<Record<string, string>> = {
    n: '\n',
    t: '\t',
    r: '\r',
    a: '\x07',
    b: '\b',
    f: '\f',
    v: '\v',
    '\n': '',
  };
  return body.replace(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|[\s\S])/g,
    (all, code: string) => {
      if (/^[xuU]./.test(code)) return codePoint(Number.parseInt(code.slice(1), 16), all);
      if (/^[0-7]/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8));
      return simple[code] ?? (/['"\\]/.test(code) ? code : all);
    },
  );
}

const codePoint = (code: number, otherwise: string) =>
  code <= 0x10ffff ? String.fromCodePoint(code) : otherwise;
