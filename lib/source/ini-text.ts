/** `name = value` of one line, in time that grows with its length only: a host may put any number of blanks there. */
export function iniPair(line: string): readonly [string, string] | undefined {
  const at = line.search(/[=:]/);
  return at < 1 || /^\s/.test(line) ? undefined : [line.slice(0, at).trimEnd(), line.slice(at + 1).trim()];
}

/** Sections of an INI text such as `ansible.cfg`: names in lower case, comments and empty lines left out. */
export function parseIniText(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  let last: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const bare = line.replace(/(^|\s);.*$/, '').trimEnd();
    const pair = iniPair(bare);
    if (bare.trim() === '' || /^\s*#/.test(bare)) continue;
    const [, header] = /^\[([^\]]+)\]/.exec(bare) ?? [];
    if (header !== undefined) {
      section = sections.get(header) ?? new Map();
      sections.set(header, section);
      last = undefined;
    } else if (pair) {
      last = pair[0].toLowerCase();
      section.set(last, pair[1]);
    } else if (last !== undefined && /^\s/.test(bare)) {
      // A value that goes on in the next line is indented there.
      section.set(last, `${section.get(last)!}\n${bare.trim()}`.trim());
    }
  }
  return sections;
}
