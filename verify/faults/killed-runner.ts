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
something after which none was killed before, until one comes to its end. Accepted when no run failed, one more run
changes nothing, and each shared disk was formatted exactly once. Never for a cluster in use.

${REACHING_USAGE}      --playbook FILE           what to run (default: playbooks/site.yml)
      --minutes N               give up after that time (default: 60)

Exit codes: 0 accepted, 2 not, 4 no host answers or the inventory is wrong, 5 wrong flag.
`;

const FLAGS = {
  ...REACHING,
  playbook: { type: 'string', default: 'playbooks/site.yml' },
  minutes: { type: 'string', default: '60' },
} as const;

type Flags = ReturnType<typeof readFlags<typeof FLAGS>>;

/** How one run ended: killed after `task`, or by itself. */
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

/**
 * Runs again and again, each time killed after another task; tells how many were killed. A task that changed nothing
 * leaves the hosts as the one before did, so there is nothing to learn from a kill after it.
 */
async function killOneByOne(flags: Flags, until: number): Promise<number> {
  const done = new Set<string>();
  for (;;) {
    if (Date.now() > until)
      throw new NotAccepted(`not through after ${flags.minutes} minutes and ${done.size} kills`);
    const start = Date.now();
    const end = await run(flags, until, task => !done.has(task));
    const took = `${((Date.now() - start) / 1000).toFixed(1)} s`;
    if (end.kind === 'killed') {
      done.add(end.task);
      say(`${took}, killed after ${end.task}`);
    } else if (end.code === 0) return done.size;
    else
      throw new NotAccepted(`the run after ${done.size} kills ended with ${end.code}\n${tail(end.output)}`);
  }
}

/** One run, killed as soon as a task that `chosen` names has changed something and the next one begins. */
function run(flags: Flags, until: number, chosen: (task: string) => boolean): Promise<RunEnd> {
  const child = spawn(process.execPath, [POLARPLAY, flags.playbook, ...forwarded(flags)], {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const late = setTimeout(() => child.kill('SIGKILL'), Math.max(1000, until - Date.now()));
  const output: string[] = [];
  let [play, task, changed] = ['', '', false];
  let killed: string | undefined;
  const read = (line: string) => {
    output.push(line);
    if (line.startsWith('changed: ')) changed = true;
    const [, kind, title = ''] = HEADING.exec(line) ?? [];
    if (kind === undefined || killed !== undefined) return;
    if (changed && chosen(task)) {
      killed = task;
      child.kill('SIGKILL');
    }
    if (kind === 'PLAY') play = title;
    [task, changed] = [`${play}: ${title}`, false];
  };
  createInterface({ input: child.stdout }).on('line', read);
  createInterface({ input: child.stderr }).on('line', read);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => {
      clearTimeout(late);
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
  const end = await run(flags, Date.now() + 600_000, () => false);
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
