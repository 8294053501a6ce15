/**
 * Text without these characters at its end. A regular expression such as `/\n+$/` takes the square of the time where a
 * host prints many of them and then something else.
 */
export function stripEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** A path without the slashes at its end; one slash stays one. */
export const withoutSlashes = (path: string): string => path.charAt(0) + stripEnd(path.slice(1), '/');
