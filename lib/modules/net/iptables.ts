import type { Static } from 'typebox';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';

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

function stateMatch(a: Args): string[] {
  if (a.match.includes('conntrack')) return csv('--ctstate', a.ctstate);
  if (a.match.includes('state')) return csv('--state', a.ctstate);
  return a.ctstate.length > 0 ? ['-m', 'conntrack', ...csv('--ctstate', a.ctstate)] : [];
}

/** The words of the rule, in the order Ansible writes them. */
export function ruleWords(a: Args): string[] {
  const logging = (a.log_prefix ?? a.log_level) !== undefined;
  const jump = a.jump ?? (logging ? 'LOG' : undefined);
  if (logging && jump !== 'LOG')
    throw new ModuleError('Logging options can only be used with the LOG jump target.');
  const range = a.match.includes('iprange') ? [] : match(a.src_range ?? a.dst_range, 'iprange');
  const set = a.match.includes('set') ? [] : match(a.match_set, 'set');
  return [
    ...param('-p', a.protocol),
    ...param('-s', a.source),
    ...param('-d', a.destination),
    ...a.match.flatMap(m => param('-m', m)),
    ...tcpFlags(a.tcp_flags),
    ...param('-j', jump),
    ...(jump?.toLowerCase() === 'tee' ? param('--gateway', a.gateway) : []),
    ...param('--log-prefix', a.log_prefix),
    ...param('--log-level', a.log_level),
    ...param('--to-destination', a.to_destination),
    ...match(a.destination_ports.length, 'multiport'),
    ...csv('--dports', a.destination_ports),
    ...param('--to-source', a.to_source),
    ...param('-g', a.goto),
    ...param('-i', a.in_interface),
    ...param('-o', a.out_interface),
    ...param('-f', a.fragment),
    ...param('-c', a.set_counters),
    ...param('--source-port', a.source_port),
    ...param('--destination-port', a.destination_port),
    ...param('--to-ports', a.to_ports),
    ...param('--set-dscp', a.set_dscp_mark),
    ...param('--set-dscp-class', a.set_dscp_mark_class),
    ...(a.syn === 'match' ? ['--syn'] : a.syn === 'negate' ? ['!', '--syn'] : []),
    ...stateMatch(a),
    ...range,
    ...param('--src-range', a.src_range),
    ...param('--dst-range', a.dst_range),
    ...set,
    ...param('--match-set', a.match_set),
    ...(a.match_set !== undefined && a.match_set_flags !== undefined ? [a.match_set_flags] : []),
    ...match(a.limit ?? a.limit_burst, 'limit'),
    ...param('--limit', a.limit),
    ...param('--limit-burst', a.limit_burst),
    ...match(a.uid_owner, 'owner'),
    ...param('--uid-owner', a.uid_owner),
    ...match(a.gid_owner, 'owner'),
    ...param('--gid-owner', a.gid_owner),
    ...(jump === undefined && a.reject_with !== undefined ? ['-j', 'REJECT'] : []),
    ...param('--reject-with', a.reject_with),
    ...param(a.ip_version === 'ipv6' ? '--icmpv6-type' : '--icmp-type', a.icmp_type),
    ...match(a.comment, 'comment'),
    ...(a.comment === undefined ? [] : ['--comment', a.comment]),
  ];
}

const program = (a: Args) => (a.ip_version === 'ipv6' ? 'ip6tables' : 'iptables');

function command(a: Args, action: string, words: readonly string[] = []): string {
  const wait = a.wait === undefined ? ['-w'] : ['-w', a.wait];
  return [program(a), ...wait, '-t', a.table, action, ...(a.chain === undefined ? [] : [a.chain]), ...words]
    .map(quote)
    .join(' ');
}

interface Found {
  readonly rule: boolean;
  readonly chain: boolean;
  readonly policy: string | undefined;
}

/** Commands that bring the chain to what is wanted. Pure. */
function plan(found: Found, a: Args): readonly string[] {
  if (a.flush) return [command(a, '-F')];
  if (a.policy !== undefined) {
    if (found.policy === undefined) throw new ModuleError("Can't detect current policy");
    return found.policy === a.policy ? [] : [command(a, '-P', [a.policy])];
  }
  const words = ruleWords(a);
  if (a.state === 'absent' && words.length === 0)
    return found.chain && a.chain_management ? [command(a, '-X')] : [];
  if (a.state === 'absent') return found.rule ? [command(a, '-D', words)] : [];
  const make = !found.chain && a.chain_management ? [command(a, '-N')] : [];
  if (words.length === 0 && a.chain_management) return make;
  if (found.rule) return [];
  const add =
    a.action === 'insert'
      ? command(a, '-I', [...(a.rule_num === undefined ? [] : [a.rule_num]), ...words])
      : command(a, '-A', words);
  return [...make, add];
}

export const iptables = defineState({
  name: 'iptables',
  summary: 'Keeps rules of the packet filter.',
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
  touches: a => [`iptables:${a.ip_version}:${a.table}`],

  *probe(a): Steps<Found> {
    if (!a.flush && a.chain === undefined)
      throw new ModuleError('Either chain or flush parameter must be specified.');
    const missing = `the program ${program(a)} is missing on this host (package iptables)`;
    const words = a.flush || a.policy !== undefined ? [] : ruleWords(a);
    const reply = yield* sh(`PATH=$PATH:/usr/sbin:/sbin
command -v ${program(a)} >/dev/null 2>&1 || { echo ${quote(missing)} >&2; exit 96; }
${words.length === 0 ? ':' : `e=$(${command(a, '-C', words)} 2>&1) && echo rule`}
${a.chain === undefined ? ':' : `p=$(${command(a, '-S')} 2>/dev/null) && { echo chain; echo "$p" | head -n 1; }`}
case $e in *'ermission denied'*|*'must be root'*|*'Bad argument'*|*'unknown option'*|*'host/network'*|*'nvalid '*) echo "$e" >&2; exit 95;; esac
:`);
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim(), { rc: reply.rc });
    return {
      rule: /^rule$/m.test(reply.stdout),
      chain: /^chain$/m.test(reply.stdout),
      policy: /^-P \S+ (\S+)/m.exec(reply.stdout)?.[1],
    };
  },

  diff(found, a) {
    return {
      changes: plan(found, a),
      result: {
        ip_version: a.ip_version,
        table: a.table,
        chain: a.chain ?? null,
        flush: a.flush,
        rule: ruleWords(a).join(' '),
        state: a.state,
        chain_management: a.chain_management,
      },
    };
  },

  *apply(found, a) {
    const reply = yield* sh(
      ['PATH=$PATH:/usr/sbin:/sbin', ...plan(found, a).map(c => `${c} || exit $?`)].join('\n'),
    );
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`, { rc: reply.rc });
    return {};
  },
});
