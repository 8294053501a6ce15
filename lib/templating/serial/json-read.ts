import { Float, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { makeFloat, normalizeInteger } from '../python/numbers.ts';

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y;
const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;

const WORDS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', new Float(Number.NaN)],
  ['Infinity', new Float(Number.POSITIVE_INFINITY)],
  ['-Infinity', new Float(Number.NEGATIVE_INFINITY)],
]);

/** Python's json.loads: 1.0 stays a float, large integers stay exact. */
export function readJson(text: string): Value {
  const reader = new JsonReader(text);
  return reader.document();
}

class JsonReader {
  private readonly text: string;
  private pos = 0;

  constructor(text: string) {
    this.text = text;
  }

  document(): Value {
    const value = this.value();
    this.skip();
    if (this.pos < this.text.length) throw this.error('more text follows the value');
    return value;
  }

  private error(what: string): Error {
    const line = this.text.slice(0, this.pos).split('\n').length;
    const found =
      this.pos < this.text.length ? `at "${this.text.slice(this.pos, this.pos + 20)}"` : 'at its end';
    return fault(`the JSON text is not valid: ${what} (line ${line}, ${found})`);
  }

  private skip(): void {
    SPACE.lastIndex = this.pos;
    SPACE.test(this.text);
    this.pos = SPACE.lastIndex;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.pos;
    const match = pattern.exec(this.text);
    if (match) this.pos = pattern.lastIndex;
    return match;
  }

  private value(): Value {
    this.skip();
    switch (this.text[this.pos]) {
      case '"':
        return this.string();
      case '{':
        return this.object();
      case '[':
        return this.array();
      case undefined:
        throw this.error('a value is missing');
    }
    for (const [word, value] of WORDS) {
      if (!this.text.startsWith(word, this.pos)) continue;
      this.pos += word.length;
      return value;
    }
    return this.number();
  }

  private number(): Value {
    const match = this.match(NUMBER);
    if (!match) throw this.error('expected a value');
    const isInteger = match[1] === undefined && match[2] === undefined;
    return isInteger ? normalizeInteger(BigInt(match[0])) : makeFloat(Number(match[0]));
  }

  private string(): string {
    const match = this.match(STRING);
    if (!match) throw this.error('a string is never closed, or holds a control character');
    return match[0].includes('\\') ? (JSON.parse(match[0]) as string) : match[0].slice(1, -1);
  }

  private take(char: string): boolean {
    this.skip();
    if (this.text[this.pos] !== char) return false;
    this.pos++;
    return true;
  }

  private array(): Value {
    const items: Value[] = [];
    this.take('[');
    if (this.take(']')) return items;
    do items.push(this.value());
    while (this.take(','));
    if (!this.take(']')) throw this.error('expected "," or "]"');
    return items;
  }

  private object(): Value {
    const dict = new Map<Value, Value>();
    this.take('{');
    if (this.take('}')) return dict;
    do {
      this.skip();
      if (this.text[this.pos] !== '"') throw this.error('expected a key in double quotes');
      const key = this.string();
      if (!this.take(':')) throw this.error('expected ":"');
      dict.set(key, this.value());
    } while (this.take(','));
    if (!this.take('}')) throw this.error('expected "," or "}"');
    return dict;
  }
}
