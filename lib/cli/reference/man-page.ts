import { type Commands, helpOf } from './help-of.ts';

/** The man page, made of what --help says: one place describes the flags. */
export async function manPage(table: Commands, overview: string, version: string): Promise<string> {
  const commands = await Promise.resolve(Object.keys(table).sort());
  const sections: string[] = [];
  // One after the other: each takes hold of standard output.
  for (const name of commands) sections.push(section(`polarplay ${name}`, await helpOf(table, name)));
  return [
    `.TH POLARPLAY 1 "" "polarplay ${version}"`,
    '.SH NAME',
    'polarplay \\- playbooks over SSH, and PolarDB for PostgreSQL on shared block storage',
    section('synopsis', overview),
    section('polarplay PLAYBOOK', await helpOf(table, undefined)),
    ...sections,
    '.SH FILES',
    '.TP',
    '~/.local/state/polarplay/runs',
    'Journals of the last runs (polarplay runs).',
    '.SH SEE ALSO',
    'ansible\\-playbook(1), ssh(1), ssh_config(5), nbd\\-server(1)',
    '',
  ].join('\n');
}

/** Text as it stands: lines of roff must not begin with a dot or a quote, and a backslash or hyphen is written out. */
const section = (title: string, text: string): string =>
  [
    `.SH ${title.toUpperCase()}`,
    '.nf',
    text
      .trimEnd()
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      .replace(/^([.'])/gm, '\\&$1'),
    '.fi',
  ].join('\n');
