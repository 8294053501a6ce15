import { visible } from '../source/visible.ts';
import { textWidth } from './columns.ts';
import type { Paint } from './style.ts';

/** Pads to a number of terminal columns: a Chinese character takes two, a combining one none. */
export const padColumns = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - textWidth(text)));

/** A plain table: a dim heading, columns as wide as their widest cell. `style` paints a cell that stands padded. */
export function formatTable(
  head: readonly string[],
  texts: readonly (readonly string[])[],
  paint: Paint,
  style: (cell: string, padded: string) => string = (_, padded) => padded,
): string {
  const rows = texts.map(row => row.map(visible));
  const widths = head.map((title, i) =>
    Math.max(...[title, ...rows.map(row => row[i]!)].map(cell => textWidth(cell))),
  );
  const line = (cells: readonly string[], finish: (cell: string, padded: string) => string) =>
    cells
      .map((cell, i) => finish(cell, i === cells.length - 1 ? cell : padColumns(cell, widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(head, (_, padded) => paint('dim', padded)), ...rows.map(row => line(row, style))].join('\n');
}
