/** Sections of an INI text such as `ansible.cfg`: names in lower case, comments and empty lines left out. */
export function parseIniText(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  let last: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const bare = line.replace(/(^|\s);.*$/, '').trimEnd();
    if (bare.trim() === '' || /^\s*#/.test(bare)) continue;
    const [, header] = /^\[([^\]]+)\]/.exec(bare) ?? [];
    const [, name, value] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(bare) ?? [];
    if (header !== undefined) {
      section = sections.get(header) ?? new Map();
      sections.set(header, section);
      last = undefined;
    } else if (name !== undefined) {
      last = name.toLowerCase();
      section.set(last, value!);
    } else if (last !== undefined && /^\s/.test(bare)) {
      // A value that goes on in the next line is indented there.
      section.set(last, `${section.get(last)!}\n${bare.trim()}`.trim());
    }
  }
  return sections;
}
