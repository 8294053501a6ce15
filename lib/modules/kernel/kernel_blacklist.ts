import type { Static } from 'typebox';
import { escapeRegExp } from '../../source/escape-regexp.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState } from '../kit/define.ts';
import { linesOf, readText, type TextFile, textDiff, writeText } from '../kit/text-file.ts';

const args = Type.Object({
  name: A.str('Kernel module that is not to be loaded.'),
  state: A.choice(['absent', 'present'], 'Whether the module is on the list.', { default: 'present' }),
  blacklist_file: A.path('The list.', { default: '/etc/modprobe.d/blacklist-ansible.conf' }),
});

/** The list with the kernel module on it, or without it. Pure. */
export function keepListed(text: string, { name, state }: Static<typeof args>): string {
  const entry = new RegExp(`^\\s*blacklist\\s+${escapeRegExp(name)}\\s*$`);
  const lines = linesOf(text);
  if (state === 'absent') return lines.filter(line => !entry.test(line)).join('');
  if (lines.some(line => entry.test(line))) return text;
  return [...lines, ...(/[^\n]$/.test(text) ? ['\n'] : []), `blacklist ${name}\n`].join('');
}

export const kernelBlacklist = defineState({
  name: 'kernel_blacklist',
  aliases: ['community.general.kernel_blacklist'],
  summary: 'Keeps kernel modules from being loaded by themselves.',
  examples: `
- name: Keep the watchdog from rebooting the host
  kernel_blacklist: {name: iTCO_wdt}
`,
  args,
  touches: args => [args.blacklist_file],

  probe: args => readText(args.blacklist_file),

  diff({ file, text = '' }: TextFile, args) {
    const after = keepListed(text, args);
    const changes = after === text ? [] : [`${file.path}: ${args.name} ${args.state}`];
    return { changes, ...(after !== text && { diff: [textDiff(text, after, file.path)] }) };
  },

  apply: (found, args) => writeText(found, keepListed(found.text ?? '', args)),
});
