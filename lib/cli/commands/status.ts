import type { HostStatus } from '../../cluster/modules/polardb_status.ts';
import {
  bytes,
  type ClusterView,
  type HostAnswer,
  percentUsed,
  viewCluster,
} from '../../cluster/status/status-view.ts';
import type { HostOutcome } from '../../engine/events.ts';
import { choosePaint, type Paint, type Style } from '../../report/style.ts';
import { formatTable } from '../../report/table.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, oneOf, parseFlags } from '../../source/flags.ts';
import { visible, visibleJson } from '../../source/visible.ts';
import { requireGroup } from '../input/cluster-groups.ts';
import { askHosts } from '../one-task.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';
import { openSession, type Session } from '../session.ts';

const FLAGS = {
  ...HOST_FLAGS,
  'max-lag': { value: 'MIB', help: 'How far a replica may be behind the primary (default 64).' },
  format: { value: 'FORMAT', help: 'table (default) or json.' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay status -i INVENTORY: a cluster at a glance, one round trip per host

${flagsHelp(FLAGS)}

Shows exports, disks, services, roles, lag, slots and versions, by what is on the hosts of the groups storage and nodes.
Exit codes: 0 all is well, 2 something is wrong, 4 the inventory is wrong, 5 wrong flag.
`;

/** `polarplay status`: changes nothing. */
export async function runStatusCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const format = oneOf('format', ['table', 'json'], flags.text('format') ?? 'table');
  const maxLag = Number(flags.text('max-lag') ?? 64);
  if (!(maxLag >= 0)) throw new UsageError('--max-lag wants a number of MiB', 5);
  const session = await openSession(flags);
  try {
    requireGroups(session);
    const view = await readStatus(session, maxLag * 2 ** 20);
    const paint = choosePaint(process.stdout.isTTY === true, process.env);
    process.stdout.write(format === 'json' ? `${visibleJson(view, 2)}\n` : formatView(view, paint));
    return view.problems.length > 0 ? 2 : 0;
  } finally {
    await session.close();
  }
}

/** Asks each host once, all at the same time; `maxLag` in bytes. */
export async function readStatus(session: Session, maxLag: number): Promise<ClusterView> {
  const answers = await askHosts(session, {
    pattern: 'storage:nodes',
    module: 'polardb_status',
    args: {},
    become: true,
  });
  return viewCluster(inOrder(session, answers), maxLag);
}

/** The groups that site.yml knows. An inventory without them describes no cluster. */
export function requireGroups({ inventory }: Session): void {
  for (const group of ['storage', 'nodes']) requireGroup(inventory, group);
}

/** Hosts answer in any order; the tables have the order of the inventory. */
function inOrder({ inventory }: Session, answers: ReadonlyMap<string, HostOutcome>): readonly HostAnswer[] {
  const hosts = [...inventory.hostsOf('storage'), ...inventory.hostsOf('nodes')];
  return hosts.flatMap(host => {
    const answer = answers.get(host);
    return answer ? [answerOf(answer)] : [];
  });
}

function answerOf({ host, status, result }: HostOutcome): HostAnswer {
  if (status === 'ok' || status === 'changed') return { host, status: result as unknown as HostStatus };
  return { host, failure: String(result.msg ?? status).split('\n')[0]! };
}

/** Plain tables, then the problems. */
export function formatView(view: ClusterView, paint: Paint): string {
  const standIn = view.standIn ? ' · PostgreSQL as a STAND-IN for PolarDB' : '';
  const head =
    view.primary === ''
      ? 'no role record'
      : `cluster ${view.cluster} · primary ${view.primary} (epoch ${view.epoch})${standIn}`;
  return [
    paint('bold', head),
    ...view.storage.map(({ host, service, exports }) =>
      table(
        ['STORAGE', 'NBD-SERVER', 'EXPORT', 'SIZE', 'PFS USED', 'PFS FILES', 'BACKED BY', 'ATTACHED BY'],
        exports.map((e, i) => [
          i === 0 ? host : '',
          i === 0 ? service : '',
          e.name,
          bytes(e.size),
          e.pfs ? `${percentUsed(e.pfs.blocks)}%` : '-',
          e.pfs ? `${e.pfs.files.all - e.pfs.files.free} of ${e.pfs.files.all}` : '-',
          e.backing,
          e.attachedBy.join(' ') || '-',
        ]),
        paint,
      ),
    ),
    table(
      ['NODE', 'ID', 'ROLE', 'DATABASE', 'VERSION', 'DISKS', 'PFSD', 'STREAMS', 'LAG', 'SLOT', 'KEPT'],
      view.nodes.map(n => [
        n.host,
        String(n.hostid ?? '-'),
        n.role,
        n.database,
        n.version,
        disksText(n.disks),
        n.pfsd,
        n.streams || '-',
        n.lag === null ? '-' : bytes(n.lag),
        n.slot || '-',
        n.kept === null ? '-' : bytes(n.kept),
      ]),
      paint,
    ),
    [
      ...view.notes.map(note => visible(`note: ${note}`)),
      ...view.problems.map(problem => paint('failed', `wrong: ${problem}`)),
      ...(view.problems.length === 0 ? [paint('ok', 'all is well')] : []),
    ].join('\n'),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

function disksText(disks: ClusterView['nodes'][number]['disks']): string {
  const attached = disks.filter(({ service, size }) => service === 'active' && size > 0).length;
  return disks.length === 0
    ? '-'
    : attached === disks.length
      ? `${attached} attached`
      : `${attached} of ${disks.length}`;
}

/** States that are as they should be, and those that are not. */
const STYLES: Readonly<Record<string, Style>> = {
  active: 'ok',
  up: 'ok',
  primary: 'cyan',
  inactive: 'failed',
  failed: 'failed',
  silent: 'failed',
  fenced: 'failed',
  no: 'failed',
};

const table = (head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string =>
  formatTable(head, rows, paint, (cell, padded) => (STYLES[cell] ? paint(STYLES[cell], padded) : padded));
