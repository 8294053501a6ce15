import { escapeRegExp } from '../../source/escape-regexp.ts';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { linesOf, readText, type TextFile, textDiff, writeText } from '../kit/text-file.ts';

interface Found extends TextFile {
  readonly generated: boolean;
  readonly supported: boolean;
  readonly charset: string;
}

const GEN = '/etc/locale.gen';

/** How `locale -a` spells a locale: the character set in small letters and without dashes. */
const spelled = (name: string) =>
  name.replace(/\.([^@]*)/, (_, set: string) => `.${set.toLowerCase().replaceAll('-', '')}`);

const pattern = (name: string) => new RegExp(`^\\s*(#?)\\s*(${escapeRegExp(name)}\\s+\\S+)\\s*$`);

/** locale.gen with the locale switched on or off. Pure. */
export function switchLocale(text: string, name: string, charset: string, on: boolean): string {
  const wanted = pattern(name);
  let there = false;
  const lines = linesOf(text).map(line => {
    const found = wanted.exec(line.replace(/\n$/, ''));
    if (!found) return line;
    there = true;
    if ((found[1] === '') === on) return line;
    return `${on ? '' : '# '}${found[2]}\n`;
  });
  if (on && !there)
    lines.push(`${lines.length > 0 && !partAt(lines, -1).endsWith('\n') ? '\n' : ''}${name} ${charset}\n`);
  return lines.join('');
}

export const localeGen = defineState({
  name: 'locale_gen',
  aliases: ['community.general.locale_gen'],
  summary: 'Generates and removes locales.',
  examples: `
- name: Generate the locale of the database
  locale_gen: {name: zh_CN.UTF-8}
`,
  args: Type.Object({
    name: A.str('Name and character set, such as en_US.UTF-8.'),
    state: A.choice(['absent', 'present'], 'Whether the locale should be there.', { default: 'present' }),
  }),
  differences: [
    'Locales that glibc brings without generating (C.UTF-8) count as present.',
    'Hosts without locale-gen (RedHat and its relatives) get their locales from localedef.',
  ],
  touches: () => [GEN],

  *probe({ name }): Steps<Found> {
    const commands = `locale -a 2>/dev/null | grep -qxF -e ${quote(spelled(name))} -e ${quote(name)} && field generated
c=$(grep -hsE ${quote(`^#? ?${name.replaceAll('.', '\\.')} `)} /usr/share/i18n/SUPPORTED ${GEN} | head -n 1); field charset "\${c##* }"
command -v locale-gen >/dev/null 2>&1 && field locale-gen
command -v localedef >/dev/null 2>&1 && field localedef`;
    const found = yield* readText(GEN, commands);
    const charset = found.records.text('charset') ?? '';
    return {
      ...found,
      generated: found.records.has('generated'),
      supported: charset !== '' || (!found.records.has('locale-gen') && found.records.has('localedef')),
      charset: charset || (name.split('.')[1] ?? 'UTF-8').replace(/@.*/, ''),
    };
  },

  diff(found, { name, state }) {
    if (!found.supported && !(found.generated && state === 'present'))
      throw new ModuleError(
        `The locale you've entered is not available on your system: ${name}. Is the package "locales" installed?`,
      );
    const wanted = state === 'present';
    if (found.generated === wanted) return { changes: [] };
    const after = switchLocale(found.text ?? '', name, found.charset, wanted);
    const edit = found.text !== undefined && after !== found.text;
    return {
      changes: [`${wanted ? 'generate' : 'remove'} locale ${name}`],
      ...(edit && { diff: [textDiff(found.text, after, found.file.path)] }),
    };
  },

  *apply(found, { name, state }) {
    if (found.text !== undefined) {
      const after = switchLocale(found.text, name, found.charset, state === 'present');
      if (after !== found.text) yield* writeText(found, after);
    }
    const [base = '', modifier] = name.split('@');
    const input = partAt(base.split('.'), 0) + (modifier === undefined ? '' : `@${modifier}`);
    const without = `localedef --delete-from-archive ${quote(spelled(name))} 2>/dev/null; :`;
    const make = `localedef -i ${quote(input)} -f ${quote(found.charset)} ${quote(name)}`;
    const script = `PATH=$PATH:/usr/sbin
if command -v locale-gen >/dev/null 2>&1; then ${state === 'absent' ? `${without}; ` : ''}locale-gen; else ${state === 'present' ? make : without}; fi`;
    const reply = yield* sh(script, { live: true });
    if (reply.rc !== 0)
      throw new ModuleError(`cannot generate locales: ${reply.stderr.trim()}`, { rc: reply.rc });
    return {};
  },
});
