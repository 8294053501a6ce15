import { visible } from '../source/visible.ts';

/** Colours, in the meanings Ansible gives them. */
export type Style =
  | 'ok'
  | 'changed'
  | 'skipped'
  | 'failed'
  | 'unreachable'
  | 'warning'
  | 'dim'
  | 'bold'
  | 'added'
  | 'removed'
  | 'cyan';

/** Text in a style. What others wrote in it can not act on the terminal, so it takes no text that is painted already. */
export type Paint = (style: Style, text: string) => string;

const CODES: Readonly<Record<Style, string>> = {
  ok: '32',
  changed: '33',
  skipped: '36',
  failed: '31',
  unreachable: '1;31',
  warning: '1;35',
  dim: '2',
  bold: '1',
  added: '32',
  removed: '31',
  cyan: '36',
};

export const plain: Paint = (_, text) => visible(text);

export const coloured: Paint = (style, text) =>
  visible(text)
    .split('\n')
    .map(line => (line === '' ? '' : `\u001b[${CODES[style]}m${line}\u001b[0m`))
    .join('\n');

/** Colour only on a terminal, unless NO_COLOR, FORCE_COLOR or their Ansible counterparts say otherwise. */
export function choosePaint(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  if (env['NO_COLOR'] || env['ANSIBLE_NOCOLOR']) return plain;
  if (env['FORCE_COLOR'] || env['ANSIBLE_FORCE_COLOR']) return coloured;
  return isTerminal && env['TERM'] !== 'dumb' ? coloured : plain;
}
