import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { ask } from '../kit/reply.ts';

const args = Type.Object({
  service: A.opt(A.str('Service.')),
  port: A.opt(A.str('Port or range with its protocol, such as 5432/tcp.')),
  protocol: A.opt(A.str('Protocol.')),
  source: A.opt(A.str('Source address or network.')),
  interface: A.opt(A.str('Interface.')),
  rich_rule: A.opt(A.str('Rich rule.')),
  masquerade: A.opt(A.bool('Masquerading.')),
  icmp_block: A.opt(A.str('ICMP type to block.')),
  zone: A.opt(A.str('Zone; the default one when not given.')),
  state: A.choice(
    ['enabled', 'disabled', 'present', 'absent'],
    'Whether it should be there; for a zone alone: present or absent.',
  ),
  permanent: A.opt(A.bool('Keep it over a reload.')),
  immediate: A.bool('Apply it to the running firewall too, with permanent.', { default: false }),
  offline: A.bool('Work without a running firewalld.', { default: false }),
  timeout: A.int('Seconds after which a rule that is not permanent goes.', { default: 0 }),
});

type Args = Static<typeof args>;

/** What is managed, as firewall-cmd's options spell it. */
function subject(args: Args): { readonly option: string; readonly value: string | undefined } {
  const given = [
    ['service', args.service],
    ['port', args.port],
    ['protocol', args.protocol],
    ['source', args.source],
    ['interface', args.interface],
    ['rich-rule', args.rich_rule],
    ['icmp-block', args.icmp_block],
  ].filter((entry): entry is [string, string] => entry[1] !== undefined);
  const all = args.masquerade === undefined ? given : [...given, ['masquerade', undefined] as const];
  if (all.length > 1)
    throw new ModuleError(
      'can only operate on port, service, rich_rule, masquerade, icmp_block, interface, source, or protocol at once',
    );
  const [option, value] = all[0] ?? ['', undefined];
  return { option, value };
}

const wantedOn = (args: Args) =>
  (args.state === 'enabled' || args.state === 'present') === (args.masquerade ?? true);

function base(args: Args, permanent: boolean): string {
  const program = args.offline ? 'firewall-offline-cmd' : 'firewall-cmd';
  const { option } = subject(args);
  return [
    program,
    ...(permanent && !args.offline ? ['--permanent'] : []),
    ...(args.zone === undefined || option === '' ? [] : [`--zone=${args.zone}`]),
  ]
    .map(quote)
    .join(' ');
}

function line(args: Args, verb: 'query' | 'add' | 'remove', permanent: boolean): string {
  const { option, value } = subject(args);
  const timeout = verb === 'add' && !permanent && args.timeout > 0 ? ` --timeout=${args.timeout}` : '';
  if (option === '') {
    const words = {
      query: `--info-zone=${args.zone}`,
      add: `--new-zone=${args.zone}`,
      remove: `--delete-zone=${args.zone}`,
    };
    return `${base(args, true)} ${quote(words[verb])}`;
  }
  return `${base(args, permanent)} ${quote(value === undefined ? `--${verb}-${option}` : `--${verb}-${option}=${value}`)}${timeout}`;
}

interface Found {
  readonly runtime: boolean;
  readonly permanent: boolean;
}

/** In which configurations the rule is kept. */
function places(args: Args): { readonly runtime: boolean; readonly permanent: boolean } {
  if (args.offline || subject(args).option === '') return { runtime: false, permanent: true };
  const permanent = args.permanent ?? false;
  return { runtime: !permanent || args.immediate, permanent };
}

function commands(found: Found, args: Args): readonly string[] {
  const on = wantedOn(args);
  const where = places(args);
  const verb = on ? 'add' : 'remove';
  return [
    ...(where.permanent && found.permanent !== on ? [line(args, verb, true)] : []),
    ...(where.runtime && found.runtime !== on ? [line(args, verb, false)] : []),
  ];
}

export const firewalld = defineState({
  name: 'firewalld',
  aliases: ['ansible.posix.firewalld'],
  summary: 'Keeps rules of firewalld.',
  examples: `
- name: Let clients reach the database
  firewalld:
    port: 5432/tcp
    permanent: true
    immediate: true
    state: enabled
`,
  args,
  rules: {
    requiredOneOf: [
      ['service', 'port', 'protocol', 'source', 'interface', 'rich_rule', 'masquerade', 'icmp_block', 'zone'],
    ],
  },
  returns: { msg: 'What was changed.' },
  differences: ['Works through firewall-cmd; no Python is needed on the host.'],
  touches: args => [`firewalld:${args.zone ?? ''}`],

  *probe(args): Steps<Found> {
    if (args.permanent === undefined && !args.offline && args.immediate)
      throw new ModuleError('immediate has a meaning only with permanent');
    const { option } = subject(args);
    if (option === '' && !args.permanent && !args.offline)
      throw new ModuleError(
        "Zone operations must be permanent. Make sure you didn't set the 'permanent' flag to 'false'.",
      );
    const program = args.offline ? 'firewall-offline-cmd' : 'firewall-cmd';
    const where = places(args);
    const running = args.offline
      ? ':'
      : `firewall-cmd --state >/dev/null 2>&1 || { echo 'firewall is not currently running, unable to perform immediate actions without a running firewall daemon' >&2; exit 95; }`;
    const reply = yield* ask(`PATH=$PATH:/usr/sbin:/sbin
${needsProgram(program, 'firewalld')}
${running}
${where.permanent ? `${line(args, 'query', true)} >/dev/null 2>&1 && field permanent` : ':'}
${where.runtime ? `${line(args, 'query', false)} >/dev/null 2>&1 && field runtime` : ':'}
:`);
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim(), { rc: reply.rc });
    return { runtime: reply.has('runtime'), permanent: reply.has('permanent') };
  },

  diff(found, args) {
    const work = commands(found, args);
    const { option, value } = subject(args);
    const what = option === '' ? `zone ${args.zone}` : `${option} ${value ?? ''}`.trim();
    return {
      changes: work.map(() => `firewalld: ${what} ${wantedOn(args) ? 'on' : 'off'}`),
      result: { msg: work.length > 0 ? `Changed ${what} to ${args.state}` : '' },
    };
  },

  *apply(found, args) {
    const reply = yield* sh(
      ['PATH=$PATH:/usr/sbin:/sbin', ...commands(found, args).map(c => `${c} >/dev/null || exit $?`)].join(
        '\n',
      ),
    );
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`, { rc: reply.rc });
    return {};
  },
});
