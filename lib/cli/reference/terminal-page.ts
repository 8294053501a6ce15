import { styleText } from 'node:util';
import wrapAnsi from 'wrap-ansi';
import { textWidth } from '../../report/columns.ts';

/** One entry of the reference, whatever it describes. */
export interface Page {
  readonly kind: string;
  readonly name: string;
  readonly paragraphs: readonly string[];
  /** Arguments or variables: a name, a description, and facts such as the type. */
  readonly items: readonly Item[];
  readonly sections: readonly Section[];
}

interface Section {
  readonly title: string;
  readonly lines: readonly string[];
  /** An example to copy: no line is broken. */
  readonly isCode?: true;
}

export interface Item {
  readonly name: string;
  readonly text: string;
  readonly isRequired: boolean;
  readonly facts: readonly (readonly [name: string, value: string])[];
}

const WIDEST = 80;
const INDENT = 8;

interface Look {
  readonly columns: number;
  readonly isColored: boolean;
}

/** Never wider than 80 columns: lines that are longer are hard to read. */
export const lookOf = ({ columns, isTTY }: { columns?: number; isTTY?: boolean }): Look => ({
  columns: Math.min(columns ?? WIDEST, WIDEST),
  isColored: isTTY === true && !process.env['NO_COLOR'],
});

/** A page as a terminal shows it. */
export function terminalPage({ kind, name, paragraphs, items, sections }: Page, look: Look): string {
  const bold = (text: string) => (look.isColored ? styleText('bold', text, { validateStream: false }) : text);
  const gap = ' '.repeat(Math.max(1, look.columns - textWidth(name) - textWidth(kind) - 2));
  const blocks = [
    `${bold(name)}${gap}(${kind})`,
    ...paragraphs.filter(Boolean).map(text => wrapped(text, 2, look)),
    ...(items.length > 0 ? [itemList(items, bold, look)] : []),
    ...sections
      .filter(({ lines }) => lines.length > 0)
      .map(({ title, lines, isCode }) => {
        const shown = lines.map(line => (isCode ? `  ${line}` : wrapped(line, 2, look, 2)));
        return `${bold(title)}\n${shown.join('\n')}`;
      }),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function itemList(items: readonly Item[], bold: (text: string) => string, look: Look): string {
  const title = items.some(({ isRequired }) => isRequired) ? 'Options ("=" must be given)' : 'Options';
  const shown = items.map(({ name, text, isRequired, facts }) => {
    const facing = facts.map(([fact, value]) => wrapped(`${fact}: ${value}`, INDENT, look, 2));
    return [`${isRequired ? '=' : '-'} ${bold(name)}`, wrapped(text, INDENT, look), ...facing]
      .filter(Boolean)
      .join('\n');
  });
  return `${bold(title)}\n\n${shown.join('\n\n')}`;
}

/** Text in lines that fit, all indented, those that go on a bit more. */
function wrapped(text: string, indent: number, { columns }: Look, more = 0): string {
  if (text === '') return '';
  const lines = wrapAnsi(text, columns - indent - more, { hard: true }).split('\n');
  return lines.map((line, i) => ' '.repeat(indent + (i > 0 ? more : 0)) + line).join('\n');
}
