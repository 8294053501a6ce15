import type { Source } from '../fault.ts';
import type { BlockFilter, Body, Expr, Parameters, Statement, Target } from './ast.ts';
import { NO_ARGS, parseArgs, parseDottedName, parseExpression, parseTuple } from './expressions.ts';
import { lexExpression, lexTemplate } from './lexer.ts';
import { TokenStream } from './stream.ts';
import type { LexOptions } from './tokens.ts';

/** Parses a whole template. */
export function parseTemplate(source: Source, options: LexOptions): Body {
  const stream = new TokenStream(source, lexTemplate(source, options));
  return parseBody(stream, undefined, []);
}

/** Parses a bare expression; a comma makes a tuple, as inside `{{ }}`. */
export function parseBare(source: Source, options: LexOptions): Expr {
  const stream = new TokenStream(source, lexExpression(source, options));
  const node = parseTuple(stream);
  stream.expect('eof');
  return node;
}

/** Statements up to one of the tags in `ends` (which stays current, its `{%` taken). */
function parseBody(stream: TokenStream, opener: string | undefined, ends: readonly string[]): Body {
  return stream.nested(() => {
    const body: Statement[] = [];
    for (;;) {
      const { start } = stream.current;
      if (stream.is('eof')) {
        if (opener === undefined) return body;
        throw stream.fail(
          `the "${opener}" block is never closed`,
          undefined,
          `close it with {% ${ends.at(-1)} %}`,
        );
      }
      if (stream.is('data')) body.push({ kind: 'text', text: stream.next().text, site: stream.site(start) });
      else if (stream.skip('variable_begin')) {
        const value = parseTuple(stream);
        stream.expect('variable_end');
        body.push({ kind: 'print', value, site: stream.site(start) });
      } else {
        stream.expect('block_begin');
        if (stream.isName(...ends)) return body;
        body.push(parseStatement(stream, start));
      }
    }
  });
}

type StatementParser = (stream: TokenStream, start: number) => Statement;

const PARSERS: ReadonlyMap<string, StatementParser> = new Map<string, StatementParser>([
  ['if', parseIf],
  ['for', parseFor],
  ['set', parseSet],
  ['macro', parseMacro],
  ['call', parseCallBlock],
  ['filter', parseFilterBlock],
  ['with', parseWith],
  ['include', parseInclude],
  ['import', parseImport],
  ['from', parseFrom],
  ['do', parseDo],
  ['break', parseJump],
  ['continue', parseJump],
  ['block', parseBlock],
  ['extends', parseExtends],
  ['autoescape', parseAutoescape],
]);

function parseStatement(stream: TokenStream, start: number): Statement {
  const token = stream.current;
  const parser = token.kind === 'name' ? PARSERS.get(token.text) : undefined;
  if (!parser) {
    const isEnd = token.kind === 'name' && /^(end|else$|elif$)/.test(token.text);
    const hint = isEnd ? 'there is no open block that it could belong to' : undefined;
    throw stream.fail(`unknown tag "${token.text}"`, token, hint);
  }
  stream.next();
  return parser(stream, start);
}

/** The body of a block, its end tag taken whole. */
function closedBody(stream: TokenStream, opener: string): Body {
  stream.expect('block_end');
  const body = parseBody(stream, opener, [`end${opener}`]);
  stream.next();
  // endblock and endmacro may repeat the name
  if (opener === 'block' || opener === 'macro') stream.skip('name');
  stream.expect('block_end');
  return body;
}

function parseIf(stream: TokenStream, start: number): Statement {
  const test = parseTuple(stream, { withChoice: false });
  stream.expect('block_end');
  const body = parseBody(stream, 'if', ['elif', 'else', 'endif']);
  let otherwise: Body = [];
  const { start: tag } = stream.current;
  if (stream.skipName('elif')) otherwise = [stream.nested(() => parseIf(stream, tag))];
  else {
    if (stream.skipName('else')) {
      stream.expect('block_end');
      otherwise = parseBody(stream, 'if', ['endif']);
    }
    stream.next();
    stream.expect('block_end');
  }
  return { kind: 'if', test, body, otherwise, site: stream.site(start) };
}

function parseFor(stream: TokenStream, start: number): Statement {
  const target = parseTarget(stream);
  stream.expect('name', 'in');
  const iterable = parseTuple(stream, { withChoice: false, ends: ['recursive'] });
  const test = stream.skipName('if') ? parseExpression(stream) : undefined;
  const recursive = stream.skipName('recursive');
  const site = stream.site(start);
  stream.expect('block_end');
  const body = parseBody(stream, 'for', ['else', 'endfor']);
  let otherwise: Body = [];
  if (stream.skipName('else')) {
    stream.expect('block_end');
    otherwise = parseBody(stream, 'for', ['endfor']);
  }
  stream.next();
  stream.expect('block_end');
  return { kind: 'for', target, iterable, test, recursive, body, otherwise, site };
}

function parseTarget(stream: TokenStream): Target {
  const items: Target[] = [];
  let isTuple = false;
  do {
    if (stream.skipOperator('(')) {
      items.push(parseTarget(stream));
      stream.expectOperator(')');
    } else if (stream.is('name') && !stream.isName('in')) {
      const { text: name, start } = stream.next();
      if (stream.skipOperator('.')) {
        const attribute = stream.expect('name').text;
        items.push({ kind: 'attribute', object: name, name: attribute, site: stream.site(start) });
      } else items.push({ kind: 'name', name });
    } else break;
    if (stream.isOperator(',')) isTuple = true;
  } while (stream.skipOperator(','));
  const [first] = items;
  if (!first) throw stream.unexpected('a name');
  return isTuple ? { kind: 'tuple', items } : first;
}

function parseSet(stream: TokenStream, start: number): Statement {
  const target = parseTarget(stream);
  if (stream.skipOperator('=')) {
    const value = parseTuple(stream);
    stream.expect('block_end');
    return { kind: 'set', target, value, site: stream.site(start) };
  }
  const filters = parseBlockFilters(stream);
  const body = closedBody(stream, 'set');
  return { kind: 'capture', target, filters, body, site: stream.site(start) };
}

function parseBlockFilters(stream: TokenStream): BlockFilter[] {
  const filters: BlockFilter[] = [];
  while (stream.skipOperator('|')) filters.push(parseBlockFilter(stream));
  return filters;
}

function parseBlockFilter(stream: TokenStream): BlockFilter {
  const { start } = stream.current;
  const name = parseDottedName(stream);
  const args = stream.isOperator('(') ? parseArgs(stream) : NO_ARGS;
  return { name, args, site: stream.site(start) };
}

function parseFilterBlock(stream: TokenStream, start: number): Statement {
  const filters = [parseBlockFilter(stream), ...parseBlockFilters(stream)];
  const body = closedBody(stream, 'filter');
  return { kind: 'filterBlock', filters, body, site: stream.site(start) };
}

function parseParameters(stream: TokenStream): Parameters {
  const names: string[] = [];
  const defaults: (Expr | undefined)[] = [];
  stream.expectOperator('(');
  while (!stream.isOperator(')')) {
    if (names.length > 0) stream.expectOperator(',');
    names.push(stream.expect('name').text);
    if (stream.skipOperator('=')) defaults.push(parseExpression(stream));
    else if (defaults.some(d => d !== undefined))
      throw stream.fail('a parameter without default follows one with');
    else defaults.push(undefined);
  }
  stream.expectOperator(')');
  return { names, defaults };
}

function parseMacro(stream: TokenStream, start: number): Statement {
  const name = stream.expect('name').text;
  const parameters = parseParameters(stream);
  const body = closedBody(stream, 'macro');
  return { kind: 'macro', name, parameters, body, site: stream.site(start) };
}

function parseCallBlock(stream: TokenStream, start: number): Statement {
  const parameters = stream.isOperator('(') ? parseParameters(stream) : { names: [], defaults: [] };
  const call = parseExpression(stream);
  if (call.kind !== 'call') throw stream.fail('expected a call of a macro');
  const body = closedBody(stream, 'call');
  return { kind: 'callBlock', call, parameters, body, site: stream.site(start) };
}

function parseWith(stream: TokenStream, start: number): Statement {
  const bindings: [Target, Expr][] = [];
  while (!stream.is('block_end')) {
    if (bindings.length > 0) stream.expectOperator(',');
    const { text, start: at } = stream.expect('name');
    const target: Target = stream.skipOperator('.')
      ? { kind: 'attribute', object: text, name: stream.expect('name').text, site: stream.site(at) }
      : { kind: 'name', name: text };
    stream.expectOperator('=');
    bindings.push([target, parseExpression(stream)]);
  }
  const body = closedBody(stream, 'with');
  return { kind: 'with', bindings, body, site: stream.site(start) };
}

function parseContextMode(stream: TokenStream, byDefault: boolean): boolean {
  const isMode = stream.isName('with', 'without');
  if (!isMode || stream.ahead.kind !== 'name' || stream.ahead.text !== 'context') return byDefault;
  const withContext = stream.next().text === 'with';
  stream.next();
  return withContext;
}

function parseInclude(stream: TokenStream, start: number): Statement {
  const template = parseExpression(stream);
  const ignoreMissing = stream.isName('ignore') && stream.ahead.text === 'missing';
  if (ignoreMissing) {
    stream.next();
    stream.next();
  }
  const withContext = parseContextMode(stream, true);
  stream.expect('block_end');
  return { kind: 'include', template, ignoreMissing, withContext, site: stream.site(start) };
}

function parseImport(stream: TokenStream, start: number): Statement {
  const template = parseExpression(stream);
  stream.expect('name', 'as');
  const as = stream.expect('name').text;
  const withContext = parseContextMode(stream, false);
  stream.expect('block_end');
  return { kind: 'import', template, as, withContext, site: stream.site(start) };
}

function parseFrom(stream: TokenStream, start: number): Statement {
  const template = parseExpression(stream);
  stream.expect('name', 'import');
  const names: [string, string][] = [];
  let withContext = false;
  while (!stream.is('block_end')) {
    if (names.length > 0) stream.expectOperator(',');
    const name = stream.expect('name').text;
    names.push([name, stream.skipName('as') ? stream.expect('name').text : name]);
    withContext = parseContextMode(stream, withContext);
  }
  stream.expect('block_end');
  return { kind: 'from', template, names, withContext, site: stream.site(start) };
}

function parseDo(stream: TokenStream, start: number): Statement {
  const value = parseTuple(stream);
  stream.expect('block_end');
  return { kind: 'do', value, site: stream.site(start) };
}

function parseJump(stream: TokenStream, start: number): Statement {
  const site = stream.site(start);
  const kind = site.source.text.slice(site.start, site.end).endsWith('break') ? 'break' : 'continue';
  stream.expect('block_end');
  return { kind, site };
}

function parseBlock(stream: TokenStream, start: number): Statement {
  const name = stream.expect('name').text;
  while (stream.isName('scoped', 'required')) stream.next();
  const body = closedBody(stream, 'block');
  return { kind: 'block', name, body, site: stream.site(start) };
}

function parseExtends(stream: TokenStream, start: number): Statement {
  const template = parseExpression(stream);
  stream.expect('block_end');
  return { kind: 'extends', template, site: stream.site(start) };
}

/** Nothing is ever escaped by itself here, so only the block's scope remains. */
function parseAutoescape(stream: TokenStream, start: number): Statement {
  parseExpression(stream);
  const body = closedBody(stream, 'autoescape');
  return { kind: 'with', bindings: [], body, site: stream.site(start) };
}
