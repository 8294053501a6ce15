import type { SourceErrorCode } from '../errors.ts';

export interface Mistake {
  readonly code: SourceErrorCode;
  readonly message: string;
  readonly hint?: string;
  /** Offset to point at, when another place than the parser's tells more. */
  readonly offset?: number;
}

/** A quote or bracket without its counterpart. */
export function unclosed(opening: string, offset: number): Mistake {
  const [what, close] = /["']/.test(opening)
    ? ['quote', 'it']
    : [`"${opening}"`, `it with "${opening === '[' ? ']' : '}'}"`];
  return {
    code: 'YAML_SYNTAX',
    message: `a ${what} is opened here and never closed`,
    hint: `close ${close}`,
    offset,
  };
}

/** What the author most likely did wrong, from the code and words of the parser's error and the line it is on. */
export function explain(code: string, message: string, offset: number, text: string): Mistake {
  const line = lineAt(text, offset);
  return tab(code, line) ?? unquoted(line) ?? byCode({ code, message }, line, text, offset);
}

interface ParserError {
  readonly code: string;
  readonly message: string;
}

interface Line {
  readonly text: string;
  readonly start: number;
}

function lineAt(text: string, offset: number): Line {
  const start = text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1;
  const end = text.indexOf('\n', start);
  return { text: text.slice(start, end < 0 ? text.length : end), start };
}

function tab(code: string, line: Line): Mistake | undefined {
  if (code !== 'TAB_AS_INDENT' && !(code === 'BAD_INDENT' && /^[ ]*\t/.test(line.text))) return undefined;
  return {
    code: 'YAML_TAB',
    message: 'a tab is used for indentation',
    hint: 'YAML wants spaces: replace the tab',
  };
}

/** Values that need quotes: a template at the start, a quoted part followed by more, a colon inside. */
function unquoted({ text, start }: Line): Mistake | undefined {
  const template = /^(\s*(?:- +)*(?:[^\s'"#{][^'"#]*?:\s+)?)(\{\{.*)$/.exec(text);
  if (template) {
    const value = (template[2] ?? '').trimEnd();
    return {
      code: 'YAML_SYNTAX',
      message: 'a value that starts with "{{" must be quoted',
      hint: `write "${value.replaceAll('"', "'")}"`,
      offset: start + (template[1] ?? '').length,
    };
  }
  const partly = /^(\s*(?:- +)*[^\s'"#][^'"#]*?:\s+)((["'])(?:(?!\3).)*\3\s*[^\s#,}\]].*)$/.exec(text);
  if (partly) {
    return {
      code: 'YAML_SYNTAX',
      message: 'text goes on after the closing quote',
      hint: 'quote the whole value, with the other kind of quotes outside',
      offset: start + (partly[1] ?? '').length,
    };
  }
  return undefined;
}

function byCode(error: ParserError, line: Line, text: string, offset: number): Mistake {
  const syntax = (message: string, hint?: string, at?: number): Mistake => ({
    code: 'YAML_SYNTAX',
    message,
    ...(hint !== undefined && { hint }),
    ...(at !== undefined && { offset: at }),
  });
  // A key between two levels: the parser takes it for an item of the list above that lost its dash.
  if (/without - indicator/.test(error.message)) return indented(line);
  switch (error.code) {
    case 'BLOCK_AS_IMPLICIT_KEY':
      if (!/: .*: /.test(line.text)) return indented(line);
      return syntax(
        'a second ": " on one line',
        'quote the value, or put the inner key on a line of its own',
      );
    case 'MULTILINE_IMPLICIT_KEY':
    case 'MISSING_CHAR':
      return missing(error, line, text, offset, syntax);
    case 'BAD_INDENT':
      return indented(line);
    case 'BAD_SCALAR_START':
      return syntax(`a value cannot start with "${text[offset] ?? ''}"`, 'quote the value');
    case 'BAD_DQ_ESCAPE':
      return syntax('unknown escape in double quotes', 'use single quotes, or write \\\\ for a backslash');
    case 'BAD_ALIAS':
      return syntax('"*" starts an alias, and this one is invalid', 'quote a value that starts with "*"');
    default:
      return syntax(lowerFirst(error.message));
  }
}

const indented = ({ text, start }: Line): Mistake => ({
  code: 'YAML_SYNTAX',
  message: 'this line is indented differently from its neighbours',
  hint: 'line it up with the line it belongs to',
  offset: start + text.search(/\S|$/),
});

function missing(
  error: ParserError,
  line: Line,
  text: string,
  offset: number,
  syntax: (message: string, hint?: string, at?: number) => Mistake,
): Mistake {
  const here = noSpace(line) ?? noSpace(lineAt(text, Math.max(0, line.start - 1)));
  if (here !== undefined) return syntax('a space is missing after the colon', 'write "key: value"', here);
  if (/map keys need to be followed|need to be on a single line/.test(error.message)) {
    return syntax(
      'expected "key: value" here',
      'a colon may be missing, or the line is indented wrongly',
      offset,
    );
  }
  return syntax(lowerFirst(error.message));
}

/** Offset of the colon in `key:value`. */
function noSpace({ text, start }: Line): number | undefined {
  const match = /^(\s*(?:- +)*[\w.-]+):[^\s:/]/.exec(text);
  return match ? start + (match[1] ?? '').length : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
