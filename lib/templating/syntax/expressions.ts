import type { Value } from '../../source/value.ts';
import type { Args, BinaryOperator, CompareOperator, Expr } from './ast.ts';
import type { TokenStream } from './stream.ts';

export const NO_ARGS: Args = { positional: [], named: [], star: undefined, doubleStar: undefined };

const CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);

/** An expression with inline `if`, the widest one that is not a tuple. */
export function parseExpression(stream: TokenStream, withChoice = true): Expr {
  return stream.nested(() => (withChoice ? parseChoice(stream) : parseOr(stream)));
}

function parseChoice(stream: TokenStream): Expr {
  const { start } = stream.current;
  let node = parseOr(stream);
  while (stream.skipName('if')) {
    const test = parseOr(stream);
    const otherwise = stream.skipName('else') ? stream.nested(() => parseChoice(stream)) : undefined;
    node = { kind: 'choice', test, chosen: node, otherwise, site: stream.site(start) };
  }
  return node;
}

function parseOr(stream: TokenStream): Expr {
  const { start } = stream.current;
  let left = parseAnd(stream);
  while (stream.skipName('or'))
    left = { kind: 'or', left, right: parseAnd(stream), site: stream.site(start) };
  return left;
}

function parseAnd(stream: TokenStream): Expr {
  const { start } = stream.current;
  let left = parseNot(stream);
  while (stream.skipName('and'))
    left = { kind: 'and', left, right: parseNot(stream), site: stream.site(start) };
  return left;
}

function parseNot(stream: TokenStream): Expr {
  const { start } = stream.current;
  if (!stream.skipName('not')) return parseCompare(stream);
  const operand = stream.nested(() => parseNot(stream));
  return { kind: 'not', operand, site: stream.site(start) };
}

function comparison(stream: TokenStream): CompareOperator | undefined {
  const { current } = stream;
  if (current.kind === 'operator' && COMPARISONS.has(current.text))
    return stream.next().text as CompareOperator;
  if (stream.skipName('in')) return 'in';
  if (stream.isName('not') && stream.ahead.kind === 'name' && stream.ahead.text === 'in') {
    stream.next();
    stream.next();
    return 'not in';
  }
  return undefined;
}

function parseCompare(stream: TokenStream): Expr {
  const { start } = stream.current;
  const first = parseSum(stream);
  const rest: { operator: CompareOperator; operand: Expr }[] = [];
  for (let operator = comparison(stream); operator; operator = comparison(stream)) {
    rest.push({ operator, operand: parseSum(stream) });
  }
  return rest.length === 0 ? first : { kind: 'compare', first, rest, site: stream.site(start) };
}

function binary(
  stream: TokenStream,
  operators: readonly BinaryOperator[],
  operand: (stream: TokenStream) => Expr,
): Expr {
  const { start } = stream.current;
  let left = operand(stream);
  for (;;) {
    const operator = operators.find(o => stream.isOperator(o));
    if (!operator) return left;
    stream.next();
    left = { kind: 'binary', operator, left, right: operand(stream), site: stream.site(start) };
  }
}

function parseSum(stream: TokenStream): Expr {
  return binary(stream, ['+', '-'], parseConcat);
}

function parseConcat(stream: TokenStream): Expr {
  const { start } = stream.current;
  const items = [parseProduct(stream)];
  while (stream.skipOperator('~')) items.push(parseProduct(stream));
  return items.length === 1 ? (items[0] as Expr) : { kind: 'concat', items, site: stream.site(start) };
}

function parseProduct(stream: TokenStream): Expr {
  return binary(stream, ['*', '/', '//', '%'], parsePower);
}

function parsePower(stream: TokenStream): Expr {
  return binary(stream, ['**'], s => parseUnary(s, true));
}

function parseUnary(stream: TokenStream, withFilters: boolean): Expr {
  const { start, text } = stream.current;
  let node: Expr;
  if (stream.isOperator('-') || stream.isOperator('+')) {
    stream.next();
    const operand = stream.nested(() => parseUnary(stream, false));
    node = { kind: 'unary', operator: text as '+' | '-', operand, site: stream.site(start) };
  } else node = parsePrimary(stream);
  node = parsePostfix(stream, node, start);
  return withFilters ? parseFilters(stream, node, start) : node;
}

function parsePrimary(stream: TokenStream): Expr {
  const token = stream.current;
  switch (token.kind) {
    case 'name': {
      stream.next();
      const value = CONSTANTS.get(token.text);
      if (value !== undefined) return { kind: 'const', value, site: stream.site(token.start) };
      return { kind: 'name', name: token.text, site: stream.site(token.start) };
    }
    case 'string':
      return parseString(stream);
    case 'number':
      stream.next();
      return { kind: 'const', value: token.value ?? null, site: stream.site(token.start) };
    default:
      return parseBracketed(stream);
  }
}

/** Adjacent literals are one string. */
function parseString(stream: TokenStream): Expr {
  const { start } = stream.current;
  let value = '';
  while (stream.is('string')) value += stream.next().text;
  return { kind: 'const', value, site: stream.site(start) };
}

function parseBracketed(stream: TokenStream): Expr {
  const { start } = stream.current;
  if (stream.skipOperator('(')) {
    const inner = parseTuple(stream, { explicit: true, ends: [')'] });
    stream.expectOperator(')');
    return { ...inner, site: stream.site(start) };
  }
  if (stream.skipOperator('[')) {
    const items = commaSeparated(stream, ']', () => parseExpression(stream));
    return { kind: 'list', items, site: stream.site(start) };
  }
  if (stream.skipOperator('{')) {
    const pairs = commaSeparated(stream, '}', (): [Expr, Expr] => {
      const key = parseExpression(stream);
      stream.expectOperator(':');
      return [key, parseExpression(stream)];
    });
    return { kind: 'dict', pairs, site: stream.site(start) };
  }
  throw stream.unexpected('an expression');
}

/** Items up to the closing operator, which is taken; a comma after the last is allowed. */
function commaSeparated<T>(stream: TokenStream, close: string, item: () => T): T[] {
  const items: T[] = [];
  while (!stream.isOperator(close)) {
    if (items.length > 0) stream.expectOperator(',');
    if (stream.isOperator(close)) break;
    items.push(item());
  }
  stream.expectOperator(close);
  return items;
}

export interface TupleRules {
  /** Empty tuples are allowed (inside parentheses). */
  readonly explicit?: boolean;
  /** Operators and names that end the list. */
  readonly ends?: readonly string[];
  readonly withChoice?: boolean;
}

/** One expression, or a tuple when commas follow. */
export function parseTuple(stream: TokenStream, rules: TupleRules = {}): Expr {
  const { start } = stream.current;
  const items: Expr[] = [];
  let isTuple = false;
  while (!endsTuple(stream, rules.ends ?? [])) {
    items.push(parseExpression(stream, rules.withChoice ?? true));
    if (!stream.isOperator(',')) break;
    isTuple = true;
    stream.next();
  }
  if (!isTuple && items[0]) return items[0];
  if (items.length === 0 && !rules.explicit) throw stream.unexpected('an expression');
  return { kind: 'tuple', items, site: stream.site(start) };
}

function endsTuple(stream: TokenStream, ends: readonly string[]): boolean {
  const { kind, text } = stream.current;
  if (kind === 'variable_end' || kind === 'block_end' || kind === 'eof') return true;
  return (kind === 'operator' || kind === 'name') && ends.includes(text);
}

function parsePostfix(stream: TokenStream, object: Expr, start: number): Expr {
  let node = object;
  for (;;) {
    if (stream.skipOperator('.')) node = parseAttribute(stream, node, start);
    else if (stream.skipOperator('[')) node = parseSubscript(stream, node, start);
    else if (stream.isOperator('(')) {
      node = { kind: 'call', callee: node, args: parseArgs(stream), site: stream.site(start) };
    } else return node;
  }
}

function parseAttribute(stream: TokenStream, object: Expr, start: number): Expr {
  const token = stream.next();
  if (token.kind === 'name') return { kind: 'attribute', object, name: token.text, site: stream.site(start) };
  if (token.kind !== 'number' || token.value === undefined || !/^\d+$/.test(token.text)) {
    throw stream.fail('expected a name after the dot', token);
  }
  const site = { ...stream.site(token.start) };
  return {
    kind: 'item',
    object,
    index: { kind: 'const', value: token.value, site },
    site: stream.site(start),
  };
}

function parseSubscript(stream: TokenStream, object: Expr, start: number): Expr {
  const items: (Expr | readonly (Expr | undefined)[])[] = [];
  while (!stream.isOperator(']')) {
    if (items.length > 0) stream.expectOperator(',');
    items.push(parseSliceOrIndex(stream));
  }
  stream.expectOperator(']');
  const first = items[0];
  const site = stream.site(start);
  if (!first || items.length > 1) {
    if (items.some(i => Array.isArray(i)))
      throw stream.fail('a slice can not be combined with other indexes');
    return { kind: 'item', object, index: { kind: 'tuple', items: items as Expr[], site }, site };
  }
  if (isSlice(first)) return { kind: 'slice', object, parts: first, site };
  return { kind: 'item', object, index: first, site };
}

function isSlice(part: Expr | readonly (Expr | undefined)[]): part is readonly (Expr | undefined)[] {
  return Array.isArray(part);
}

function parseSliceOrIndex(stream: TokenStream): Expr | readonly (Expr | undefined)[] {
  const parts: (Expr | undefined)[] = [];
  let isSliced = false;
  for (;;) {
    const ends = stream.isOperator(':') || stream.isOperator(']') || stream.isOperator(',');
    parts.push(ends ? undefined : parseExpression(stream));
    if (parts.length === 3 || !stream.skipOperator(':')) break;
    isSliced = true;
  }
  if (isSliced) return parts;
  const [index] = parts;
  if (!index) throw stream.unexpected('an index');
  return index;
}

/** The arguments of a call, parentheses included. */
export function parseArgs(stream: TokenStream): Args {
  stream.expectOperator('(');
  const positional: Expr[] = [];
  const named: [string, Expr][] = [];
  let star: Expr | undefined;
  let doubleStar: Expr | undefined;
  commaSeparated(stream, ')', () => {
    const token = stream.current;
    if (stream.skipOperator('**')) doubleStar = parseExpression(stream);
    else if (stream.skipOperator('*')) star = parseExpression(stream);
    else if (token.kind === 'name' && stream.ahead.kind === 'operator' && stream.ahead.text === '=') {
      stream.next();
      stream.next();
      named.push([token.text, parseExpression(stream)]);
    } else {
      if (named.length > 0 || doubleStar) throw stream.fail('a positional argument follows a named one');
      positional.push(parseExpression(stream));
    }
  });
  return { positional, named, star, doubleStar };
}

/** `| name(args)` and `is name args`, as often as they follow. */
function parseFilters(stream: TokenStream, object: Expr, start: number): Expr {
  let node = object;
  for (;;) {
    if (stream.skipOperator('|')) {
      const name = parseDottedName(stream);
      const args = stream.isOperator('(') ? parseArgs(stream) : NO_ARGS;
      node = { kind: 'filter', name, object: node, args, site: stream.site(start) };
    } else if (stream.skipName('is')) node = parseTest(stream, node, start);
    else if (stream.isOperator('(')) {
      node = { kind: 'call', callee: node, args: parseArgs(stream), site: stream.site(start) };
    } else return node;
  }
}

export function parseDottedName(stream: TokenStream): string {
  let name = stream.expect('name').text;
  while (stream.skipOperator('.')) name += `.${stream.expect('name').text}`;
  return name;
}

function parseTest(stream: TokenStream, object: Expr, start: number): Expr {
  const negated = stream.skipName('not');
  const name = parseDottedName(stream);
  const args = parseTestArgs(stream);
  const test: Expr = { kind: 'test', name, object, args, site: stream.site(start) };
  return negated ? { kind: 'not', operand: test, site: test.site } : test;
}

function parseTestArgs(stream: TokenStream): Args {
  if (stream.isOperator('(')) return parseArgs(stream);
  const { kind, text } = stream.current;
  if (kind === 'name' && text === 'is')
    throw stream.fail('tests can not be chained', undefined, 'use "and" or "or"');
  const begins =
    (kind === 'name' && !['else', 'or', 'and', 'if', 'in', 'not'].includes(text)) ||
    kind === 'string' ||
    kind === 'number' ||
    (kind === 'operator' && (text === '[' || text === '{'));
  if (!begins) return NO_ARGS;
  const { start } = stream.current;
  return { ...NO_ARGS, positional: [parsePostfix(stream, parsePrimary(stream), start)] };
}
