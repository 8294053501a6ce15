import type { Static } from 'typebox';
import { A, Type } from './args.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Result,
  type Steps,
  sh,
} from './module.ts';

const args = Type.Object({
  state: A.opt(A.choice(['enabled', 'disabled', 'reloaded', 'reset'], 'State of the firewall.')),
  default: A.opt(
    A.choice(['allow', 'deny', 'reject'], 'What happens to packets no rule is for.', { aliases: ['policy'] }),
  ),
  direction: A.opt(
    A.choice(['in', 'incoming', 'out', 'outgoing', 'routed'], 'Direction of the rule or the default.'),
  ),
  logging: A.opt(A.choice(['on', 'off', 'low', 'medium', 'high', 'full'], 'Logging.')),
  rule: A.opt(A.choice(['allow', 'deny', 'limit', 'reject'], 'Kind of rule.')),
  delete: A.bool('Remove the rule.', { default: false }),
  insert: A.opt(A.int('Place of the rule.')),
  from_ip: A.str('Source.', { default: 'any', aliases: ['from', 'src'] }),
  from_port: A.opt(A.str('Source port.')),
  to_ip: A.str('Destination.', { default: 'any', aliases: ['dest', 'to'] }),
  to_port: A.opt(A.str('Destination port.', { aliases: ['port'] })),
  proto: A.opt(
    A.choice(['any', 'tcp', 'udp', 'ipv6', 'esp', 'ah', 'gre', 'igmp'], 'Protocol.', {
      aliases: ['protocol'],
    }),
  ),
  name: A.opt(A.str('Application profile.', { aliases: ['app'] })),
  interface: A.opt(A.str('Interface.', { aliases: ['if'] })),
  interface_in: A.opt(A.str('Interface that packets come in by.', { aliases: ['if_in'] })),
  interface_out: A.opt(A.str('Interface that packets leave by.', { aliases: ['if_out'] })),
  route: A.bool('Rule for packets that are forwarded.', { default: false }),
  log: A.bool('Log packets the rule is for.', { default: false }),
  comment: A.opt(A.str('Comment on the rule.')),
});

type Args = Static<typeof args>;

function ruleWords(a: Args): string[] {
  const direction = a.direction === undefined ? [] : [a.direction.startsWith('in') ? 'in' : 'out'];
  return [
    ...(a.route ? ['route'] : []),
    ...(a.delete ? ['delete'] : []),
    ...(a.insert === undefined || a.delete ? [] : ['insert', String(a.insert)]),
    a.rule!,
    ...direction,
    ...(a.interface === undefined ? [] : ['on', a.interface]),
    ...(a.interface_in === undefined ? [] : ['in', 'on', a.interface_in]),
    ...(a.interface_out === undefined ? [] : ['out', 'on', a.interface_out]),
    ...(a.log ? ['log'] : []),
    'from',
    a.from_ip,
    ...(a.from_port === undefined ? [] : ['port', a.from_port]),
    'to',
    a.to_ip,
    ...(a.to_port === undefined ? [] : ['port', a.to_port]),
    ...(a.proto === undefined || a.proto === 'any' ? [] : ['proto', a.proto]),
    ...(a.name === undefined ? [] : ['app', a.name]),
    ...(a.comment === undefined || a.delete ? [] : ['comment', a.comment]),
  ];
}

/** Commands of ufw, in order. */
function commands(a: Args): string[][] {
  const state = { enabled: ['enable'], disabled: ['disable'], reloaded: ['reload'], reset: ['reset'] };
  return [
    ...(a.state === undefined ? [] : [['--force', ...state[a.state]]]),
    ...(a.default === undefined
      ? []
      : [
          [
            'default',
            a.default,
            ...(a.direction === undefined
              ? []
              : [a.direction.replace(/^(in|out)$/, '$1coming').replace('outcoming', 'outgoing')]),
          ],
        ]),
    ...(a.logging === undefined ? [] : [['logging', a.logging]]),
    ...(a.rule === undefined ? [] : [ruleWords(a)]),
  ];
}

const line = (words: readonly string[], dry: boolean) =>
  ['ufw', ...(dry ? ['--dry-run'] : []), ...words].map(quote).join(' ');

// ufw says nothing of what it would change: its status and rules before and after do.
const STATE = `snapshot() { ufw status verbose 2>/dev/null; grep -h '^### tuple' /etc/ufw/user.rules /etc/ufw/user6.rules /lib/ufw/user.rules /lib/ufw/user6.rules 2>/dev/null; :; }`;

function* run(a: Args, ctx: ModuleContext): Steps<Result> {
  const work = commands(a);
  const script = ctx.checkMode
    ? `snapshot >/dev/null; ufw status verbose; printf '\\036'; ${work.map(w => `${line(w, true)} || exit $?; printf '\\036'`).join('\n')}`
    : `snapshot; printf '\\036'; ${work.map(w => `e=$(${line(w, false)} 2>&1) || { echo "$e" >&2; exit 95; }`).join('\n')}\nsnapshot`;
  const reply = yield* sh(
    `PATH=$PATH:/usr/sbin:/sbin\ncommand -v ufw >/dev/null 2>&1 || { echo 'the program ufw is missing on this host (package ufw)' >&2; exit 96; }\n${STATE}\n${script}`,
  );
  if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim() || reply.stdout.trim(), { rc: reply.rc });
  const [before = '', ...after] = reply.stdout.split('\u001e');
  const list = work.map(w => line(w, false));
  if (!ctx.checkMode) {
    const now = (after[0] ?? '').trim();
    return {
      changed: a.state === 'reloaded' || a.state === 'reset' || before.trim() !== now,
      commands: list,
      msg: now,
    };
  }
  const active = /^Status: active/m.test(before);
  const changed = work.some((words, i) => predicts(words, after[i] ?? '', before, active));
  return { changed, commands: list, msg: before.trim() };
}

/** Whether a command of a dry run would change something. */
function predicts(words: readonly string[], said: string, status: string, active: boolean): boolean {
  if (words.includes('enable')) return !active;
  if (words.includes('disable')) return active;
  if (words.includes('reload') || words.includes('reset')) return true;
  if (words[0] === 'default') {
    const now = new RegExp(`(\\w+) \\(${words[2] ?? 'incoming'}\\)`).exec(status)?.[1];
    return now !== words[1];
  }
  if (words[0] === 'logging')
    return !(
      words[1] === 'off'
        ? /^Logging: off/m
        : words[1] === 'on'
          ? /^Logging: on/m
          : new RegExp(`^Logging: on \\(${words[1]}\\)`, 'm')
    ).test(status);
  return !/Skipping (adding|inserting) existing rule|Could not delete non-existent rule/.test(said);
}

export const ufw = defineAction({
  name: 'ufw',
  aliases: ['community.general.ufw'],
  summary: 'Keeps rules of ufw.',
  args,
  rules: { requiredOneOf: [['state', 'default', 'rule', 'logging']] },
  returns: { commands: 'The commands.', msg: 'Status of the firewall.' },
  differences: ['Tried on lab hosts with the rules of public playbooks, and on prepared answers.'],
  run,
  check: run,
});
