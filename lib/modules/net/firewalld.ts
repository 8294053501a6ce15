import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';

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
function subject(a: Args): { readonly option: string; readonly value: string | undefined } {
  const given = [
    ['service', a.service],
    ['port', a.port],
    ['protocol', a.protocol],
    ['source', a.source],
    ['interface', a.interface],
    ['rich-rule', a.rich_rule],
    ['icmp-block', a.icmp_block],
  ].filter((entry): entry is [string, string] => entry[1] !== undefined);
  const all = a.masquerade === undefined ? given : [...given, ['masquerade', undefined] as const];
  if (all.length > 1)
    throw new ModuleError(
      'can only operate on port, service, rich_rule, masquerade, icmp_block, interface, source, or protocol at once',
    );
  const [option, value] = all[0] ?? ['', undefined];
  return { option, value };
}

const wantedOn = (a: Args) => (a.state === 'enabled' || a.state === 'present') === (a.masquerade ?? true);

function base(a: Args, permanent: boolean): string {
  const program = a.offline ? 'firewall-offline-cmd' : 'firewall-cmd';
  const { option } = subject(a);
  return [
    program,
    ...(permanent && !a.offline ? ['--permanent'] : []),
    ...(a.zone === undefined || option === '' ? [] : [`--zone=${a.zone}`]),
  ]
    .map(quote)
    .join(' ');
}

function line(a: Args, verb: 'query' | 'add' | 'remove', permanent: boolean): string {
  const { option, value } = subject(a);
  const timeout = verb === 'add' && !permanent && a.timeout > 0 ? ` --timeout=${a.timeout}` : '';
  if (option === '') {
    const words = {
      query: `--info-zone=${a.zone}`,
      add: `--new-zone=${a.zone}`,
      remove: `--delete-zone=${a.zone}`,
    };
    return `${base(a, true)} ${quote(words[verb])}`;
  }
  return `${base(a, permanent)} ${quote(value === undefined ? `--${verb}-${option}` : `--${verb}-${option}=${value}`)}${timeout}`;
}

interface Found {
  readonly runtime: boolean;
  readonly permanent: boolean;
}

/** In which configurations the rule is kept. */
function places(a: Args): { readonly runtime: boolean; readonly permanent: boolean } {
  if (a.offline || subject(a).option === '') return { runtime: false, permanent: true };
  const permanent = a.permanent ?? false;
  return { runtime: !permanent || a.immediate, permanent };
}

function commands(found: Found, a: Args): readonly string[] {
  const on = wantedOn(a);
  const where = places(a);
  const verb = on ? 'add' : 'remove';
  return [
    ...(where.permanent && found.permanent !== on ? [line(a, verb, true)] : []),
    ...(where.runtime && found.runtime !== on ? [line(a, verb, false)] : []),
  ];
}

export const firewalld = defineState({
  name: 'firewalld',
  aliases: ['ansible.posix.firewalld'],
  summary: 'Keeps rules of firewalld.',
  args,
  rules: {
    requiredOneOf: [
      ['service', 'port', 'protocol', 'source', 'interface', 'rich_rule', 'masquerade', 'icmp_block', 'zone'],
    ],
  },
  returns: { msg: 'What was changed.' },
  differences: ['Works through firewall-cmd; no Python is needed on the host.'],
  touches: a => [`firewalld:${a.zone ?? ''}`],

  *probe(a): Steps<Found> {
    if (a.permanent === undefined && !a.offline && a.immediate)
      throw new ModuleError('immediate has a meaning only with permanent');
    const { option } = subject(a);
    if (option === '' && !a.permanent && !a.offline)
      throw new ModuleError(
        "Zone operations must be permanent. Make sure you didn't set the 'permanent' flag to 'false'.",
      );
    const program = a.offline ? 'firewall-offline-cmd' : 'firewall-cmd';
    const where = places(a);
    const running = a.offline
      ? ':'
      : `firewall-cmd --state >/dev/null 2>&1 || { echo 'firewall is not currently running, unable to perform immediate actions without a running firewall daemon' >&2; exit 95; }`;
    const reply = yield* sh(`PATH=$PATH:/usr/sbin:/sbin
command -v ${program} >/dev/null 2>&1 || { echo ${quote(`the program ${program} is missing on this host (package firewalld)`)} >&2; exit 96; }
${running}
${where.permanent ? `${line(a, 'query', true)} >/dev/null 2>&1 && echo permanent` : ':'}
${where.runtime ? `${line(a, 'query', false)} >/dev/null 2>&1 && echo runtime` : ':'}
:`);
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim(), { rc: reply.rc });
    return { runtime: /^runtime$/m.test(reply.stdout), permanent: /^permanent$/m.test(reply.stdout) };
  },

  diff(found, a) {
    const work = commands(found, a);
    const { option, value } = subject(a);
    const what = option === '' ? `zone ${a.zone}` : `${option} ${value ?? ''}`.trim();
    return {
      changes: work.map(() => `firewalld: ${what} ${wantedOn(a) ? 'on' : 'off'}`),
      result: { msg: work.length > 0 ? `Changed ${what} to ${a.state}` : '' },
    };
  },

  *apply(found, a) {
    const reply = yield* sh(
      ['PATH=$PATH:/usr/sbin:/sbin', ...commands(found, a).map(c => `${c} >/dev/null || exit $?`)].join('\n'),
    );
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`, { rc: reply.rc });
    return {};
  },
});
