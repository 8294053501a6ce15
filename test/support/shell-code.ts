/** What `eval` and `sh -c` are given is shell text again, and so is the command that git makes its connections with. */
const RUNS_ITS_WORD = /(?:\beval|\b(?:ba|da|a)?sh -c)\s+$/;
const IS_RUN = /^GIT_SSH_COMMAND=/;

/**
 * The part of a POSIX shell text that the shell reads as code: all that is quoted by single quotes or backslashes is
 * taken away, and so are comments. What stands between double quotes stays, for `$(…)` runs there; so does a text that
 * `eval` or `sh -c` is given. A value that an author or a host chose may therefore stand nowhere in the code.
 */
export function shellCode(script: string): string {
  let code = '';
  /** What the word so far comes to, and where in the code it begins. */
  let word = '';
  let wordAt = 0;
  const open: ('"' | ')' | '`' | '}')[] = [];
  const inQuotes = () => open.at(-1) === '"' || (open.at(-1) === '}' && open.at(-2) === '"');
  const endWord = () => {
    if (word !== '' && (IS_RUN.test(word) || RUNS_ITS_WORD.test(code.slice(0, wordAt))))
      code += ` ${shellCode(word.replace(IS_RUN, ''))} `;
    word = '';
  };
  for (let i = 0; i < script.length; i++) {
    const char = script.charAt(i);
    const next = script.charAt(i + 1);
    if (word === '' && !inQuotes()) wordAt = code.length;
    if (char === '\\') {
      word += next;
      code += '_';
      i++;
    } else if (char === "'" && !inQuotes()) {
      const end = script.indexOf("'", i + 1);
      if (end < 0) throw new Error(`a single quote has no end: ${script.slice(i, i + 80)}`);
      word += script.slice(i + 1, end);
      code += '_';
      i = end;
    } else if (char === '#' && !inQuotes() && /(^|[\s;&|(])$/.test(code)) {
      const end = script.indexOf('\n', i);
      i = end < 0 ? script.length : end - 1;
    } else {
      if (char === open.at(-1) && (char !== ')' || !inQuotes())) open.pop();
      else if (char === '"' || char === '`') open.push(char);
      else if (char === '$' && (next === '(' || next === '{')) {
        open.push(next === '(' ? ')' : '}');
        code += char;
        i++;
      } else if (char === '(' && open.at(-1) === ')') open.push(')');
      else if (/[\s;&|()]/.test(char) && !inQuotes()) endWord();
      else word += char;
      code += script.charAt(i);
    }
  }
  if (open.length > 0) throw new Error(`${open.join(' ')} is missing in: ${script.slice(-300)}`);
  endWord();
  return code;
}
