import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { ModuleError } from '../kit/define.ts';
import { type ByteText, defineEdit, type Edit, editArgs, toBytes } from '../kit/edit-file.ts';

const args = Type.Object({
  ...editArgs,
  section: A.opt(A.str('Name of the section; unset means the lines before the first section.')),
  option: A.opt(A.str('Name of the option; unset means the whole section.')),
  value: A.opt(A.str('Value of the option.')),
  values: A.opt(A.list('Values of an option that may stand there several times.')),
  state: A.choice(['present', 'absent'], 'Whether the option (or section) is to be there.', {
    default: 'present',
  }),
  exclusive: A.bool('The given values are the only ones: other lines of the option go.', { default: true }),
  no_extra_spaces: A.bool('No spaces around the equals sign.', { default: false }),
  ignore_spaces: A.bool('A line that differs only in its spaces is left alone.', { default: false }),
  allow_no_value: A.bool('The option may stand there without a value.', { default: false }),
  modify_inactive_option: A.bool('Take over a commented line of the option.', { default: true }),
  create: A.bool('Make the file, and missing directories, if there is none.', { default: true }),
});

type Args = Static<typeof args>;

/** community.general.ini_file: options in sections. */
export const iniFile = defineEdit({
  name: 'ini_file',
  aliases: ['community.general.ini_file'],
  summary: 'Keeps options in a file of INI form, or keeps them out.',
  examples: `
- name: Set the pool's size
  ini_file:
    path: /etc/pgbouncer/pgbouncer.ini
    section: pgbouncer
    option: default_pool_size
    value: "40"
    mode: "0640"
  notify: Reload PgBouncer
`,
  args,
  rules: { mutuallyExclusive: [['value', 'values']] },
  returns: { msg: 'What was done: "option added", "option changed", "section removed" …', path: 'The file.' },
  differences: [
    'A byte order mark at the start of the file is kept, and a symbolic link is followed.',
    'ignore_spaces and modify_inactive_option, which newer versions of the collection have, are known.',
  ],
  edit(before, args) {
    if (args.state === 'present' && !args.allow_no_value && args.value === undefined && !args.values?.length)
      throw new ModuleError(
        "Parameter 'value(s)' must be defined if state=present and allow_no_value=False.",
      );
    if (before === undefined && !args.create)
      throw new ModuleError(`Destination ${args.path} does not exist!`, { rc: 257 });
    const edit = editIni(before ?? '', args);
    if (before === undefined && edit.after === '')
      return { after: undefined, msg: 'OK', result: { path: args.path } };
    return { ...edit, result: { path: args.path } };
  },
});

const BOM = '\xef\xbb\xbf';

function editIni(text: ByteText, args: Args): Edit {
  const bom = text.startsWith(BOM) ? BOM : '';
  const lines = text.slice(bom.length).match(/[^\n]*\n|[^\n]+$/g) ?? ['\n'];
  const last = lines.length - 1;
  if (!partAt(lines, last).endsWith('\n')) lines[last] += '\n';
  const section = args.section ? toBytes(args.section) : undefined;
  const [start, end] = boundsOf(lines, section);
  if (start === -1) {
    if (args.state === 'absent') return finish(bom, lines, 'OK');
    const option = args.option === undefined ? undefined : toBytes(args.option);
    const added = option === undefined ? [] : newLines(option, valuesOf(args), args);
    return finish(
      bom,
      [...lines, `[${section}]\n`, ...added],
      added.length > 0 ? 'section and option added' : 'only section added',
    );
  }
  const part = lines.slice(start, end);
  const { after, msg } =
    args.option === undefined
      ? wholeSection(part, args)
      : args.state === 'absent'
        ? removeOption(part, toBytes(args.option), args)
        : keepOption(part, toBytes(args.option), args, section !== undefined);
  return finish(bom, [...lines.slice(0, start), ...after, ...lines.slice(end)], msg);
}

const finish = (bom: string, lines: readonly string[], msg: string): Edit => {
  return { after: bom + lines.join(''), msg };
};

/** First line of the section (its header; the top of the file for none) and the one after its last. */
function boundsOf(lines: readonly string[], section: string | undefined): readonly [number, number] {
  const start = section === undefined ? 0 : lines.findIndex(line => line.startsWith(`[${section}]`));
  if (start === -1) return [-1, -1];
  const next = lines.findIndex(
    (line, i) => i >= start + (section === undefined ? 0 : 1) && line.startsWith('['),
  );
  return [start, next === -1 ? lines.length : next];
}

interface SectionEdit {
  readonly after: readonly string[];
  readonly msg: string;
}

function wholeSection(part: readonly string[], args: Args): SectionEdit {
  if (args.state === 'present' || part.length === 0) return { after: part, msg: 'OK' };
  return { after: [], msg: 'section removed' };
}

/** Distinct values, in order. */
const valuesOf = (args: Args): string[] => [
  ...new Set((args.value !== undefined ? [args.value] : (args.values ?? [])).map(toBytes)),
];

const optionPattern = (option: string, inactive: boolean) =>
  new RegExp(
    `^${inactive ? '[#;]?' : ''}[ \\t]*(${option.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')})[ \\t]*(=|(?=\\n|(?![^])))[ \\t]*([^\\n]*)`,
  );

function assignment(option: string, value: string, args: Args): string {
  return args.no_extra_spaces ? `${option}=${value}\n` : `${option} = ${value}\n`;
}

function newLines(option: string, values: readonly string[], args: Args): string[] {
  if (values.length === 0) return args.allow_no_value ? [`${option}\n`] : [];
  return values.map(value => assignment(option, value, args));
}

function removeOption(part: readonly string[], option: string, args: Args): SectionEdit {
  const pattern = optionPattern(option, false);
  const values = valuesOf(args);
  const after = part.filter(line => {
    const found = pattern.exec(line);
    return !found || (!args.exclusive && !values.includes(partAt(found, 3)));
  });
  return { after, msg: after.length === part.length ? 'OK' : 'option changed' };
}

/**
 * The order is Ansible's: lines that have a wanted value are brought into form, other lines of the option take the
 * values left over, those still left go (`exclusive`), and what is missing is added below the last line with content.
 */
function keepOption(part: readonly string[], option: string, args: Args, hasHeader: boolean): SectionEdit {
  const pattern = optionPattern(option, args.modify_inactive_option);
  const lines = [...part];
  const settled = new Set<number>();
  const missing = valuesOf(args);
  let msg = 'OK';
  let bareThere = false;
  const settle = (i: number, line: string) => {
    const same = args.ignore_spaces && squeezed(partAt(lines, i)) === squeezed(line);
    if (lines[i] !== line && !same) {
      lines[i] = line;
      msg = 'option changed';
    }
    settled.add(i);
  };
  const candidates = () =>
    lines.flatMap((line, i) => {
      const found = settled.has(i) ? null : pattern.exec(line);
      return found ? [{ i, value: partAt(found, 3) }] : [];
    });
  for (const { i, value } of candidates()) {
    if (missing.includes(value)) {
      const empty = value === '' && args.allow_no_value;
      bareThere ||= empty;
      settle(i, empty ? `${option}\n` : assignment(option, value, args));
      missing.splice(missing.indexOf(value), 1);
    } else if (missing.length === 0 && args.allow_no_value) {
      settle(i, `${option}\n`);
      bareThere = true;
      break;
    }
  }
  if (args.exclusive && !args.allow_no_value) {
    for (const { i } of candidates()) {
      if (missing.length === 0) break;
      settle(i, assignment(option, defined(missing.shift(), 'the loop asks whether one is left'), args));
    }
    for (const { i } of candidates().reverse()) {
      if (i === 0 && hasHeader) continue;
      lines.splice(i, 1, '');
      msg = 'option changed';
    }
  }
  const added =
    missing.length > 0
      ? newLines(option, missing, args)
      : bareThere || settled.size > 0
        ? []
        : newLines(option, [], args);
  if (added.length === 0) return { after: lines.filter(line => line !== ''), msg };
  const kept = lines.filter(line => line !== '');
  const last = kept.findLastIndex(line => !/^[ \t]*([#;].*)?$/.test(line.replace(/\n$/, '')));
  kept.splice(last + 1, 0, ...added);
  return { after: kept, msg: 'option added' };
}

const squeezed = (line: string) => line.replace(/[ \t]/g, '');
