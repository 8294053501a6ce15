import type { Value } from '../../source/value.ts';

export type TokenKind =
  | 'data'
  | 'variable_begin'
  | 'variable_end'
  | 'block_begin'
  | 'block_end'
  | 'name'
  | 'string'
  | 'number'
  | 'operator'
  | 'eof';

export interface Token {
  readonly kind: TokenKind;
  /** Text of names, operators and data; the content of a string with its escapes resolved. */
  readonly text: string;
  /** The value of a number. */
  readonly value?: Value;
  readonly start: number;
  readonly end: number;
}

export interface Delimiters {
  readonly variableStart: string;
  readonly variableEnd: string;
  readonly blockStart: string;
  readonly blockEnd: string;
  readonly commentStart: string;
  readonly commentEnd: string;
}

export const DEFAULT_DELIMITERS: Delimiters = {
  variableStart: '{{',
  variableEnd: '}}',
  blockStart: '{%',
  blockEnd: '%}',
  commentStart: '{#',
  commentEnd: '#}',
};

export interface LexOptions {
  readonly delimiters: Delimiters;
  readonly trimBlocks: boolean;
  readonly lstripBlocks: boolean;
  /**
   * Backslashes inside `{{ }}` stay as written: in a playbook YAML has already resolved them once, and
   * `'\1'` must reach a regular expression whole. Blocks and template files resolve escapes as Python does.
   */
  readonly rawBackslashes: boolean;
  /** What makes a line that begins with it a statement, or the rest of a line a comment. */
  readonly lineStatement?: string | undefined;
  readonly lineComment?: string | undefined;
}
