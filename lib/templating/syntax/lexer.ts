import { escapeRegExp } from '../../source/escape-regexp.ts';
import { jsonText } from '../../source/json.ts';
import { Float } from '../../source/value.ts';
import { Fault, type Source } from '../fault.ts';
import { normalizeInteger } from '../python/numbers.ts';
import { resolveEscapes } from './escapes.ts';
import type { LexOptions, Token, TokenKind } from './tokens.ts';

const WHITESPACE = /\s+/y;
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const INTEGER = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;
const OPERATOR = /\/\/|\*\*|==|!=|<=|>=|[-+/*%~[\](){}<>=.:|,;]/y;

/** The end of a line statement; a colon may stand there as in Python. */
const LINE_END = /[^\S\n]*:?\s*(?:\n|$)/my;

type TagKind = 'variable' | 'block' | 'comment';

interface Opening {
  readonly kind: TagKind | 'line' | 'line_comment';
  readonly text: string;
  /** Finds one that is not a fixed text. */
  readonly pattern?: RegExp;
  at: number;
  /** Where it ends. */
  end: number;
}

/** Splits a template into tokens; text between tags comes as `data` with whitespace control applied. */
export function lexTemplate(source: Source, options: LexOptions): Token[] {
  return new Lexer(source, options).template();
}

/** Splits a bare expression into tokens. */
export function lexExpression(source: Source, options: LexOptions): Token[] {
  return new Lexer(source, options).expression();
}

/** What begins a tag, the longest first. */
function openingsOf({ delimiters, lineStatement, lineComment }: LexOptions): Opening[] {
  const opening = (kind: Opening['kind'], text: string, pattern?: RegExp): Opening => ({
    kind,
    text,
    ...(pattern && { pattern }),
    at: -1,
    end: -1,
  });
  const openings = [
    opening('variable', delimiters.variableStart),
    opening('block', delimiters.blockStart),
    opening('comment', delimiters.commentStart),
  ];
  if (lineStatement !== undefined) {
    const pattern = new RegExp(`(?<![^\\n])[ \\t\\v]*${escapeRegExp(lineStatement)}`, 'g');
    openings.push(opening('line', lineStatement, pattern));
  }
  if (lineComment !== undefined) {
    const pattern = new RegExp(`(?:(?<![^\\n])|(?<=\\S))[^\\S\\r\\n]*${escapeRegExp(lineComment)}`, 'g');
    openings.push(opening('line_comment', lineComment, pattern));
  }
  return openings.sort((a, b) => b.text.length - a.text.length);
}

class Lexer {
  private readonly source: Source;
  private readonly text: string;
  private readonly options: LexOptions;
  private readonly tokens: Token[] = [];
  private readonly openings: readonly Opening[];
  private pos = 0;
  /** The data before `pos` ended a line, so whitespace that follows begins one. */
  private atLineStart = true;

  constructor(source: Source, options: LexOptions) {
    this.source = source;
    this.text = source.text;
    this.options = options;
    this.openings = openingsOf(options);
  }

  template(): Token[] {
    const end = this.text.endsWith('\n') ? this.text.length - 1 : this.text.length;
    while (this.pos < end) {
      const opening = this.nextOpening();
      if (!opening) {
        this.data(this.text.slice(this.pos, end), this.pos);
        break;
      }
      this.tag(opening);
    }
    this.push('eof', '', this.text.length);
    return this.tokens;
  }

  expression(): Token[] {
    const depth: string[] = [];
    while (this.pos < this.text.length) this.inner(undefined, depth);
    this.push('eof', '', this.text.length);
    return this.tokens;
  }

  /** The next tag. Where each kind comes next is remembered: the text is searched once for each, not at every tag. */
  private nextOpening(): Opening | undefined {
    let best: Opening | undefined;
    for (const opening of this.openings) {
      if (opening.at < this.pos) {
        const [found, length] = this.find(opening);
        opening.at = found < 0 ? Number.POSITIVE_INFINITY : found;
        opening.end = found + length;
      }
      if (opening.at < (best?.at ?? Number.POSITIVE_INFINITY)) best = opening;
    }
    return best;
  }

  /** Where an opening comes next, and its length. */
  private find({ text, pattern }: Opening): readonly [number, number] {
    if (!pattern) return [this.text.indexOf(text, this.pos), text.length];
    pattern.lastIndex = this.pos;
    const found = pattern.exec(this.text);
    return found ? [found.index, found[0].length] : [-1, 0];
  }

  private tag(opening: Opening): void {
    const { kind, at, end: begin } = opening;
    if (kind === 'line' || kind === 'line_comment') {
      this.data(this.text.slice(this.pos, at), this.pos);
      this.pos = begin;
      if (kind === 'line') this.lineStatement(opening);
      else this.lineComment();
      return;
    }
    const sign = this.text[begin] === '-' || this.text[begin] === '+' ? this.text[begin] : '';
    const before = this.trimBefore(this.text.slice(this.pos, at), sign ?? '', kind);
    this.data(before, this.pos);
    this.pos = begin + (sign ? 1 : 0);
    if (kind === 'comment') {
      this.comment(at);
      return;
    }
    if (kind === 'block' && this.raw(at)) return;
    this.push(`${kind}_begin`, opening.text, at, this.pos);
    this.untilEnd(kind, at);
  }

  private trimBefore(data: string, sign: string, kind: TagKind): string {
    if (sign === '-') return data.trimEnd();
    if (sign === '+' || !this.options.lstripBlocks || kind === 'variable') return data;
    const lineStart = data.lastIndexOf('\n') + 1;
    if (lineStart === 0 && !this.atLineStart) return data;
    return data.slice(lineStart).trim() === '' ? data.slice(0, lineStart) : data;
  }

  private comment(at: number): void {
    const closing = this.options.delimiters.commentEnd;
    const end = this.text.indexOf(closing, this.pos);
    if (end < 0) throw this.error('the comment is never closed', at, at + 2, `close it with ${closing}`);
    const sign = end > this.pos ? (this.text[end - 1] ?? '') : '';
    this.afterTag(end + closing.length, sign, this.options.trimBlocks);
  }

  /** `{% raw %}…{% endraw %}`: everything inside is text. */
  private raw(at: number): boolean {
    const { blockStart, blockEnd } = this.options.delimiters;
    const [open, close] = [escapeRegExp(blockStart), escapeRegExp(blockEnd)];
    const begin = new RegExp(`\\s*raw\\s*(?:-${close}\\s*|${close})`, 'y');
    begin.lastIndex = this.pos;
    const head = begin.exec(this.text);
    if (!head) return false;
    const trim = this.options.trimBlocks ? '\\n?' : '';
    const tail = new RegExp(`${open}([-+]?)\\s*endraw\\s*(?:\\+${close}|-${close}\\s*|${close}${trim})`, 'g');
    tail.lastIndex = begin.lastIndex;
    const end = tail.exec(this.text);
    if (!end)
      throw this.error('the raw block is never closed', at, begin.lastIndex, 'close it with {% endraw %}');
    const body = this.text.slice(begin.lastIndex, end.index);
    this.data(this.trimBefore(body, end[1] ?? '', 'block'), begin.lastIndex);
    this.pos = tail.lastIndex;
    this.atLineStart = end[0].endsWith('\n');
    return true;
  }

  private lineStatement({ text, at }: Opening): void {
    this.push('block_begin', text, at);
    const depth: string[] = [];
    while (this.pos < this.text.length) {
      const start = this.pos;
      if (depth.length === 0 && this.match(LINE_END) !== undefined) {
        this.push('block_end', '', start);
        this.atLineStart = true;
        return;
      }
      this.inner('block', depth);
    }
    if (depth.length > 0) throw this.error('the line statement is never closed', at, at + text.length);
    this.push('block_end', '', this.pos);
  }

  /** The newline after it stays. */
  private lineComment(): void {
    const end = this.text.indexOf('\n', this.pos);
    this.pos = end < 0 ? this.text.length : end;
    this.atLineStart = false;
  }

  private untilEnd(kind: 'variable' | 'block', at: number): void {
    const { delimiters } = this.options;
    const closing = kind === 'variable' ? delimiters.variableEnd : delimiters.blockEnd;
    const depth: string[] = [];
    while (this.pos < this.text.length) {
      if (depth.length === 0 && this.close(kind, closing)) return;
      this.inner(kind, depth);
    }
    const name = kind === 'variable' ? 'expression' : 'block';
    throw this.error(`the ${name} is never closed`, at, at + 2, `close it with ${closing}`);
  }

  private close(kind: 'variable' | 'block', closing: string): boolean {
    const start = this.pos;
    let sign = '';
    if (!this.text.startsWith(closing, start)) {
      sign = this.text[start] ?? '';
      const signs = kind === 'block' ? '-+' : '-';
      if (sign === '' || !signs.includes(sign) || !this.text.startsWith(closing, start + 1)) return false;
    }
    const end = start + sign.length + closing.length;
    this.push(`${kind}_end`, closing, start, end);
    this.afterTag(end, sign, kind === 'block' && this.options.trimBlocks);
    return true;
  }

  private afterTag(end: number, sign: string, trim: boolean): void {
    this.pos = end;
    if (sign === '-') {
      WHITESPACE.lastIndex = end;
      if (WHITESPACE.test(this.text)) this.pos = WHITESPACE.lastIndex;
    } else if (trim && sign !== '+' && this.text[end] === '\n') this.pos = end + 1;
    this.atLineStart = this.text[this.pos - 1] === '\n' && this.pos > end;
  }

  /** One token inside a tag or an expression. */
  private inner(kind: 'variable' | 'block' | undefined, depth: string[]): void {
    const start = this.pos;
    if (this.match(WHITESPACE) !== undefined) return;
    const float = this.match(FLOAT);
    if (float !== undefined) {
      const number = Number(float.replaceAll('_', ''));
      const value = Number.isInteger(number) || !Number.isFinite(number) ? new Float(number) : number;
      this.tokens.push({ kind: 'number', text: float, value, start, end: this.pos });
      return;
    }
    const integer = this.match(INTEGER);
    if (integer !== undefined) {
      const value = normalizeInteger(BigInt(integer.replaceAll('_', '')));
      this.tokens.push({ kind: 'number', text: integer, value, start, end: this.pos });
      return;
    }
    const name = this.match(NAME);
    if (name !== undefined) {
      this.push('name', name, start);
      return;
    }
    const string = this.match(STRING);
    if (string !== undefined) {
      this.string(string, start, kind);
      return;
    }
    const operator = this.match(OPERATOR);
    if (operator === undefined) throw this.unexpected(start);
    this.balance(operator, start, depth);
    this.push('operator', operator, start);
  }

  private string(quoted: string, start: number, kind: 'variable' | 'block' | undefined): void {
    const body = quoted.slice(1, -1);
    const raw = this.options.rawBackslashes && kind !== 'block';
    const quote = quoted[0] ?? '';
    this.push('string', raw ? body.replaceAll(`\\${quote}`, quote) : resolveEscapes(body), start);
  }

  private balance(operator: string, start: number, depth: string[]): void {
    const closer = { '(': ')', '[': ']', '{': '}' }[operator];
    if (closer) depth.push(closer);
    else if (operator === ')' || operator === ']' || operator === '}') {
      const expected = depth.pop();
      if (expected === operator) return;
      const wanted = expected ? `, expected "${expected}"` : '';
      throw this.error(`unexpected "${operator}"${wanted}`, start, start + 1);
    }
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.pos;
    const found = pattern.exec(this.text);
    if (!found) return undefined;
    this.pos = pattern.lastIndex;
    return found[0];
  }

  private data(text: string, start: number): void {
    if (text === '') return;
    this.tokens.push({ kind: 'data', text, start, end: start + text.length });
    this.atLineStart = text.endsWith('\n');
  }

  private push(kind: TokenKind, text: string, start: number, end = this.pos): void {
    this.tokens.push({ kind, text, start, end: Math.max(start, end) });
  }

  private unexpected(at: number): Fault {
    const char = String.fromCodePoint(this.text.codePointAt(at) ?? 0);
    if (char === '"' || char === "'")
      return this.error('the string is never closed', at, at + 1, `close it with ${char}`);
    return this.error(`unexpected character ${jsonText(char)}`, at, at + 1);
  }

  private error(message: string, start: number, end: number, hint?: string): Fault {
    return new Fault('TEMPLATE_SYNTAX', message, { hint, site: { source: this.source, start, end } });
  }
}
