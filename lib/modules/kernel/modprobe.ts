import type { Static } from 'typebox';
import { textOf } from '../../source/bytes.ts';
import { escapeRegExp } from '../../source/escape-regexp.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { splitWords } from '../kit/sh.ts';
import { linesOf } from '../kit/text-file.ts';

const args = Type.Object({
  name: A.str('Name of the kernel module.'),
  state: A.choice(['absent', 'present'], 'Whether it should be loaded.', { default: 'present' }),
  params: A.str('Parameters, such as "nbds_max=16 max_part=8".', { default: '' }),
  persistent: A.choice(
    ['disabled', 'present', 'absent'],
    'Whether it is loaded at boot, with the parameters; "disabled" leaves that alone.',
    { default: 'disabled' },
  ),
});

type Args = Static<typeof args>;

interface Found {
  readonly loaded: boolean;
  /** Why modprobe could not load (or unload) the module, tried without doing it. */
  readonly refusal: string | undefined;
  readonly kernel: string;
  /** Files of /etc/modules-load.d and /etc/modprobe.d that speak of the module. */
  readonly files: ReadonlyMap<string, string>;
}

const LOAD = '/etc/modules-load.d';
const OPTIONS = '/etc/modprobe.d';

const pattern = (name: string) => escapeRegExp(name).replace(/[-_]/g, '[-_]');

const modprobeCommand = (args: Args, ...flags: readonly string[]) =>
  ['modprobe', ...flags, '--', args.name, ...splitWords(args.params)].map(quote).join(' ');

function probeScript(args: Args): string {
  const name = pattern(args.name);
  const dry =
    args.state === 'present' ? modprobeCommand(args, '-n') : `modprobe -n -r -- ${quote(args.name)}`;
  return `PATH=$PATH:/usr/sbin:/sbin
read -r k </proc/sys/kernel/osrelease; field kernel "$k"
l=; grep -q ${quote(`^${args.name.replaceAll('-', '_')} `)} /proc/modules 2>/dev/null && l=1
[ -n "$l" ] || { grep -qE ${quote(`/${name}\\.ko`)} "/lib/modules/$k/modules.builtin" 2>/dev/null && l=1; }
[ -n "$l" ] && field loaded
if [ ${args.state === 'present' ? '-z' : '-n'} "$l" ]; then e=$(${dry} 2>&1) || field refusal "$(echo "$e" | tr '\\n' ' ')"; fi
grep -lsE ${quote(`^ *(options +)?${name}`)} ${LOAD}/* ${OPTIONS}/* /dev/null | while IFS= read -r f; do field name "$f"; begin content; cat "$f"; done
:`;
}

const isModuleLine = (line: string, name: string) =>
  new RegExp(`^ *${pattern(name)} *([#;].*)?$`).test(line.replace(/\n$/, ''));

function optionOf(line: string, name: string): string | undefined {
  return new RegExp(`^options +${pattern(name)} +(\\w+=\\S+) *([#;].*)?$`).exec(line.replace(/\n$/, ''))?.[1];
}

/** Files to write for the boot: path → new text. Pure. */
export function bootFiles(args: Args, files: ReadonlyMap<string, string>): Map<string, string> {
  const edits = new Map<string, string>();
  if (args.persistent === 'disabled') return edits;
  const below = (dir: string) => [...files].filter(([path]) => path.startsWith(`${dir}/`));
  const listed = below(LOAD).some(([, text]) => linesOf(text).some(line => isModuleLine(line, args.name)));
  const options = below(OPTIONS).flatMap(([, text]) =>
    linesOf(text).flatMap(line => optionOf(line, args.name) ?? []),
  );
  const wanted = args.persistent === 'present' ? args.params.split(/\s+/).filter(Boolean) : [];
  const comment = (path: string, text: string, matches: (line: string) => boolean) => {
    const after = linesOf(text)
      .map(line => (matches(line) ? `#${line}` : line))
      .join('');
    if (after !== text) edits.set(path, after);
  };
  if ([...new Set(options)].sort().join() !== [...new Set(wanted)].sort().join()) {
    for (const [path, text] of below(OPTIONS))
      comment(path, text, line => optionOf(line, args.name) !== undefined);
    if (wanted.length > 0)
      edits.set(
        `${OPTIONS}/${args.name}.conf`,
        wanted.map(param => `options ${args.name} ${param}\n`).join(''),
      );
  }
  if (args.persistent === 'present' && !listed) edits.set(`${LOAD}/${args.name}.conf`, `${args.name}\n`);
  if (args.persistent === 'absent' && listed)
    for (const [path, text] of below(LOAD)) comment(path, text, line => isModuleLine(line, args.name));
  return edits;
}

export const modprobe = defineState({
  name: 'modprobe',
  aliases: ['community.general.modprobe'],
  summary: 'Loads and unloads kernel modules, now and at boot.',
  examples: `
- name: Load the NBD module, now and at each boot
  modprobe: {name: nbd, params: nbds_max=16, persistent: present}
`,
  args,
  returns: { name: 'Name of the module.', params: 'Its parameters.', state: 'State wanted.' },
  differences: [
    'A module that the running kernel does not have fails before anything is changed, and names the kernel.',
  ],
  touches: args => [`kernel-module:${args.name}`, LOAD, OPTIONS],

  *probe(args): Steps<Found> {
    const records = yield* ask(probeScript(args));
    const contents = records.all('content');
    return {
      loaded: records.has('loaded'),
      refusal: records.text('refusal')?.trim(),
      kernel: records.text('kernel') ?? '',
      files: new Map(
        records.all('name').map((name, i) => [textOf(name), textOf(contents[i] ?? name)] as const),
      ),
    };
  },

  diff(found, args) {
    const result = { name: args.name, params: args.params, state: args.state };
    const act = (args.state === 'present') !== found.loaded;
    if (act && found.refusal !== undefined) {
      const verb = args.state === 'present' ? 'load' : 'unload';
      throw new ModuleError(
        `cannot ${verb} kernel module ${args.name} (kernel ${found.kernel}): ${found.refusal}`,
        result,
      );
    }
    const edits = [...bootFiles(args, found.files)];
    return {
      changes: [
        ...(act ? [`${args.state === 'present' ? 'load' : 'unload'} kernel module ${args.name}`] : []),
        ...edits.map(([path]) => `change ${path}`),
      ],
      ...(edits.length > 0 && {
        diff: edits.map(([path, after]) => ({
          before: found.files.get(path) ?? '',
          after,
          beforeHeader: path,
          afterHeader: path,
        })),
      }),
      result,
    };
  },

  *apply(found, args) {
    const act = (args.state === 'present') !== found.loaded;
    const command = args.state === 'present' ? modprobeCommand(args) : `modprobe -r -- ${quote(args.name)}`;
    const lines = [
      'PATH=$PATH:/usr/sbin:/sbin',
      ...(act ? [`${command} || exit $?`] : []),
      ...[...bootFiles(args, found.files)].map(([path, text]) => {
        const file = quote(path);
        return `mkdir -p ${quote(path.replace(/\/[^/]*$/, ''))} && printf %s ${quote(text)} >${file}.tmp && chmod 644 ${file}.tmp && mv -f ${file}.tmp ${file} || exit $?`;
      }),
    ];
    const reply = yield* sh(lines.join('\n'));
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `modprobe failed with exit code ${reply.rc}`, {
        name: args.name,
        params: args.params,
        state: args.state,
        rc: reply.rc,
        stdout: reply.stdout,
        stderr: reply.stderr,
      });
    return {};
  },
});
