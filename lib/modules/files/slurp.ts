import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({ src: A.path('The file.', { aliases: ['path'] }) });

/** slurp: the content of a file. */
export const slurp = defineAction({
  name: 'slurp',
  summary: 'Reads a file of the host into the result.',
  examples: `
- name: Read the password that the package made
  slurp: {src: /etc/pgbouncer/userlist.txt}
  register: userlist
  no_log: true
`,
  args,
  returns: {
    content: 'The content in base64.',
    encoding: 'Always base64.',
    source: 'The file.',
  },
  readOnly: true,
  batch: true,
  *run({ src }) {
    const records = yield* ask(
      [
        `p=${pathWord(src)}; field path "$p"`,
        // The shell's own words tell a missing file from one that may not be read, or lies below what is not a directory.
        'e=$( { : <"$p"; } 2>&1 )',
        `case $e in *'Permission denied'*) e='file is not readable';; *'No such file'*|*nonexistent*) e='file not found';; ?*) e='unable to slurp file';; esac`,
        `[ "$e" = 'file not found' ] && [ -f "\${p%/*}" ] && e='unable to slurp file'`,
        `[ -z "$e" ] && [ -d "$p" ] && e='source is a directory and must be a file'`,
        `[ -z "$e" ] || fail "$e"`,
        'begin content; cat <"$p"',
      ].join('\n'),
    );
    const source = records.text('path') ?? src;
    const bytes = records.bytes('content');
    if (records.rc !== 0 || bytes === undefined)
      throw new ModuleError(`${records.complaint || 'unable to slurp file'}: ${source}`);
    const content = bytes.toString('base64');
    return { changed: false, content, encoding: 'base64', source };
  },
});
