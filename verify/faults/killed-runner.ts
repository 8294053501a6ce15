import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../lib/source/errors.ts';
import { hostsOf, nodesOf } from '../deployment.ts';
import { failureText } from '../failure.ts';
import { positive, REACHING, REACHING_USAGE, readFlags } from '../flags.ts';
import { openDeployment } from '../open.ts';

const USAGE = `usage: npm run test:killed -- -i INVENTORY [options]

Deploys onto fresh hosts with runners that are killed (SIGKILL) one after the other: each as soon as a task has changed
something after which none was killed before, until one comes to its end. With --during each is killed in the middle of
a task instead, while what it began goes on or dies on the hosts. Accepted when no run failed, one more run changes
nothing, and each shared disk was formatted exactly once. Never for a cluster in use.

${REACHING_USAGE}      --playbook FILE           what to run (default: playbooks/site.yml)
      --during TEXT             kill while tasks run whose title holds TEXT (may be repeated), at a random moment
      --times N                 how often to do so for each task (default: 2)
      --minutes N               give up after that time (default: 60)

Exit codes: 0 accepted, 2 not, 4 no host answers or the inventory is wrong, 5 wrong flag.
`;

const FLAGS = {
  ...REACHING,
  playbook: { type: 'string', default: 'playbooks/site.yml' },
  during: { type: 'string', multiple: true, default: [] as string[] },
  times: { type: 'string', default: '2' },
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

const PROJECT = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../..' : '..', import.meta.url));
const POLARPLAY = join(PROJECT, 'dist', 'polarplay.js');
const HEADING = /^(PLAY|TASK|RUNNING HANDLER) (?:\[(.*)\]|RECAP)/;

class NotAccepted extends Error {}

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (flags.inventory.length === 0) throw new UsageError('name an inventory with -i', 5);
  try {
    const until = Date.now() + 60_000 * positive('minutes', flags.minutes);
    const killed = await killOneByOne(flags, until);
    say(`${killed} runners were killed, the next one came to its end`);
    await expectNoChange(flags);
    await expectFormattedOnce(flags);
    return 0;
  } catch (error) {
    if (!(error instanceof NotAccepted)) throw error;
    say(`NOT ACCEPTED: ${error.message}`);
    return 2;
  }
}

/** Runs again and again, each time killed at another place, until one comes to its end; tells how many were killed. */
async function killOneByOne(flags: Flags, until: number): Promise<number> {
  const aim = flags.during.length > 0 ? inTheMiddle(flags) : afterEach();
  for (let kills = 0; ; kills += 1) {
    if (Date.now() > until)
      throw new NotAccepted(`not through after ${flags.minutes} minutes and ${kills} kills`);
    const start = Date.now();
    const end = await run(flags, until, aim);
    const took = `${((Date.now() - start) / 1000).toFixed(1)} s`;
    if (end.kind === 'killed') say(`${took}, killed ${end.task}`);
    else if (end.code === 0) return kills;
    else throw new NotAccepted(`the run after ${kills} kills ended with ${end.code}\n${tail(end.output)}`);
  }
}

/** A task that changed nothing left the hosts as the one before did, so there is nothing to learn from a kill after it. */
function afterEach(): Aim {
  const done = new Set<string>();
  return {
    after: task => !done.has(task) && done.add(task) !== undefined,
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
function run(flags: Flags, until: number, aim: Aim): Promise<RunEnd> {
  const child = spawn(process.execPath, [POLARPLAY, flags.playbook, ...forwarded(flags)], {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const late = setTimeout(() => child.kill('SIGKILL'), Math.max(1000, until - Date.now()));
  const output: string[] = [];
  let [play, task, changed] = ['', '', false];
  let killed: string | undefined;
  let pending: NodeJS.Timeout | undefined;
  const kill = (where: string) => {
    killed = where;
    child.kill('SIGKILL');
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
  const end = await run(flags, Date.now() + 600_000, NEVER);
  const output = end.kind === 'ended' ? end.output : '';
  const recap = [...output.matchAll(/^(\S+) +: ok=\d+ +changed=(\d+) .*failed=(\d+)/gm)];
  const busy = recap.filter(([, , changed, failed]) => changed !== '0' || failed !== '0');
  if (recap.length === 0 || busy.length > 0)
    throw new NotAccepted(`one more run still had work to do\n${tail(output)}`);
  say(`one more run: changed=0 on ${recap.map(([, host]) => host).join(', ')}`);
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
