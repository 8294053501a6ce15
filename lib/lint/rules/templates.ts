import { isScalar, type Node, type Scalar, visit } from 'yaml';
import { Fault } from '../../templating/fault.ts';
import { lexExpression, lexTemplate } from '../../templating/syntax/lexer.ts';
import { DEFAULT_DELIMITERS, type Token } from '../../templating/syntax/tokens.ts';
import type { Edit, Finding } from '../finding.ts';
import type { LintFile } from '../lint-file.ts';

const OPTIONS = {
  delimiters: DEFAULT_DELIMITERS,
  trimBlocks: false,
  lstripBlocks: false,
  rawBackslashes: true,
};

/** Operators with a space on both sides. */
const WIDE = new Set(['|', '==', '!=', '<=', '>=', '<', '>', '//', '~', '%', '/', '*']);
const SIGNS = new Set(['+', '-']);
const OPENING = new Set(['(', '[', '{']);
const CLOSING = new Set([')', ']', '}']);

/** Spaces inside of `{{ }}`, in texts of one line. */
export function lintSpacing(file: LintFile): Finding[] {
  const found: Finding[] = [];
  for (const root of file.roots)
    visit(root, {
      Scalar: (key, node) => {
        if (key !== 'key' && isScalar(node)) found.push(...ofScalar(file, node));
      },
    });
  return found;
}

function ofScalar(file: LintFile, node: Scalar): Finding[] {
  const text = String(node.value ?? '');
  const [start, end] = file.range(node as Node);
  const written = file.text.slice(start, end);
  const wrong = variables(text).flatMap(all => {
    const [, left = '', body = '', right = ''] = /^\{\{(-?)(.*?)(-?)\}\}$/s.exec(all) ?? [];
    const good = `{{${left} ${spaced(body.trim()) ?? body.trim()} ${right}}}`;
    return good === all || body.trim() === '' || all.includes('\n') ? [] : [{ all, good }];
  });
  const [example] = wrong;
  if (!example) return [];
  // What stands there twice, or is written with escapes, is for its author to mend.
  const edits = wrong.flatMap(({ all, good }): Edit[] => {
    const at = written.indexOf(all);
    const isOnce = at >= 0 && written.indexOf(all, at + 1) < 0;
    return isOnce ? [{ start: start + at, end: start + at + all.length, text: good }] : [];
  });
  const fix = edits.length > 0 ? edits : undefined;
  const advice = `write ${example.good}`;
  return [file.finding('jinja[spacing]', node, `the spaces in ${example.all}`, { advice, fix })];
}

/** Each `{{ … }}` of a text; none of one that is not a template. */
function variables(text: string): string[] {
  if (!text.includes('{{')) return [];
  const tokens = lexed(() => lexTemplate({ text }, OPTIONS)) ?? [];
  return tokens.flatMap((token, i) => {
    if (token.kind !== 'variable_begin') return [];
    const end = tokens.slice(i).find(({ kind }) => kind === 'variable_end')?.end ?? token.end;
    return [text.slice(token.start, end).trimEnd()];
  });
}

/** Tokens of a text; undefined when it has mistakes, which others report. */
function lexed(lex: () => readonly Token[]): readonly Token[] | undefined {
  try {
    return lex();
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** An expression with spaces where they belong; undefined where that is not for a rule to say. */
function spaced(text: string): string | undefined {
  const tokens = lexed(() => lexExpression({ text }, OPTIONS))?.filter(({ kind }) => kind !== 'eof');
  if (!tokens) return undefined;
  let result = '';
  const open: { readonly bracket: string; readonly isCall: boolean }[] = [];
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1];
    const raw = text.slice(token.start, token.end);
    const gap = text.slice(before?.end ?? 0, token.start);
    result += before ? space(before, token, tokens[i - 2], open, gap) : '';
    result += raw;
    if (token.kind === 'operator' && OPENING.has(raw)) open.push({ bracket: raw, isCall: isOperand(before) });
    if (token.kind === 'operator' && CLOSING.has(raw)) open.pop();
  }
  return result;
}

/** Whether something ends here that an operator may follow. */
const isOperand = (token: Token | undefined): boolean =>
  token !== undefined &&
  (['string', 'number'].includes(token.kind) ||
    (token.kind === 'name' && !['and', 'or', 'not', 'in', 'is', 'if', 'else'].includes(token.text)) ||
    (token.kind === 'operator' && CLOSING.has(token.text)));

function space(
  before: Token,
  token: Token,
  earlier: Token | undefined,
  open: readonly { readonly bracket: string; readonly isCall: boolean }[],
  gap: string,
): string {
  const [left, right] = [before, token].map(one => (one.kind === 'operator' ? one.text : ''));
  const inner = open.at(-1);
  if (OPENING.has(left!)) return '';
  if (CLOSING.has(right!) || right === ',' || right === '.' || left === '.')
    return right === '.' || left === '.' ? gap : '';
  if (left === ',') return ' ';
  if (right === ':' || left === ':') return inner?.bracket === '{' ? (left === ':' ? ' ' : '') : gap;
  // `=` stands between a name and its value in a call.
  if (right === '=' || left === '=') return '';
  if (WIDE.has(right!) || WIDE.has(left!)) return ' ';
  if (SIGNS.has(right!)) return isOperand(before) ? ' ' : gap === '' ? '' : ' ';
  if (SIGNS.has(left!)) return isOperand(earlier) ? ' ' : '';
  if (left === '**' || right === '**') return gap;
  if ((right === '(' || right === '[') && isOperand(before)) return gap;
  return gap === '' ? '' : ' ';
}
