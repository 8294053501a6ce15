import { createHash } from 'node:crypto';
import { A, Type } from '../../modules/kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote } from '../../modules/kit/define.ts';
import { OWN, REACH } from '../../modules/kit/reach.ts';
import { mustAsk } from '../../modules/kit/reply.ts';
import { asJson } from '../../source/json.ts';
import { stripEnd } from '../../source/strip-end.ts';

/** Who is who in the cluster, kept on the storage host; the guard of every node reads it before the database starts. */
export interface ClusterRecord {
  readonly cluster: string;
  /** Grows with every change of the primary. */
  readonly epoch: number;
  readonly primary: string;
  readonly systemIdentifier: string;
  /** Node → identity on the shared storage; those of removed nodes are never given away again. */
  readonly nodes: ReadonlyMap<string, { readonly hostid: number; readonly removed: boolean }>;
  readonly fenced: readonly string[];
}

const args = Type.Object({
  path: A.path('The record, on the storage host.', { default: '/var/lib/polar/record' }),
  cluster: A.str('Name of the cluster. Without it the record is only read.', { default: '' }),
  initial_primary: A.str('The primary to record when there is no record yet.', { default: '' }),
  primary: A.str('Makes this node the primary.', { default: '' }),
  expect_primary: A.str('Refuses to change anything unless this node is the primary.', { default: '' }),
  nodes: A.dict('Nodes to enter, with their polar_hostid.', { default: {} }),
  remove: A.list('Nodes to take out.', { default: [] }),
  fence: A.list('Nodes that may no longer reach the disks.', { default: [] }),
  unfence: A.list('Nodes that may reach the disks again.', { default: [] }),
  epoch: A.int(
    'Raises the epoch to this, when the record was lost or is an old copy: to one more than any node has seen.',
    { default: 0 },
  ),
  system_identifier: A.str('Of the database, to be kept from now on.', { default: '' }),
});
type Args = Type.Static<typeof args>;

interface Found {
  readonly text: string;
  readonly record: ClusterRecord | undefined;
}

export const polardbRecord = defineState({
  name: 'polardb_record',
  summary:
    'Reads and changes the role record on the storage host: who is primary, which nodes belong, who is fenced.',
  examples: `
# A step of switchover.yml and failover.yml, which also move the role.
- name: Write down who the primary is now
  polardb_record:
    cluster: polar
    primary: ro1
    expect_primary: rw1
  delegate_to: st1
`,
  args,
  returns: {
    exists: 'True when there is a record (or will be, when this task makes it).',
    record: 'cluster, epoch, primary, system_identifier, nodes, fenced: as they are after the task.',
  },

  *probe({ path }) {
    const reply = yield* mustSh(
      'cannot read the role record',
      `[ ! -e ${quote(path)} ] || cat ${quote(path)}`,
    );
    return {
      text: reply.stdout,
      record: reply.stdout === '' ? undefined : parseRecord(reply.stdout),
    } satisfies Found;
  },

  diff(found, args) {
    const next = args.cluster === '' ? found.record : change(found.record, args);
    const result = {
      exists: next !== undefined,
      record: next ? asJson(recordFields(next)) : {},
    };
    return { changes: next && found.record !== next ? describe(found.record, next) : [], result };
  },

  *apply({ text }, args, _ctx) {
    const next = change(text === '' ? undefined : parseRecord(text), args);
    yield* mustAsk('cannot write the role record', writeScript(args.path, text), {
      stdin: formatRecord(next),
    });
    return {};
  },
});

/** Record file → record. The last line proves that it is whole. */
export function parseRecord(text: string): ClusterRecord {
  const lines = stripEnd(text, '\n\0').split('\n');
  if (lines[0] !== 'polar-record 1' || lines.at(-1) !== 'end') {
    throw new ModuleError(
      'the role record is damaged: restore it from a backup of the storage host, or write it anew once you know who was primary',
    );
  }
  const all = (key: string) => lines.filter(l => l.startsWith(`${key}=`)).map(l => l.slice(key.length + 1));
  const one = (key: string) => all(key)[0] ?? '';
  return {
    cluster: one('cluster'),
    epoch: Number(one('epoch')),
    primary: one('primary'),
    systemIdentifier: one('system_identifier'),
    nodes: new Map(
      all('node').map(line => {
        const [name = '', hostid, state] = line.split(' ');
        return [name, { hostid: Number(hostid), removed: state === 'removed' }];
      }),
    ),
    fenced: all('fenced'),
  };
}

/** Padded to whole blocks, since it is also exported as a small read-only disk. */
export function formatRecord(record: ClusterRecord): string {
  const lines = [
    'polar-record 1',
    `cluster=${record.cluster}`,
    `epoch=${record.epoch}`,
    `primary=${record.primary}`,
    `system_identifier=${record.systemIdentifier}`,
    ...[...record.nodes].map(([name, n]) => `node=${name} ${n.hostid} ${n.removed ? 'removed' : 'member'}`),
    ...record.fenced.map(name => `fenced=${name}`),
    'end\n',
  ];
  const text = lines.join('\n');
  return text.padEnd(Math.ceil(Buffer.byteLength(text) / 4096) * 4096, '\n');
}

/** The record after the request; the same object when nothing changes. Throws where the request must be refused. */
export function change(before: ClusterRecord | undefined, args: Args): ClusterRecord {
  const start = before ?? first(args);
  if (before && before.cluster !== args.cluster) {
    throw new ModuleError(
      `this storage host keeps the record of cluster ${before.cluster}, not of ${args.cluster}`,
    );
  }
  if (args.expect_primary !== '' && start.primary !== args.expect_primary) {
    throw new ModuleError(`the primary is ${start.primary}, not ${args.expect_primary}`);
  }
  const nodes = changeNodes(start, args);
  const primary = args.primary === '' ? start.primary : args.primary;
  const fenced = [...new Set([...start.fenced, ...args.fence])].filter(name => !args.unfence.includes(name));
  const systemIdentifier = identify(start, args);
  checkMembers({ primary, fenced, nodes });
  checkWords([primary, ...nodes.keys(), ...fenced]);
  const next = {
    ...start,
    primary,
    nodes,
    fenced,
    systemIdentifier,
    epoch: Math.max(start.epoch + (primary === start.primary ? 0 : 1), args.epoch),
  };
  return before && formatRecord(before) === formatRecord(next) ? before : next;
}

function first(args: Args): ClusterRecord {
  const primary = args.initial_primary || args.primary;
  if (primary === '') throw new ModuleError('there is no role record yet: run site.yml first');
  return { cluster: args.cluster, epoch: 1, primary, systemIdentifier: '', nodes: new Map(), fenced: [] };
}

function changeNodes(start: ClusterRecord, args: Args): ClusterRecord['nodes'] {
  const nodes = new Map(start.nodes);
  for (const [name, value] of Object.entries(args.nodes)) {
    const hostid = Number(value);
    if (!Number.isInteger(hostid) || hostid < 1 || hostid > 30)
      throw new ModuleError(`polar_hostid of ${name} is ${JSON.stringify(value)}: it must be from 1 to 30`);
    const known = nodes.get(name);
    if (known && known.hostid !== hostid)
      throw new ModuleError(
        `polar_hostid of ${name} is ${known.hostid} in the role record and ${hostid} now: the identity of a node never changes`,
      );
    const other = [...nodes].find(([n, node]) => n !== name && node.hostid === hostid);
    if (other)
      throw new ModuleError(
        `polar_hostid ${hostid} of ${name} ${other[1].removed ? 'once belonged' : 'belongs'} to ${other[0]}: identities are never given away again`,
      );
    nodes.set(name, { hostid, removed: false });
  }
  for (const name of args.remove) {
    const known = nodes.get(name);
    if (known) nodes.set(name, { ...known, removed: true });
  }
  return nodes;
}

function identify({ systemIdentifier }: ClusterRecord, args: Args): string {
  if (args.system_identifier === '' || systemIdentifier === args.system_identifier) return systemIdentifier;
  // A node says it, and the record is lines: it must not bring more of them.
  if (!/^\d{1,20}$/.test(args.system_identifier))
    throw new ModuleError(`${JSON.stringify(args.system_identifier)} is not a system identifier`);
  if (systemIdentifier === '') return args.system_identifier;
  throw new ModuleError(
    `the database has system identifier ${args.system_identifier}, the role record ${systemIdentifier}: this is another cluster's disk`,
  );
}

/** A line of the record is a name and its words. */
function checkWords(words: readonly string[]): void {
  const bad = words.find(word => !/^[^\s\p{Cc}]*$/u.test(word));
  if (bad !== undefined)
    throw new ModuleError(
      `${JSON.stringify(bad)} has a space or a line break: no name in the role record may`,
    );
}

function checkMembers({ primary, fenced, nodes }: Pick<ClusterRecord, 'primary' | 'fenced' | 'nodes'>): void {
  const member = nodes.get(primary);
  if (!member || member.removed)
    throw new ModuleError(`${primary} is not a node of the cluster, so it cannot be primary`);
  if (fenced.includes(primary)) throw new ModuleError(`${primary} is fenced, so it cannot be primary`);
}

function describe(before: ClusterRecord | undefined, after: ClusterRecord): readonly string[] {
  const old = before ? formatRecord(before).trim().split('\n') : [];
  const lines = formatRecord(after).trim().split('\n');
  return [
    ...old.filter(l => !lines.includes(l)).map(l => `- ${l}`),
    ...lines.filter(l => !old.includes(l)).map(l => `+ ${l}`),
  ];
}

/** The record as tasks and reports see it; removed nodes are left out. */
export interface RecordFields {
  readonly cluster: string;
  readonly epoch: number;
  readonly primary: string;
  readonly system_identifier: string;
  readonly nodes: Readonly<Record<string, number>>;
  readonly fenced: readonly string[];
}

/** The record under the names that tasks use. */
export function recordFields(record: ClusterRecord): RecordFields {
  const members = [...record.nodes].filter(([, node]) => !node.removed);
  return {
    cluster: record.cluster,
    epoch: record.epoch,
    primary: record.primary,
    system_identifier: record.systemIdentifier,
    nodes: Object.fromEntries(members.map(([name, { hostid }]) => [name, hostid])),
    fenced: [...record.fenced],
  };
}

/**
 * Replaces the record in one step, and only while it is still what was read. It decides who may write to the disks, so
 * nobody but root may write beside it.
 */
function writeScript(path: string, before: string): string {
  const known = createHash('sha256').update(before).digest('hex');
  return `${REACH}\n${OWN}
umask 022
reach ${quote(path)} 1 1
own || fail "$PWD can be written by others than root: give it to root, mode 0755"
exec 9>>"$n.lock"
flock -w 10 9 || fail 'another run is changing it'
now=$({ [ ! -e "$n" ] || cat "$n"; } | sha256sum | cut -d ' ' -f 1)
[ "$now" = ${known} ] || fail 'another run has changed it meanwhile: run again'
cat >"$n.new" && chmod 0644 "$n.new" && sync "$n.new" && mv -f "$n.new" "$n" && sync .
`;
}
