import { dirname, join } from 'node:path';
import type { DiskProbe } from '../../cluster/modules/pfs/pfs-disk.ts';
import type { FoundDisk, HostSurvey } from '../../cluster/modules/polardb_preflight.ts';
import { judgePreflight, type PreflightAnswer, type PreflightView } from '../../cluster/preflight/judge.ts';
import { PREFLIGHT_ARGS, PREFLIGHT_PLAY, type Wanted } from '../../cluster/preflight/plan.ts';
import type { HostOutcome } from '../../engine/events.ts';
import { choosePaint, type Paint, type Style } from '../../report/style.ts';
import { formatTable } from '../../report/table.ts';
import { type Flags, flagsHelp, oneOf, parseFlags } from '../../source/flags.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { visible, visibleJson } from '../../source/visible.ts';
import { checkClusterGroups } from '../input/cluster-groups.ts';
import { checkInput } from '../input/input-mistakes.ts';
import { askHosts } from '../one-task.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';
import { openSession, type Session } from '../session.ts';

const FLAGS = {
  ...HOST_FLAGS,
  format: { value: 'FORMAT', help: 'table (default) or json.' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay check -i INVENTORY: can the cluster be deployed on these hosts? Changes nothing.

${flagsHelp(FLAGS)}

Looks at logins, sudo, systems, clocks, memory, space, ports, packages, identities and disks, by the same values that
site.yml will use. A disk that holds anything is named; nothing is ever done to it.
Exit codes: 0 nothing stands in the way, 2 something does, 4 the inventory is wrong, 5 wrong flag.
`;

/** `polarplay check`: everything that can be known before anything changes, in one table. */
export async function runCheckCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const format = oneOf('format', ['table', 'json'], flags.text('format') ?? 'table');
  const session = await openSession(flags);
  try {
    const site = join(PACKAGE_ROOT, 'playbooks/site.yml');
    const playbook = session.createLoader([site]).loadPlaybook([site]);
    checkInput(session, playbook);
    checkClusterGroups(playbook, session.inventory, dirname(site));
    const view = judgePreflight(await preflight(session));
    const paint = choosePaint(process.stdout.isTTY === true, process.env);
    process.stdout.write(format === 'json' ? `${visibleJson(view, 2)}\n` : formatPreflight(view, paint));
    return view.problems.length > 0 ? 2 : 0;
  } finally {
    await session.close();
  }
}

async function preflight(session: Session): Promise<readonly PreflightAnswer[]> {
  const arrived = new Map<string, number>();
  const answers = await askHosts(
    session,
    {
      pattern: 'storage:nodes',
      module: 'polardb_preflight',
      args: PREFLIGHT_ARGS,
      become: true,
      play: PREFLIGHT_PLAY,
    },
    host => arrived.set(host, Date.now()),
  );
  const hosts = [...session.inventory.hostsOf('storage'), ...session.inventory.hostsOf('nodes')];
  return hosts.flatMap(host => {
    const answer = answers.get(host);
    return answer ? [answerOf(answer, arrived.get(host)!)] : [];
  });
}

function answerOf({ host, status, result, elapsedMs }: HostOutcome, arrived: number): PreflightAnswer {
  if (status !== 'ok') return { host, failure: String(result.msg ?? status).split('\n')[0]! };
  return {
    host,
    wanted: result['wanted'] as unknown as Wanted,
    survey: result['survey'] as unknown as HostSurvey,
    probes: result['probes'] as unknown as readonly DiskProbe[],
    disks: result['disks'] as unknown as readonly FoundDisk[],
    asked: [(arrived - elapsedMs) / 1000, arrived / 1000],
  };
}

/** Words of cells that mean trouble. */
const TROUBLE = /taken|missing|no answer|none|^[+-]/;

export function formatPreflight({ rows, problems, notes }: PreflightView, paint: Paint): string {
  const style = (cell: string, padded: string) => {
    const kind: Style | undefined = cell !== '-' && TROUBLE.test(cell) ? 'failed' : undefined;
    return kind ? paint(kind, padded) : padded;
  };
  const table = formatTable(
    ['HOST', 'PART', 'SYSTEM', 'MEMORY', 'FREE', 'CLOCK', 'PORT', 'PACKAGES', 'DISKS'],
    rows.map(row => [
      row.host,
      row.part,
      row.system,
      row.memory,
      row.space,
      row.clock,
      row.ports,
      row.packages,
      row.disks,
    ]),
    paint,
    style,
  );
  const findings = [
    ...notes.map(note => visible(`note: ${note}`)),
    ...problems.map(problem => paint('failed', `wrong: ${problem}`)),
    ...(problems.length === 0 ? [paint('ok', 'nothing stands in the way of a deployment')] : []),
  ];
  return `${table}\n\n${findings.join('\n')}\n`;
}
