import { Fault, type Site, type Source } from '../fault.ts';
import type { Token, TokenKind } from './tokens.ts';

/** Deeper nesting than any author writes; a limit instead of an exhausted stack. */
const MAX_DEPTH = 150;

/** The tokens of one template, read from front to back. */
export class TokenStream {
  readonly source: Source;
  private readonly tokens: readonly Token[];
  private index = 0;
  private depth = 0;

  constructor(source: Source, tokens: readonly Token[]) {
    this.source = source;
    this.tokens = tokens;
  }

  get current(): Token {
    return this.tokens[this.index] as Token;
  }

  /** The token after the current one. */
  get ahead(): Token {
    return (this.tokens[this.index + 1] ?? this.current) as Token;
  }

  get previousEnd(): number {
    return this.tokens[this.index - 1]?.end ?? 0;
  }

  next(): Token {
    const token = this.current;
    if (token.kind !== 'eof') this.index++;
    return token;
  }

  is(kind: TokenKind, text?: string): boolean {
    const { current } = this;
    return current.kind === kind && (text === undefined || current.text === text);
  }

  isOperator(text: string): boolean {
    return this.is('operator', text);
  }

  isName(...names: readonly string[]): boolean {
    return this.current.kind === 'name' && names.includes(this.current.text);
  }

  /** Takes the token when it is the given one. */
  skip(kind: TokenKind, text?: string): boolean {
    if (!this.is(kind, text)) return false;
    this.next();
    return true;
  }

  skipOperator(text: string): boolean {
    return this.skip('operator', text);
  }

  skipName(text: string): boolean {
    return this.skip('name', text);
  }

  expect(kind: TokenKind, text?: string): Token {
    if (!this.is(kind, text)) throw this.unexpected(text ? `"${text}"` : describeKind(kind));
    return this.next();
  }

  expectOperator(text: string): Token {
    return this.expect('operator', text);
  }

  /** The stretch from `start` to the end of the last token taken. */
  site(start: number): Site {
    return { source: this.source, start, end: Math.max(start, this.previousEnd) };
  }

  /** Runs one nested production; refuses nesting that would exhaust the stack. */
  nested<T>(parse: () => T): T {
    if (++this.depth > MAX_DEPTH) throw this.fail('the template is nested too deeply');
    const result = parse();
    this.depth--;
    return result;
  }

  unexpected(wanted?: string): Fault {
    const { current } = this;
    const found = current.kind === 'eof' ? 'end of the text' : describe(current);
    const hint = current.text === '=' ? '"==" compares' : undefined;
    return this.fail(`unexpected ${found}${wanted ? `, expected ${wanted}` : ''}`, current, hint);
  }

  fail(message: string, token: Token = this.current, hint?: string): Fault {
    const site = { source: this.source, start: token.start, end: Math.max(token.end, token.start) };
    return new Fault('TEMPLATE_SYNTAX', message, { site, hint });
  }
}

function describe(token: Token): string {
  switch (token.kind) {
    case 'string':
      return 'a string';
    case 'data':
      return 'text';
    default:
      return `"${token.text}"`;
  }
}

function describeKind(kind: TokenKind): string {
  switch (kind) {
    case 'name':
      return 'a name';
    case 'variable_end':
    case 'block_end':
      return 'the end of the tag';
    case 'eof':
      return 'the end of the expression';
    default:
      return `a ${kind}`;
  }
}
