import { A, Type } from '../kit/arguments.ts';
import { defineState, type FileDiff, ModuleError, mustSh, quote, type Steps } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { linesOf, readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';

interface Found extends TextFile {
  /** The kernel's value; undefined when it knows no such setting. */
  readonly value: string | undefined;
}

/** What the author wrote as the kernel writes it: yes and no are 1 and 0. */
function wantedValue(value: string | undefined): string {
  const text = (value ?? '').trim();
  if (/^(y|yes|on|true|t|1)$/i.test(text)) return '1';
  return /^(n|no|off|false|f|0)$/i.test(text) ? '0' : text;
}

const words = (text: string) => text.trim().split(/\s+/).join(' ');

/** File of a setting below /proc/sys: the first separator tells whether dots or slashes divide the name. */
export function procPath(name: string): string {
  const dotted = /[./]/.exec(name)?.[0] !== '/';
  const swap: Readonly<Record<string, string>> = { '.': '/', '/': '.' };
  return `/proc/sys/${dotted ? name.replace(/[./]/g, c => swap[c] ?? c) : name}`;
}

/** An assignment in the file; undefined for comments and other lines. */
function assignment(line: string): readonly [key: string, value: string] | undefined {
  const text = line.trim();
  const at = text.indexOf('=');
  if (at < 0 || /^[#;]/.test(text)) return undefined;
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

/** The file with the setting kept or taken out; a setting given twice stays once. Pure. */
export function keepSetting(text: string, name: string, value: string | undefined): string {
  const seen = new Set<string>();
  const kept = linesOf(text).flatMap(line => {
    const found = assignment(line);
    if (!found) return [line.trim()];
    const [key, old] = found;
    if (seen.has(key)) return [];
    seen.add(key);
    if (key !== name) return [`${key}=${old}`];
    return value === undefined ? [] : [`${key}=${value}`];
  });
  if (value !== undefined && !seen.has(name)) kept.push(`${name}=${value}`);
  return kept.map(line => `${line}\n`).join('');
}

/** The value the file gives a setting: the last one counts. */
function fileValue(text: string, name: string): string | undefined {
  return linesOf(text)
    .map(assignment)
    .findLast(found => found?.[0] === name)?.[1];
}

interface Work {
  readonly after: string | undefined;
  readonly set: boolean;
  readonly reload: boolean;
}

interface Args {
  readonly name: string;
  readonly value?: string;
  readonly state: 'present' | 'absent';
  readonly reload: boolean;
  readonly sysctl_set: boolean;
  readonly sysctl_file: string;
}

function plan(found: Found, args: Args): Work {
  const name = args.name.trim();
  const wanted = toBytes(wantedValue(args.value));
  const text = found.text ?? '';
  const inFile = fileValue(text, name);
  const present = args.state === 'present';
  const edit = present ? inFile !== wanted : inFile !== undefined;
  const differs =
    present && (found.value === undefined || words(found.value) !== words(wantedValue(args.value)));
  return {
    after: edit ? keepSetting(text, name, present ? wanted : undefined) : undefined,
    set: differs && args.sysctl_set,
    reload: args.reload && (edit || differs),
  };
}

export const sysctl = defineState({
  name: 'sysctl',
  aliases: ['ansible.posix.sysctl'],
  summary: 'Keeps kernel settings in sysctl.conf and in the running kernel.',
  examples: `
- name: Never promise more memory than there is
  sysctl:
    name: vm.overcommit_memory
    value: "2"
    sysctl_file: /etc/sysctl.d/50-database.conf
`,
  args: Type.Object({
    name: A.str('Name of the setting, such as vm.swappiness.', { aliases: ['key'] }),
    value: A.opt(A.str('Value wanted.', { aliases: ['val'] })),
    state: A.choice(['present', 'absent'], 'Whether the file should have the setting.', {
      default: 'present',
    }),
    ignoreerrors: A.bool('Ignore settings the kernel does not know.', { default: false }),
    reload: A.bool('Load the file into the kernel when something differs.', { default: true }),
    sysctl_file: A.path('File to keep the setting in.', { default: '/etc/sysctl.conf' }),
    sysctl_set: A.bool('Set the value in the running kernel too, if it differs.', { default: false }),
  }),
  rules: { requiredIf: [['state', 'present', ['value']]] },
  differences: ['Missing directories of sysctl_file are an error that says so.'],
  touches: args => [`sysctl:${args.name}`, args.sysctl_file],

  *probe(args): Steps<Found> {
    for (const key of ['name', 'value'] as const)
      if (args[key]?.trim() === '') throw new ModuleError(`${key} cannot be blank`);
    const path = quote(procPath(args.name.trim()));
    const found = yield* readText(
      args.sysctl_file,
      `[ -e ${path} ] && { begin value; cat ${path} 2>/dev/null; }`,
    );
    return { ...found, value: found.records.text('value') };
  },

  diff(found, args) {
    const { after, set, reload } = plan(found, args);
    const value = wantedValue(args.value);
    const before = found.value === undefined ? 'unknown' : words(found.value);
    const changes = [
      ...(after === undefined
        ? []
        : [
            `${found.file.path}: ${args.state === 'absent' ? 'without ' : ''}${args.name}${args.state === 'present' ? `=${value}` : ''}`,
          ]),
      ...(set || (reload && after === undefined) ? [`${args.name}: ${before} → ${value}`] : []),
    ];
    const diff: readonly FileDiff[] =
      after === undefined ? [] : [textDiff(found.text, after, found.file.path)];
    return { changes, ...(diff.length > 0 && { diff }) };
  },

  *apply(found, args) {
    const { after, set, reload } = plan(found, args);
    const ignore = args.ignoreerrors ? '-e ' : '';
    const word = quote(`${args.name.trim()}=${wantedValue(args.value)}`);
    if (set) yield* run(`setting ${args.name} failed`, `sysctl ${ignore}-w ${word}`);
    if (after !== undefined) yield* writeText(found, after);
    if (reload) yield* run('Failed to reload sysctl', `sysctl ${ignore}-p ${quote(found.file.path)}`);
    return {};
  },
});

/** sysctl may report success although a value was refused: its words count too. */
function* run(what: string, command: string): Steps<void> {
  const script = `PATH=$PATH:/usr/sbin:/sbin\n${needsProgram('sysctl', 'procps')}\n${command}`;
  const reply = yield* mustSh(what, script);
  if (/^sysctl: setting key "[^"]+".*: (Invalid argument|Read-only file system)$/m.test(reply.stderr))
    throw new ModuleError(`${what}: ${reply.stderr.trim()}`, { stderr: reply.stderr });
}
