import truncatedWidth from 'fast-string-truncated-width';

/** The columns that a text takes in a terminal: a Chinese character takes two, a combining one none. */
export const textWidth = (text: string): number =>
  /^[ -~]*$/.test(text) ? text.length : truncatedWidth(text).width;

/** No column of what people write has more characters; a line of a megabyte is not looked at whole. */
const CHARACTERS_A_COLUMN = 16;

/** The text in at most `columns` columns; what was cut off shows as "…". */
export function cutTo(text: string, columns: number): string {
  const near = text.slice(0, columns * CHARACTERS_A_COLUMN);
  if (near.length === text.length && textWidth(text) <= columns) return text;
  const characters = [...near];
  const start = (count: number) => characters.slice(0, count).join('');
  let [fits, tooMany] = [0, characters.length + 1];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (textWidth(start(middle)) < columns) fits = middle;
    else tooMany = middle;
  }
  return `${start(fits)}…`;
}
