import { A, Type } from './args.ts';
import { pathWord } from './look.ts';
import { defineAction, ModuleError, sh } from './module.ts';

const args = Type.Object({ src: A.path('The file.', { aliases: ['path'] }) });

/** slurp: the content of a file. */
export const slurp = defineAction({
  name: 'slurp',
  summary: 'Reads a file of the host into the result.',
  args,
  returns: {
    content: 'The content in base64.',
    encoding: 'Always base64.',
    source: 'The file.',
  },
  readOnly: true,
  batch: true,
  *run({ src }) {
    const reply = yield* sh(
      [
        `p=${pathWord(src)}; printf '%s\\n' "$p"`,
        `if [ -d "$p" ]; then echo 'source is a directory and must be a file' >&2; exit 1; fi`,
        `if [ ! -e "$p" ]; then echo 'file not found' >&2; exit 1; fi`,
        `if [ ! -r "$p" ]; then echo 'file is not readable' >&2; exit 1; fi`,
        'cat <"$p"',
      ].join('\n'),
    );
    const end = reply.stdoutBytes.indexOf('\n');
    const source = reply.stdoutBytes.subarray(0, end).toString();
    if (reply.rc !== 0)
      throw new ModuleError(`${reply.stderr.trim() || 'unable to slurp file'}: ${source || src}`);
    const content = reply.stdoutBytes.subarray(end + 1).toString('base64');
    return { changed: false, content, encoding: 'base64', source };
  },
});
