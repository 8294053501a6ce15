import type { Static } from 'typebox';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { ask } from '../kit/reply.ts';

const text = (description: string) => A.opt(A.str(description));
const list = (description: string) => A.list(description, { default: [] });

const args = Type.Object({
  table: A.choice(['filter', 'nat', 'mangle', 'raw', 'security'], 'Table.', { default: 'filter' }),
  state: A.choice(['absent', 'present'], 'Whether the rule should be there.', { default: 'present' }),
  action: A.choice(['append', 'insert'], 'Where a new rule goes.', { default: 'append' }),
  ip_version: A.choice(['ipv4', 'ipv6'], 'Which version of the protocol.', { default: 'ipv4' }),
  chain: text('Chain.'),
  rule_num: text('Place of an inserted rule.'),
  protocol: text('Protocol.'),
  wait: text('Seconds to wait for the lock of iptables.'),
  source: text('Source address.'),
  destination: text('Destination address.'),
  match: list('Match extensions.'),
  tcp_flags: A.opt(A.dict('flags: those to look at; flags_set: those that must be set.')),
  jump: text('Target of the rule.'),
  gateway: text('Host for the target TEE.'),
  log_prefix: text('Text before logged packets.'),
  log_level: text('Level of logged packets.'),
  goto: text('Chain to go on in.'),
  in_interface: text('Interface a packet came in at.'),
  out_interface: text('Interface a packet leaves at.'),
  fragment: text('Fragments only.'),
  set_counters: text('Counters of a new rule.'),
  source_port: text('Source port or range.'),
  destination_port: text('Destination port or range.'),
  destination_ports: list('Several destination ports.'),
  to_ports: text('Port to redirect to.'),
  to_destination: text('Address for the target DNAT.'),
  to_source: text('Address for the target SNAT.'),
  set_dscp_mark: text('DSCP mark to set.'),
  set_dscp_mark_class: text('DSCP class to set.'),
  comment: text('Comment on the rule.'),
  ctstate: list('States of the connection.'),
  src_range: text('Range of source addresses.'),
  dst_range: text('Range of destination addresses.'),
  match_set: text('Name of an ipset.'),
  match_set_flags: A.opt(
    A.choice(['src', 'dst', 'src,dst', 'dst,src', 'src,src', 'dst,dst'], 'What is looked up in the ipset.'),
  ),
  limit: text('Packets per time.'),
  limit_burst: text('Packets before the limit counts.'),
  uid_owner: text('User that sent the packet.'),
  gid_owner: text('Group that sent the packet.'),
  reject_with: text('Answer to a rejected packet.'),
  icmp_type: text('Type of an ICMP packet.'),
  syn: A.choice(['ignore', 'match', 'negate'], 'Whether SYN must be set.', { default: 'ignore' }),
  flush: A.bool('Remove all rules of the chain, or of the table.', { default: false }),
  policy: A.opt(A.choice(['ACCEPT', 'DROP', 'QUEUE', 'RETURN'], 'Policy of the chain.')),
  chain_management: A.bool('Make the chain if it is missing; remove it with state=absent and no rule.', {
    default: false,
  }),
  numeric: A.bool('Accepted; names are never looked up.', { default: false }),
});

type Args = Static<typeof args>;

/** A flag with its value; `!` before the value goes before the flag. */
function param(flag: string, value: string | undefined): string[] {
  if (value === undefined || value === '') return [];
  return value.startsWith('!') ? ['!', flag, value.slice(1).trim()] : [flag, value];
}

const csv = (flag: string, values: readonly string[]) => (values.length > 0 ? [flag, values.join(',')] : []);
const match = (needed: unknown, name: string) => (needed ? ['-m', name] : []);

function tcpFlags(value: Readonly<Record<string, Json>> | undefined): string[] {
  const { flags, flags_set: set } = value ?? {};
  return Array.isArray(flags) && Array.isArray(set) ? ['--tcp-flags', flags.join(','), set.join(',')] : [];
}

function stateMatch(args: Args): string[] {
  if (args.match.includes('conntrack')) return csv('--ctstate', args.ctstate);
  if (args.match.includes('state')) return csv('--state', args.ctstate);
  return args.ctstate.length > 0 ? ['-m', 'conntrack', ...csv('--ctstate', args.ctstate)] : [];
}

/** The words of the rule, in the order Ansible writes them. */
export function ruleWords(args: Args): string[] {
  const logging = (args.log_prefix ?? args.log_level) !== undefined;
  const jump = args.jump ?? (logging ? 'LOG' : undefined);
  if (logging && jump !== 'LOG')
    throw new ModuleError('Logging options can only be used with the LOG jump target.');
  const range = args.match.includes('iprange') ? [] : match(args.src_range ?? args.dst_range, 'iprange');
  const set = args.match.includes('set') ? [] : match(args.match_set, 'set');
  return [
    ...param('-p', args.protocol),
    ...param('-s', args.source),
    ...param('-d', args.destination),
    ...args.match.flatMap(m => param('-m', m)),
    ...tcpFlags(args.tcp_flags),
    ...param('-j', jump),
    ...(jump?.toLowerCase() === 'tee' ? param('--gateway', args.gateway) : []),
    ...param('--log-prefix', args.log_prefix),
    ...param('--log-level', args.log_level),
    ...param('--to-destination', args.to_destination),
    ...match(args.destination_ports.length, 'multiport'),
    ...csv('--dports', args.destination_ports),
    ...param('--to-source', args.to_source),
    ...param('-g', args.goto),
    ...param('-i', args.in_interface),
    ...param('-o', args.out_interface),
    ...param('-f', args.fragment),
    ...param('-c', args.set_counters),
    ...param('--source-port', args.source_port),
    ...param('--destination-port', args.destination_port),
    ...param('--to-ports', args.to_ports),
    ...param('--set-dscp', args.set_dscp_mark),
    ...param('--set-dscp-class', args.set_dscp_mark_class),
    ...(args.syn === 'match' ? ['--syn'] : args.syn === 'negate' ? ['!', '--syn'] : []),
    ...stateMatch(args),
    ...range,
    ...param('--src-range', args.src_range),
    ...param('--dst-range', args.dst_range),
    ...set,
    ...param('--match-set', args.match_set),
    ...(args.match_set !== undefined && args.match_set_flags !== undefined ? [args.match_set_flags] : []),
    ...match(args.limit ?? args.limit_burst, 'limit'),
    ...param('--limit', args.limit),
    ...param('--limit-burst', args.limit_burst),
    ...match(args.uid_owner, 'owner'),
    ...param('--uid-owner', args.uid_owner),
    ...match(args.gid_owner, 'owner'),
    ...param('--gid-owner', args.gid_owner),
    ...(jump === undefined && args.reject_with !== undefined ? ['-j', 'REJECT'] : []),
    ...param('--reject-with', args.reject_with),
    ...param(args.ip_version === 'ipv6' ? '--icmpv6-type' : '--icmp-type', args.icmp_type),
    ...match(args.comment, 'comment'),
    ...(args.comment === undefined ? [] : ['--comment', args.comment]),
  ];
}

const program = (args: Args) => (args.ip_version === 'ipv6' ? 'ip6tables' : 'iptables');

function command(args: Args, action: string, words: readonly string[] = []): string {
  const wait = args.wait === undefined ? ['-w'] : ['-w', args.wait];
  return [
    program(args),
    ...wait,
    '-t',
    args.table,
    action,
    ...(args.chain === undefined ? [] : [args.chain]),
    ...words,
  ]
    .map(quote)
    .join(' ');
}

interface Found {
  readonly rule: boolean;
  readonly chain: boolean;
  readonly policy: string | undefined;
}

/** Commands that bring the chain to what is wanted. Pure. */
function plan(found: Found, args: Args): readonly string[] {
  if (args.flush) return [command(args, '-F')];
  if (args.policy !== undefined) {
    if (found.policy === undefined) throw new ModuleError("Can't detect current policy");
    return found.policy === args.policy ? [] : [command(args, '-P', [args.policy])];
  }
  const words = ruleWords(args);
  if (args.state === 'absent' && words.length === 0)
    return found.chain && args.chain_management ? [command(args, '-X')] : [];
  if (args.state === 'absent') return found.rule ? [command(args, '-D', words)] : [];
  const make = !found.chain && args.chain_management ? [command(args, '-N')] : [];
  if (words.length === 0 && args.chain_management) return make;
  if (found.rule) return [];
  const add =
    args.action === 'insert'
      ? command(args, '-I', [...(args.rule_num === undefined ? [] : [args.rule_num]), ...words])
      : command(args, '-A', words);
  return [...make, add];
}

export const iptables = defineState({
  name: 'iptables',
  summary: 'Keeps rules of the packet filter.',
  examples: `
- name: Let only the nodes reach the exported disks
  iptables:
    chain: INPUT
    protocol: tcp
    destination_port: "10809"
    source: 10.0.0.0/24
    jump: ACCEPT
`,
  args,
  rules: {
    mutuallyExclusive: [
      ['set_dscp_mark', 'set_dscp_mark_class'],
      ['flush', 'policy'],
    ],
    requiredIf: [
      ['jump', 'TEE', ['gateway']],
      ['jump', 'tee', ['gateway']],
    ],
  },
  returns: { rule: 'The rule as words.', chain: 'Chain.', table: 'Table.' },
  differences: ['Removing a chain needs chain_management; without it nothing is reported as changed.'],
  touches: args => [`iptables:${args.ip_version}:${args.table}`],

  *probe(args): Steps<Found> {
    if (!args.flush && args.chain === undefined)
      throw new ModuleError('Either chain or flush parameter must be specified.');
    const words = args.flush || args.policy !== undefined ? [] : ruleWords(args);
    const reply = yield* ask(`PATH=$PATH:/usr/sbin:/sbin
${needsProgram(program(args), 'iptables')}
${words.length === 0 ? ':' : `e=$(${command(args, '-C', words)} 2>&1) && field rule`}
${args.chain === undefined ? ':' : `p=$(${command(args, '-S')} 2>/dev/null) && field chain "$p"`}
case $e in *'ermission denied'*|*'must be root'*|*'Bad argument'*|*'unknown option'*|*'host/network'*|*'nvalid '*) echo "$e" >&2; exit 95;; esac
:`);
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim(), { rc: reply.rc });
    return {
      rule: reply.has('rule'),
      chain: reply.has('chain'),
      policy: /^-P \S+ (\S+)/.exec(reply.text('chain') ?? '')?.[1],
    };
  },

  diff(found, args) {
    return {
      changes: plan(found, args),
      result: {
        ip_version: args.ip_version,
        table: args.table,
        chain: args.chain ?? null,
        flush: args.flush,
        rule: ruleWords(args).join(' '),
        state: args.state,
        chain_management: args.chain_management,
      },
    };
  },

  *apply(found, args) {
    const reply = yield* sh(
      ['PATH=$PATH:/usr/sbin:/sbin', ...plan(found, args).map(c => `${c} || exit $?`)].join('\n'),
    );
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`, { rc: reply.rc });
    return {};
  },
});
