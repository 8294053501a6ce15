import { type DiskProbe, decideDisk, probeFromJson } from '../../cluster/modules/pfs/pfs-disk.ts';
import type { HostStatus } from '../../cluster/modules/polardb_status.ts';
import { bytes } from '../../cluster/status/status-view.ts';
import {
  contentsOf,
  identityOf,
  refusals,
  type Seen,
  setAside,
  wipeScript,
} from '../../cluster/wipe/wipe-plan.ts';
import type { HostOutcome } from '../../engine/events.ts';
import type { Operator } from '../../engine/run.ts';
import { quote } from '../../modules/kit/define.ts';
import { choosePaint } from '../../report/style.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, parseFlags } from '../../source/flags.ts';
import type { Json } from '../../source/value.ts';
import { visible } from '../../source/visible.ts';
import { askHosts } from '../one-task.ts';
import { terminalOperator } from '../operator.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';
import { openSession, type Session } from '../session.ts';
import { requireGroups } from './status.ts';

const { limit: _limit, ...REACHING } = HOST_FLAGS;

const FLAGS = {
  ...REACHING,
  export: { value: 'NAME', help: 'The export to wipe; needed when there are several.' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay wipe -i INVENTORY [--export NAME]: makes one shared disk blank, on the storage host

${flagsHelp(FLAGS)}

All services must be down (playbooks/down.yml). Shows what would be destroyed and asks a person at a terminal to type the
identity of the device; there is no way around that. With the disk of the database, the role record and the data
directories of the nodes are renamed, so that site.yml makes a new cluster.
Exit codes: 0 wiped, 1 refused or not confirmed, 5 wrong flag.
`;

/** `polarplay wipe`: the only thing that ever makes a disk blank. */
export async function runWipeCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const session = await openSession(flags);
  try {
    requireGroups(session);
    const seen = await look(session, flags.text('export'));
    const identity = identityOf(seen.storage, seen.probe);
    process.stdout.write(visible(describe(seen, identity)));
    const reasons = refusals(seen);
    if (reasons.length > 0) {
      throw new UsageError(
        `nothing was written, since the disk is in use:\n  ${reasons.join('\n  ')}\nTake the cluster down first: polarplay playbooks/down.yml`,
        1,
      );
    }
    await confirm(terminalOperator(process.stdin, process.stdout), identity);
    await wipe(session, seen);
    const paint = choosePaint(process.stdout.isTTY === true, process.env);
    process.stdout.write(`${paint('changed', `${identity} is blank now`)}\n`);
    return 0;
  } finally {
    await session.close();
  }
}

/** Asks a person to type the identity. Throws UsageError for any other answer. */
export async function confirm(operator: Operator, identity: string): Promise<void> {
  if (!operator.interactive)
    throw new UsageError('nothing was written: wipe asks a person, and there is no terminal', 1);
  const typed = await operator
    .ask('Type the identity of the device to destroy what is on it', { secret: false })
    .catch(error => {
      throw new UsageError(`nothing was written: ${(error as Error).message}`, 1);
    });
  if (typed.trim() !== identity)
    throw new UsageError(`nothing was written: "${typed.trim()}" is not ${identity}`, 1);
}

async function look(session: Session, chosen: string | undefined): Promise<Seen> {
  const answers = await askHosts(session, {
    pattern: 'storage:nodes',
    module: 'polardb_status',
    args: {},
    become: true,
  });
  const hosts = [...session.inventory.hostsOf('storage'), ...session.inventory.hostsOf('nodes')];
  const statuses = new Map(
    hosts.map(host => [host, answered(answers.get(host), host) as unknown as HostStatus]),
  );
  const [storage = ''] = session.inventory.hostsOf('storage');
  const exports = statuses.get(storage)?.storage?.exports ?? [];
  const names = exports.map(({ name }) => name).join(', ');
  if (exports.length === 0)
    throw new UsageError(`${storage} exports nothing: nbd-server was never configured there`, 1);
  if (chosen === undefined && exports.length > 1)
    throw new UsageError(`which one? --export NAME, of ${names}`, 5);
  const disk = exports.find(({ name }) => chosen === undefined || name === chosen);
  if (!disk) throw new UsageError(`there is no export "${chosen}", but ${names}`, 5);
  return { storage, statuses, exportName: disk.name, probe: await probe(session, storage, disk.backing) };
}

async function probe(session: Session, storage: string, path: string): Promise<DiskProbe> {
  const args = { path, ignore_processes: ['nbd-server'] };
  const answers = await askHosts(session, { pattern: storage, module: 'pfs_probe', args, become: true });
  return probeFromJson(answered(answers.get(storage), storage).disk as Json);
}

/** A host that gives no answer stops the command: it might be using the disk. */
function answered(answer: HostOutcome | undefined, host: string): HostOutcome['result'] {
  if (answer && (answer.status === 'ok' || answer.status === 'changed')) return answer.result;
  throw new UsageError(
    `nothing was written: ${host} does not answer, so it cannot be known whether it uses the disk: ${String(answer?.result.msg ?? '').split('\n')[0]}`,
    1,
  );
}

function describe(seen: Seen, identity: string): string {
  const { storage, statuses, exportName, probe: disk } = seen;
  const record = statuses.get(storage)?.storage?.record;
  const nodes = [...statuses].flatMap(([host, { node }]) => {
    const attached = node?.disks.find(d => d.export === exportName);
    return node
      ? [
          `  ${host.padEnd(12)} ${attached ? `/dev/${attached.name}: ${attached.service}` : 'does not have it'}, database ${node.service}`,
        ]
      : [];
  });
  return `
This would destroy what is on
  export       ${exportName}
  device       ${disk.path} of ${storage}
  size         ${bytes(disk.size)} (${disk.size} bytes)
  holds        ${contentsOf(disk)}
  beginning    ${disk.head.slice(0, 16)} (SHA-256 of the first 4 KiB)
${record && setAside(seen).length > 0 ? `  database     cluster ${record.cluster}, system identifier ${record.system_identifier || 'not recorded'}\n` : ''}nodes
${nodes.join('\n') || '  none is deployed'}
${setAside(seen)
  .map(([host, path]) => `renamed        ${path} of ${host}\n`)
  .join('')}identity       ${identity}

`;
}

async function wipe(session: Session, seen: Seen): Promise<void> {
  const { storage, probe: disk } = seen;
  await write(session, storage, wipeScript(disk));
  const stamp = new Date().toISOString().replace(/[-:]|\..*/g, '');
  for (const [host, path] of setAside(seen))
    await write(
      session,
      host,
      `[ ! -e ${quote(path)} ] || mv ${quote(path)} ${quote(`${path}.wiped-${stamp}`)}`,
    );
  const after = decideDisk([await probe(session, storage, disk.path)]);
  if (after.state !== 'BLANK') {
    const why = 'findings' in after ? after.findings.join('; ') : 'it still has a PFS';
    throw new UsageError(`written, but the disk is ${after.state}: ${why}`, 1);
  }
}

async function write(session: Session, host: string, script: string): Promise<void> {
  const answers = await askHosts(session, {
    pattern: host,
    module: 'shell',
    args: { cmd: script },
    become: true,
  });
  const answer = answers.get(host);
  if (answer?.status === 'changed' || answer?.status === 'ok') return;
  throw new UsageError(`${host}: ${String(answer?.result.stderr || answer?.result.msg || 'no answer')}`, 1);
}
