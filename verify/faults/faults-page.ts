import { BUDGETS } from './budgets.ts';
import { FAULTS } from './catalogue.ts';
import { type Fault, PARTS } from './fault.ts';
import type { FaultsReport } from './report.ts';

/** Seconds until commits, reads on all nodes and all replicas went on, and the longest pause of commits. */
type Figures = readonly [writesS: number, readsS: number, replicasS: number, pauseS: number];

/** What was measured on one kind of deployment: figures, or in words why there are none. */
export interface Measured {
  readonly deployment: string;
  readonly date: string;
  readonly faults: Readonly<Record<string, Figures | string>>;
}

/** What a run measured, after what was known before; a later figure takes the place of an earlier one. */
export function withResults(before: Measured | undefined, report: FaultsReport): Measured {
  const faults = new Map(Object.entries(before?.faults ?? {}));
  for (const { id, verdict, reason, effects, problems } of report.faults) {
    const held = verdict === 'held' && effects;
    if (held) {
      const { writes, reads, replicas } = held;
      faults.set(id, [writes.recoveredS, reads.recoveredS, replicas.recoveredS, writes.pauseS]);
    } else if (verdict === 'broken') faults.set(id, `broken: ${problems[0]}`);
    // A run on hosts that can do less does not make a figure undone.
    else if (!Array.isArray(faults.get(id))) faults.set(id, `not tried: ${reason}`);
  }
  const known = FAULTS.map(({ id }) => [id, faults.get(id)] as const);
  return {
    deployment: report.subject.deployment,
    date: report.startedAt.slice(0, 10),
    faults: Object.fromEntries(known.filter(([, figures]) => figures !== undefined)) as Measured['faults'],
  };
}

/** docs/faults.md: what is tried, what it may cost, what it cost. */
export function faultsPage(measured: readonly Measured[]): string {
  const head = ['fault', 'budget', ...measured.map(({ deployment }) => deployment)];
  const rows = FAULTS.map(({ id }) => [
    `[\`${id}\`](#${anchor(id)})`,
    budgetCell(id),
    ...measured.map(({ faults }) => cell(faults[id])),
  ]);
  const parts = Object.entries(PARTS).map(([part, title]) => {
    const of = FAULTS.filter(({ id }) => id.split('.')[0] === part);
    return `## ${title}\n\n${of.map(section).join('\n')}`;
  });
  return `${INTRODUCTION}
## Seen

PolarDB 15.8, \`nbd.killed\`: in one of seven runs a replica answered two reads with accounts that sum up to -1326 and -1578
instead of 0. All acknowledged rows were there afterwards, and without a fault it was not seen in 100 s. A likely cause is known
since: the process that cannot write the log panics, and wrote a core with all shared memory (633 MB) for 43 s. Until then the
postmaster did not know, and the other processes wrote and read on; commits went on after 110 s. The service now leaves
shared memory out of cores: 27 MB, and the server recovers 0.2 s after the panic. The figure of the table is of that run, at
a load of 35 on two processors; \`storage.crash\`, which is the same and a boot more, took 23 s on a quieter machine.

## Measured

Seconds from when the cluster can recover until **commits / reads on every node / all replicas** go on, then in brackets the
longest pause of commits in all. Where the fault heals by itself the clock starts with it, else when it is healed. The
budget's bracket is the longest pause where commits must go on throughout. ${measured.map(({ deployment, date }) => `${deployment}: ${date}`).join('; ')}, each on four
lab hosts that share two processors and a disk, under 100 small commits and 50 transactions of pgbench a second: figures
of another machine differ, and \`--report FILE.json\` then \`npm run docs:faults -- FILE.json\` puts yours here. An empty cell was not
measured.

${table([head, head.map(() => '---'), ...rows])}

${parts.join('\n')}`;
}

const table = (rows: readonly (readonly string[])[]) => rows.map(row => `| ${row.join(' | ')} |`).join('\n');

const anchor = (id: string) => id.replaceAll('.', '');

function budgetCell(id: string): string {
  const { writesS, readsS, replicasS, pauseS } = BUDGETS[id]!;
  return `${writesS} / ${readsS} / ${replicasS} (${pauseS})`;
}

function cell(figures: Figures | string | undefined): string {
  if (figures === undefined) return '';
  if (typeof figures === 'string') return figures.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const [writes, reads, replicas, pause] = figures;
  return `${writes} / ${reads} / ${replicas} (${pause})`;
}

function section({ id, title, breaks, heals, expects }: Fault): string {
  return `### ${id}

**${title}.** ${sentence(breaks)} Healed by: ${sentence(heals)}

Expected: ${sentence(expects)}
`;
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const INTRODUCTION = `# Faults: what breaks, what must hold, how long it takes

Written by \`npm run docs\` from the faults themselves (\`verify/faults/catalogue.ts\`), their budgets
(\`verify/faults/budgets.ts\`) and what was measured (\`verify/faults/measured/\`).

\`\`\`
polarplay faults --list                                          # what there is
polarplay faults -i hosts.yaml --allow-faults                    # all of it, about an hour
polarplay faults -i hosts.yaml --allow-faults -g 'pfsdaemon'     # what these words describe
polarplay faults -i hosts.yaml --allow-faults --only nbd.hung --report faults.html --report faults.json
polarplay faults -i hosts.yaml --allow-faults --heal             # only heal what an earlier run left broken
\`\`\`

**It stops servers, disks and hosts, and is not for a cluster that people use.** Without \`--allow-faults\` nothing is done. An
inventory (or \`-e\`) with \`production: true\` is refused, whatever else is said. It takes the lock of the operations, and refuses
a cluster that \`polarplay verify\` finds wrong. A host that is the machine which the program runs on is left alone.

Each fault is tried under the same load: clients that write, note each acknowledged commit in a file and move money between
two accounts with it; a client on each node that reads all the time and knows what it must read; one that tries to write on
every node every 200 ms; pgbench. Then it is healed, everything must go on for three seconds within the budget, and:

- every acknowledged commit is on every node, once, with the content that was written, and no row that nobody wrote
  (the table is read, not its index);
- no client read a wrong row or half of a commit, at any time;
- no two nodes wrote, ever: one writer, the primary;
- pgbench's sums agree, at the end;
- \`polarplay verify\` passes in full. Only that systemd restarted services, and that logs tell of the fault, is not a finding.

After a fault from which the cluster does not recover, or which costs a row, no further one is tried. Exit codes: 0 all
held, 2 something did not, 4 no host answers, 5 wrong flag, 130 interrupted.

**What is broken is healed**, also after Ctrl-C, SIGTERM and an error: by the program before it ends. After \`kill -9\`, or when
this machine dies, the hosts heal themselves two minutes after the fault should have ended (a timer of systemd,
\`polar-fault-heal.timer\`, armed before anything is broken), and the next \`polarplay faults\` heals at once: it reads its note
(\`~/.local/state/polarplay/faults/\`) and asks the hosts. What cannot be healed is said as NOT HEALED, with the host.

**Limits.** A lost power supply is played by \`reboot -f -n\`: nothing is stopped or written, but a container's (a lab's) page
cache lives on in its machine; on real hosts it is lost as it would be. Containers, a lab's hosts among them, have the
clock of their machine, and a time namespace has no wall clock of its own: a step of the clock is tried on hosts with a kernel
of their own only. The kernel of the lab has no netem, so a slow network is a narrow one there. A file
system is filled only where it holds the data directory and is not the root's. Operations (switchover, adding a replica, rolling restart, promotion by hand) run under the same load:
[operations](operations.md#proof-under-load). A second primary on purpose is not among the faults: it destroys the data.
`;
