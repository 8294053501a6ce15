import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { hostsOf, nodesOf } from '../../lib/cluster/deployment.ts';
import { failureText } from '../../lib/cluster/failure.ts';
import { extraVars, positive, REACHING, REACHING_USAGE, readFlags } from '../../lib/cluster/flags.ts';
import { openDeployment } from '../../lib/cluster/open-deployment.ts';
import { UsageError } from '../../lib/source/errors.ts';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';
import { FileReader } from '../../lib/source/yaml/read-yaml.ts';
import { underLoad } from './operations/under-load.ts';

const SITE = 'playbooks/site.yml';

const USAGE = `usage: npm run test:killed -- -i INVENTORY [options]

Deploys onto fresh hosts, or operates on a cluster, with runners that are killed (SIGKILL) one after the other: each as
soon as a task has changed something after which none was killed before, until one finishes. With --during each
is killed in the middle of a task instead, while what it began goes on or dies on the hosts. Accepted when no run failed,
site.yml changes nothing afterwards, every check of polarplay verify passes, and each shared disk was formatted exactly
once. Never for a cluster in use.

${REACHING_USAGE}      --playbook FILE           what to run (default: ${SITE}); several are run to their ends one by one
      --at TEXT                 kill only after tasks whose play or title holds TEXT (may be repeated)
      --during TEXT             kill while tasks run whose title holds TEXT (may be repeated), at a random moment
      --times N                 how often to do so for each task (default: 2)
      --signal NAME             what to kill with (default: SIGKILL; SIGINT is Ctrl-C)
      --load                    meanwhile write, as polarplay faults does: no acknowledged commit may be missing, and
                                never two nodes may write; new_primary (-e) says who is the primary afterwards
      --after FILE              what must have nothing to do afterwards, in place of site.yml and the checks
      --after-inventory FILE    inventory for what comes afterwards, where the operation changes it
      --minutes N               give up after that time (default: 60)

Exit codes: 0 accepted, 2 not, 4 no host answers or the inventory is wrong, 5 wrong flag.
`;

const FLAGS = {
  ...REACHING,
  playbook: { type: 'string', multiple: true, default: [SITE] as string[] },
  at: { type: 'string', multiple: true, default: [''] as string[] },
  during: { type: 'string', multiple: true, default: [] as string[] },
  times: { type: 'string', default: '2' },
  signal: { type: 'string', default: 'SIGKILL' },
  load: { type: 'boolean', default: false },
  after: { type: 'string', default: SITE },
  'after-inventory': { type: 'string', multiple: true },
  minutes: { type: 'string', default: '60' },
} as const;

type Flags = ReturnType<typeof readFlags<typeof FLAGS>>;

/** Which runners are killed: as soon as a task has changed something, or so many milliseconds after it began. */
interface Aim {
  after(task: string): boolean;
  during(task: string): number | undefined;
}

/** How one run ended: killed after `task`, or in it, or by itself. */
type RunEnd =
  | { readonly kind: 'killed'; readonly task: string }
  | { readonly kind: 'ended'; readonly code: number | null; readonly output: string };

const POLARPLAY = join(PACKAGE_ROOT, 'dist', 'polarplay.js');
const HEADING = /^(PLAY|TASK|RUNNING HANDLER) (?:\[(.*)\]|RECAP)/;

class NotAccepted extends Error {}

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (flags.inventory.length === 0) throw new UsageError('name an inventory with -i', 5);
  const until = Date.now() + 60_000 * positive('minutes', flags.minutes);
  const after = { ...flags, inventory: flags['after-inventory'] ?? flags.inventory };
  try {
    await (flags.load ? killUnderLoad(flags, after, until) : killThrough(flags, until));
    await expectNoChange(after);
    if (flags.after === SITE) {
      await expectVerified(after);
      await expectFormattedOnce(after);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof NotAccepted)) throw error;
    say(`NOT ACCEPTED: ${error.message}`);
    return 2;
  }
}

/** Every playbook, each until it finished. */
async function killThrough(flags: Flags, until: number): Promise<void> {
  for (const playbook of flags.playbook) {
    const killed = await killOneByOne(playbook, flags, until);
    say(`${playbook}: ${killed} runners were killed, the next one finished`);
  }
}

/** The same, while clients write to the nodes that are there afterwards. */
async function killUnderLoad(flags: Flags, after: Flags, until: number): Promise<void> {
  const opened = await openDeployment(after);
  try {
    const wanted = extraVars(flags['extra-vars'], new FileReader()).get('new_primary');
    const primaryAfter = typeof wanted === 'string' ? wanted : opened.deployment.primary.host;
    const title = flags.playbook.join(', ');
    const operation = { title, run: () => killThrough(flags, until), primaryAfter };
    const report = await underLoad(
      opened,
      { title, operations: [operation], undisturbed: false },
      { clients: 1, rate: 5, scale: 1, say },
    );
    say(`${report.acknowledged} commits acknowledged, ${report.writeErrors} writes failed meanwhile`);
    for (const { ok, what } of report.verdicts) say(`${ok ? 'held  ' : 'BROKEN'} ${what}`);
    if (!report.verdicts.every(({ ok }) => ok)) throw new NotAccepted('under load something did not hold');
  } finally {
    await opened.close();
  }
}

/** Runs again and again, each time killed at another place, until one finishes; tells how many were killed. */
async function killOneByOne(playbook: string, flags: Flags, until: number): Promise<number> {
  const aim = flags.during.length > 0 ? inTheMiddle(flags) : afterEach(flags);
  for (let kills = 0; ; kills += 1) {
    if (Date.now() > until)
      throw new NotAccepted(`not through after ${flags.minutes} minutes and ${kills} kills`);
    const start = Date.now();
    const end = await run(playbook, flags, until, aim);
    const took = `${((Date.now() - start) / 1000).toFixed(1)} s`;
    if (end.kind === 'killed') say(`${took}, killed ${end.task}`);
    else if (end.code === 0) return kills;
    else throw new NotAccepted(`the run after ${kills} kills ended with ${end.code}\n${tail(end.output)}`);
  }
}

/** A task that changed nothing left the hosts as the one before did, so there is nothing to learn from a kill after it. */
function afterEach({ at }: Flags): Aim {
  const done = new Set<string>();
  return {
    after: task => at.some(text => task.includes(text)) && !done.has(task) && done.add(task) !== undefined,
    during: () => undefined,
  };
}

/** Each task some times, early and late; one that ends sooner has been tried as well. */
function inTheMiddle({ during, times }: Flags): Aim {
  const tried = new Map<string, number>();
  const limit = positive('times', times);
  return {
    after: () => false,
    during: task => {
      const count = tried.get(task) ?? 0;
      if (count >= limit || !during.some(text => task.includes(text))) return undefined;
      tried.set(task, count + 1);
      return 30 + Math.random() * 500 * 2 ** count;
    },
  };
}

const NEVER: Aim = { after: () => false, during: () => undefined };

/** One run, killed where `aim` says. */
function run(playbook: string, flags: Flags, until: number, aim: Aim): Promise<RunEnd> {
  const child = spawn(process.execPath, [POLARPLAY, playbook, ...forwarded(flags)], {
    cwd: PACKAGE_ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const late = setTimeout(() => child.kill('SIGKILL'), Math.max(1000, until - Date.now()));
  const output: string[] = [];
  let [play, task, changed] = ['', '', false];
  let killed: string | undefined;
  let pending: NodeJS.Timeout | undefined;
  const kill = (where: string) => {
    killed = where;
    child.kill(flags.signal as NodeJS.Signals);
  };
  const read = (line: string) => {
    output.push(line);
    if (line.startsWith('changed: ')) changed = true;
    const [, kind, title = ''] = HEADING.exec(line) ?? [];
    if (kind === undefined || killed !== undefined) return;
    clearTimeout(pending);
    if (changed && aim.after(task)) return kill(`after ${task}`);
    if (kind === 'PLAY') play = title;
    [task, changed] = [`${play}: ${title}`, false];
    const wait = kind === 'PLAY' ? undefined : aim.during(task);
    if (wait !== undefined)
      pending = setTimeout(() => kill(`${(wait / 1000).toFixed(2)} s into ${task}`), wait);
  };
  createInterface({ input: child.stdout }).on('line', read);
  createInterface({ input: child.stderr }).on('line', read);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => {
      clearTimeout(late);
      clearTimeout(pending);
      resolve(
        killed === undefined
          ? { kind: 'ended', code, output: output.join('\n') }
          : { kind: 'killed', task: killed },
      );
    });
  });
}

/** The flags that lead to hosts, as polarplay takes them. */
function forwarded(flags: Flags): string[] {
  const one = (name: string, value: string | undefined) => (value === undefined ? [] : [name, value]);
  return [
    ...flags.inventory.flatMap(file => ['-i', file]),
    ...flags['extra-vars'].flatMap(text => ['-e', text]),
    ...one('-u', flags.user),
    ...one('--private-key', flags['private-key']),
    ...one('--vault-password-file', flags['vault-password-file']),
    ...(flags['accept-new-host-keys'] ? ['--accept-new-host-keys'] : []),
  ];
}

async function expectNoChange(flags: Flags): Promise<void> {
  const end = await run(flags.after, flags, Date.now() + 600_000, NEVER);
  const output = end.kind === 'ended' ? end.output : '';
  const recap = [...output.matchAll(/^(\S+) +: ok=\d+ +changed=(\d+) .*failed=(\d+)/gm)];
  const busy = recap.filter(([, , changed, failed]) => changed !== '0' || failed !== '0');
  if (recap.length === 0 || busy.length > 0)
    throw new NotAccepted(`${flags.after} still had work to do\n${tail(output)}`);
  say(`${flags.after}: changed=0 on ${recap.map(([, host]) => host).join(', ')}`);
}

async function expectVerified(flags: Flags): Promise<void> {
  const child = spawn(process.execPath, [POLARPLAY, 'verify', ...forwarded(flags)], {
    cwd: PACKAGE_ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => output.push(line));
  const code = await new Promise(resolve => child.once('close', resolve));
  if (code !== 0) throw new NotAccepted(`verify ended with ${code}\n${tail(output.join('\n'))}`);
  say(`verify: ${output.at(-1)}`);
}

/** Every mkfs leaves a line in a log on the node that ran it. */
async function expectFormattedOnce(flags: Flags): Promise<void> {
  const opened = await openDeployment(flags);
  try {
    const { deployment, hosts } = opened;
    if (!deployment.pfs) {
      say('the stand-in has no PFS: nothing is formatted');
      return;
    }
    for (const disk of deployment.pfs.disks) {
      const log = `/var/log/polar-mkfs-${disk}.log`;
      const counts = await Promise.all(
        hostsOf(nodesOf(deployment)).map(host =>
          hosts.script(host, `[ ! -e ${log} ] || grep -c 'mkfs begins' ${log}`),
        ),
      );
      const times = counts.reduce((sum, { stdout }) => sum + Number(stdout.trim() || 0), 0);
      if (times !== 1) throw new NotAccepted(`${disk} was formatted ${times} times`);
      say(`${disk} was formatted exactly once`);
    }
  } finally {
    await opened.close();
  }
}

const tail = (text: string): string => text.split('\n').slice(-60).join('\n');
const say = (text: string): void => void process.stdout.write(`${text}\n`);

main(process.argv.slice(2)).then(
  code => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const { text, code } = failureText('killed-runner', error);
    process.stderr.write(`${text}\n`);
    process.exitCode = code;
  },
);
