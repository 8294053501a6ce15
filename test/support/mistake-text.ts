/** Mistakes as they are shown, with each hint behind its message: `file:line:col CODE message, hint`, then the excerpt. */
export const hintsBehind = (shown: string): string =>
  shown.replace(/^(.*)((?:\n {5,}\d* [|=] .*|\n {0,4}\d+ \| .*)*)\n {4}hint {6}(.*)/gm, '$1, $3$2');
