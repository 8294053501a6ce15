import { isIP } from 'node:net';
import { type Deployment, nodesOf } from '../lib/cluster/deployment.ts';

/** One rule, as pg_hba_file_rules shows it. */
export interface Rule {
  readonly line: number;
  readonly type: string | null;
  readonly databases: readonly string[] | null;
  readonly users: readonly string[] | null;
  readonly address: string | null;
  readonly netmask: string | null;
  readonly method: string | null;
  readonly options: readonly string[] | null;
  readonly error: string | null;
}

/** A rule that is meant to be there; the address as a block, such as 10.0.0.1/32. */
export interface ExpectedRule {
  readonly type: string;
  readonly databases: string;
  readonly users: string;
  readonly block: string;
  readonly method: string;
  /** As it stands in the file. */
  readonly text: string;
}

/** The rules that the role's template writes, in order. */
export function expectedRules(deployment: Deployment, user: string): readonly ExpectedRule[] {
  const { method, replicationMethod, lines } = deployment.access;
  const replication = nodesOf(deployment).map(({ address }) => {
    const family = isIP(address);
    const block = family === 0 ? address : `${address}/${family === 6 ? 128 : 32}`;
    return `host replication ${user} ${block} ${replicationMethod}`;
  });
  return [
    `local all ${user} peer`,
    `local replication ${user} peer`,
    `local all all ${method}`,
    `host all all 127.0.0.1/32 ${method}`,
    `host all all ::1/128 ${method}`,
    ...replication,
    ...lines,
  ].flatMap(text => parseLine(text) ?? []);
}

function parseLine(text: string): ExpectedRule | undefined {
  const words = text.replace(/#.*/, '').trim().split(/\s+/);
  const [type = '', databases = '', users = '', ...rest] = words;
  if (type === '') return undefined;
  if (type === 'local') return { type, databases, users, block: '', method: rest[0] ?? '', text };
  // An address may be followed by a netmask of its own.
  const netmask = isIP(rest[1] ?? '') !== 0 ? rest[1]! : undefined;
  const block = netmask === undefined ? (rest[0] ?? '') : blockOf(rest[0]!, netmask);
  return { type, databases, users, block, method: rest[netmask === undefined ? 1 : 2] ?? '', text };
}

const OPEN = ['trust'];
const CLEAR_TEXT = ['password', 'ldap', 'pam', 'radius', 'bsd'];

/** Methods that ask for a secret which nobody on the way can read, or for the name of the user of the host. */
const SAFE = ['scram-sha-256', 'md5', 'peer', 'cert', 'gss', 'sspi', 'reject'];

/**
 * What is wrong with the rules, by what they let in. Only where the roles write the file must all expected rules stand
 * there, and no others that let somebody in.
 */
export function judgeRules(
  rules: readonly Rule[],
  expected: readonly ExpectedRule[],
  written = true,
): readonly { readonly expected: string; readonly found: string }[] {
  const wrong: { expected: string; found: string }[] = [];
  const left = [...expected];
  let last = -1;
  for (const rule of rules) {
    if (rule.error !== null) {
      wrong.push({ expected: 'rules without errors', found: `line ${rule.line}: ${rule.error}` });
      continue;
    }
    const text = ruleText(rule);
    const found = `line ${rule.line}: ${text}`;
    const at = left.findIndex(wanted => sameRule(wanted, rule));
    if (at >= 0) {
      const position = rank(expected, left[at]!);
      if (position < last && written)
        wrong.push({ expected: 'the rules in the order of the inventory', found });
      last = Math.max(last, position);
      left.splice(at, 1);
      continue;
    }
    const method = rule.method ?? '';
    const block = blockOf(rule.address ?? '', rule.netmask);
    if (OPEN.includes(method)) wrong.push({ expected: 'everybody is asked for a password', found });
    else if (CLEAR_TEXT.includes(method) && rule.type !== 'hostssl')
      wrong.push({ expected: 'no password travels in clear text', found });
    else if (!written && SAFE.includes(method) && !wideReplication(rule)) continue;
    else if (method === 'reject') wrong.push({ expected: 'nobody of the inventory is shut out', found });
    else if (!expected.some(wanted => covers(wanted, rule, block)))
      wrong.push({ expected: 'nobody beyond the rules of the inventory is let in', found });
  }
  for (const { text, method } of written ? left : [])
    if (method !== 'reject' || rules.length > 0)
      wrong.push({ expected: `a rule: ${text}`, found: 'it is missing' });
  return wrong;
}

/**
 * Where a rule has to stand. The first rule that fits a client decides, so the order is a part of the meaning; but not
 * among neighbours that say the same of different addresses: the roles write the nodes in the inventory's order,
 * whoever is the primary now.
 */
function rank(expected: readonly ExpectedRule[], rule: ExpectedRule): number {
  const alike = ({ type, databases, users, method }: ExpectedRule) =>
    [type, databases, users, method].join(' ');
  let position = expected.indexOf(rule);
  while (position > 0 && alike(expected[position - 1]!) === alike(rule)) position -= 1;
  return position;
}

/** Whoever replicates reads everything: that is for single addresses. */
const wideReplication = ({ type, databases, address, netmask }: Rule): boolean =>
  type !== 'local' &&
  (databases ?? []).includes('replication') &&
  (netmask === null
    ? ['samenet', 'all'].includes(address ?? '')
    : !/\/(32|128)$/.test(blockOf(address ?? '', netmask)));

function ruleText({ type, databases, users, address, netmask, method, options }: Rule): string {
  const where = type === 'local' ? [] : [blockOf(address ?? '', netmask)];
  return [type, databases?.join(','), users?.join(','), ...where, method, ...(options ?? [])].join(' ');
}

function sameRule(wanted: ExpectedRule, rule: Rule): boolean {
  return (
    wanted.type === rule.type &&
    wanted.databases === rule.databases?.join(',') &&
    wanted.users === rule.users?.join(',') &&
    wanted.method === rule.method &&
    (rule.type === 'local' || wanted.block === blockOf(rule.address ?? '', rule.netmask)) &&
    (rule.options ?? []).every(option => wanted.text.split(/\s+/).includes(option))
  );
}

/** Whether everybody that a rule lets in is let in by another one with the same method already. */
function covers(wanted: ExpectedRule, rule: Rule, block: string): boolean {
  const within = (outer: string, inner: readonly string[] | null) =>
    (outer === 'all' && !inner?.includes('replication')) || outer === inner?.join(',');
  return (
    wanted.method === rule.method &&
    (wanted.type === rule.type || (wanted.type === 'host' && (rule.type ?? '').startsWith('host'))) &&
    within(wanted.databases, rule.databases) &&
    within(wanted.users, rule.users) &&
    (wanted.block === block ||
      (wanted.block === '0.0.0.0/0' && isIP(block.split('/')[0]!) === 4) ||
      wanted.block === 'all') &&
    (rule.options ?? []).length === 0
  );
}

/** An address and a netmask as a block: 10.0.0.0 255.255.255.0 is 10.0.0.0/24. */
export function blockOf(address: string, netmask: string | null): string {
  if (netmask === null || isIP(address) === 0) return address;
  return `${address}/${bitsOf(netmask)}`;
}

function bitsOf(netmask: string): number {
  if (isIP(netmask) === 4) return netmask.split('.').reduce((sum, part) => sum + ones(Number(part)), 0);
  const [head = '', tail] = netmask.split('::');
  const groups = [...head.split(':'), ...(tail ?? '').split(':')].filter(Boolean);
  return groups.reduce((sum, group) => sum + ones(Number.parseInt(group, 16)), 0);
}

const ones = (value: number): number => value.toString(2).replaceAll('0', '').length;
