import type { Static } from 'typebox';
import { entryOf } from '../../source/record.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';

const args = Type.Object({
  name: A.str('Name of the module, as a2enmod takes it.'),
  state: A.choice(['absent', 'present'], 'Whether the module is enabled.', { default: 'present' }),
  identifier: A.opt(A.str('Name of the module in apache2ctl -M, when it is not NAME_module.')),
  force: A.bool('Disable it even when that is dangerous.', { default: false }),
  ignore_configcheck: A.bool('Go on when the configuration is broken.', { default: false }),
  warn_mpm_absent: A.bool('Accepted; there is no such warning.', { default: true }),
});

type Args = Static<typeof args>;

const NAMES: Readonly<Record<string, string>> = {
  shib: 'mod_shib',
  shib2: 'mod_shib',
  evasive: 'evasive20_module',
  dump_io: 'dumpio_module',
};

/** What apache2ctl calls a module. */
export function identifierOf(args: Pick<Args, 'name' | 'identifier'>): string {
  if (args.identifier !== undefined) return args.identifier;
  const php = /^php(\d)/.exec(args.name)?.[1];
  if (php !== undefined) return Number(php) >= 8 ? 'php_module' : `php${php}_module`;
  return entryOf(NAMES, args.name) ?? `${args.name}_module`;
}

export const apache2Module = defineState({
  name: 'apache2_module',
  aliases: ['community.general.apache2_module'],
  summary: 'Enables and disables modules of Apache on Debian.',
  examples: `
- name: Let Apache pass requests to the metrics page
  apache2_module: {name: proxy_http, state: present}
`,
  args,
  returns: { result: 'What was done.' },
  touches: () => ['/etc/apache2'],

  *probe(args): Steps<boolean> {
    const reply = yield* sh(`PATH=$PATH:/usr/sbin:/sbin
ctl=$(command -v apache2ctl || command -v apachectl) || exit 96; $ctl -M`);
    if (reply.rc === 96)
      throw new ModuleError(
        'Neither of apache2ctl nor apachectl found. At least one apache control binary is necessary.',
      );
    if (reply.rc !== 0 && !args.ignore_configcheck)
      throw new ModuleError(`Error executing apache2ctl -M: ${reply.stderr.trim()}`, { rc: reply.rc });
    return new RegExp(`^\\s*${identifierOf(args)}\\s`, 'm').test(reply.stdout.replaceAll(' (', '  ('));
  },

  diff(found, args) {
    const wanted = args.state === 'present';
    const what = `Module ${args.name} ${wanted ? 'enabled' : 'disabled'}`;
    return { changes: found === wanted ? [] : [what], result: { result: what } };
  },

  *apply(_, args) {
    const command = `${args.state === 'present' ? 'a2enmod' : 'a2dismod'}${args.force ? ' -f' : ''} ${quote(args.name)}`;
    const reply = yield* sh(`PATH=$PATH:/usr/sbin:/sbin; ${command}`);
    if (reply.rc !== 0)
      throw new ModuleError(
        `Failed to set module ${args.name} to ${args.state}: ${(reply.stderr + reply.stdout).trim()}`,
        {
          rc: reply.rc,
          stdout: reply.stdout,
          stderr: reply.stderr,
        },
      );
    return {};
  },
});
