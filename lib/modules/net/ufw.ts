import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Result,
  type Steps,
} from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { ask, type Records } from '../kit/reply.ts';

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

function ruleWords(args: Args): string[] {
  const direction = args.direction === undefined ? [] : [args.direction.startsWith('in') ? 'in' : 'out'];
  return [
    ...(args.route ? ['route'] : []),
    ...(args.delete ? ['delete'] : []),
    ...(args.insert === undefined || args.delete ? [] : ['insert', String(args.insert)]),
    defined(args.rule, 'a rule is wanted'),
    ...direction,
    ...(args.interface === undefined ? [] : ['on', args.interface]),
    ...(args.interface_in === undefined ? [] : ['in', 'on', args.interface_in]),
    ...(args.interface_out === undefined ? [] : ['out', 'on', args.interface_out]),
    ...(args.log ? ['log'] : []),
    'from',
    args.from_ip,
    ...(args.from_port === undefined ? [] : ['port', args.from_port]),
    'to',
    args.to_ip,
    ...(args.to_port === undefined ? [] : ['port', args.to_port]),
    ...(args.proto === undefined || args.proto === 'any' ? [] : ['proto', args.proto]),
    ...(args.name === undefined ? [] : ['app', args.name]),
    ...(args.comment === undefined || args.delete ? [] : ['comment', args.comment]),
  ];
}

/** Commands of ufw, in order. */
function commands(args: Args): string[][] {
  const state = { enabled: ['enable'], disabled: ['disable'], reloaded: ['reload'], reset: ['reset'] };
  return [
    ...(args.state === undefined ? [] : [['--force', ...state[args.state]]]),
    ...(args.default === undefined
      ? []
      : [
          [
            'default',
            args.default,
            ...(args.direction === undefined
              ? []
              : [args.direction.replace(/^(in|out)$/, '$1coming').replace('outcoming', 'outgoing')]),
          ],
        ]),
    ...(args.logging === undefined ? [] : [['logging', args.logging]]),
    ...(args.rule === undefined ? [] : [ruleWords(args)]),
  ];
}

// A dry run of anything else is not one: that of `enable` writes ufw.conf.
const isRule = (words: readonly string[]) => !['--force', 'default', 'logging'].includes(partAt(words, 0));

const line = (words: readonly string[], dry: boolean) =>
  ['ufw', ...(dry ? ['--dry-run'] : []), ...words].map(quote).join(' ');

const HEAD = `PATH=$PATH:/usr/sbin:/sbin
${needsProgram('ufw', 'ufw')}`;

// ufw says nothing of what it would change: its settings and rules, beside those of a dry run, do.
const LOOK = `begin status; ufw status verbose || exit $?; begin settings
grep -hE '^(ENABLED|LOGLEVEL|DEFAULT_[A-Z]*_POLICY)=' /etc/ufw/ufw.conf /etc/default/ufw 2>/dev/null
for f in user user6; do echo "$f:"; grep -h '^### tuple' /etc/ufw/$f.rules /lib/ufw/$f.rules 2>/dev/null; done`;

function* run(args: Args, ctx: ModuleContext): Steps<Result> {
  const work = commands(args);
  const dry = work.map(
    (words, i) => `begin dry${i}; ${isRule(words) ? `${line(words, true)} || exit $?` : ':'}`,
  );
  const told = yield* tell([LOOK, ...dry]);
  const text = (name: string) => told.text(name) ?? '';
  const status = text('status');
  // After a reset nothing is as it was.
  const needed = work.filter(
    (words, i) => args.state === 'reset' || predicts(words, text(`dry${i}`), status + text('settings')),
  );
  const result = { changed: needed.length > 0, commands: work.map(words => line(words, false)) };
  if (ctx.checkMode || !result.changed) return { ...result, msg: status.trim() };
  const real = needed.map(words => `e=$(${line(words, false)} 2>&1) || { echo "$e" >&2; exit 95; }`);
  return {
    ...result,
    msg: ((yield* tell([...real, 'begin status; ufw status verbose'])).text('status') ?? '').trim(),
  };
}

function* tell(lines: readonly string[]): Steps<Records> {
  const records = yield* ask([HEAD, ...lines].join('\n'));
  const { rc, stderr } = records;
  if (rc !== 0) throw new ModuleError(stderr.trim() || `ufw failed with exit code ${rc}`, { rc });
  return records;
}

const POLICIES: Readonly<Record<string, string>> = { allow: 'ACCEPT', deny: 'DROP', reject: 'REJECT' };
const CHAINS: Readonly<Record<string, string>> = { incoming: 'INPUT', outgoing: 'OUTPUT', routed: 'FORWARD' };

/** Whether a command would change something, by what its dry run said and by the state of before. */
function predicts(words: readonly string[], said: string, before: string): boolean {
  const setting = (name: string) => new RegExp(`^${name}="?(\\w+)`, 'm').exec(before)?.[1]?.toLowerCase();
  const active = /^Status: active/m.test(before);
  if (words.includes('enable')) return !active || setting('ENABLED') !== 'yes';
  if (words.includes('disable')) return active || setting('ENABLED') !== 'no';
  if (words.includes('reload') || words.includes('reset')) return true;
  if (words[0] === 'default') {
    const now = setting(`DEFAULT_${CHAINS[words[2] ?? 'incoming']}_POLICY`);
    return now !== POLICIES[partAt(words, 1)]?.toLowerCase();
  }
  if (words[0] === 'logging') {
    const level = setting('LOGLEVEL');
    return words[1] === 'on' ? level === 'off' : level !== words[1];
  }
  return rulesChange(said, before);
}

/** A dry run prints all rules of IPv4, of IPv6 or of both as they would be; those it leaves alone it does not print. */
function rulesChange(said: string, before: string): boolean {
  const [, v4 = '', v6 = ''] = before.split(/^user6?:$/m);
  return said
    .split(/^\*filter$/m)
    .slice(1)
    .some(rules => tuplesOf(rules) !== tuplesOf(rules.includes(':ufw6-') ? v6 : v4));
}

const tuplesOf = (text: string) => text.match(/^### tuple.*$/gm)?.join('\n') ?? '';

export const ufw = defineAction({
  name: 'ufw',
  aliases: ['community.general.ufw'],
  summary: 'Keeps rules of ufw.',
  examples: `
- name: Let only the application servers reach the database
  ufw: {rule: allow, from_ip: 10.0.1.0/24, to_port: "5432", proto: tcp}
`,
  args,
  rules: { requiredOneOf: [['state', 'default', 'rule', 'logging']] },
  returns: { commands: 'The commands.', msg: 'Status of the firewall.' },
  differences: ['Check mode compares the rules of a dry run with those there are.'],
  run,
  check: run,
});
