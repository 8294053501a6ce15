import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { messageOf } from '../../lib/source/errors.ts';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';
import { readAccepted } from '../cluster/history/accepted.ts';
import { differences } from '../cluster/history/comparability.ts';
import { readHistory } from '../cluster/history/history.ts';
import { judgeRun, type NightVerdict } from '../cluster/history/verdict.ts';
import type { RunRecord } from '../cluster/result.ts';
import { groupOf, type Lift, limitDisk, limitProcessors } from './limits.ts';

const USAGE = `usage: npm run bench:ten-nights -- [options]

Ten nights in a quarter of an hour: a cluster on throw-away hosts of this machine, with PostgreSQL in the place of PolarDB, is
measured ten times. Between the nights a setting changes, the primary moves, its disk gets slow, and a replica gets slow. The
trend must go on through the first two, and the first sentence of the report must name the other two. The nights are short,
what happens between them is real. Needs root on Debian or Ubuntu.

  --lab NAME      lab to make, or to go on with (default: ten-nights)
  --seconds N     of each measurement (default: 4)
  --out DIR       where the reports go (default: .polarplay/ten-nights)
  --keep          leaves the lab up

Exit codes: 0 every report said what happened, 3 one did not, 1 something went wrong.
`;

const HOSTS = ['st1', 'rw1', 'ro1', 'ro2'];
const PACKAGES = 'postgresql,nbd-server,nbd-client,libnbd-bin,fuse3,chrony,fio';
/** What a slowed host has left: of one processor, and operations a second of its disk. */
const PROCESSOR_SHARE = 0.2;
const DISK_OPERATIONS = 200;

interface Night {
  readonly title: string;
  readonly before?: () => unknown;
  /** What the report must say; gives what it does not. */
  readonly missing?: (verdict: NightVerdict, record: RunRecord, before: readonly RunRecord[]) => string[];
}

const { values: flags } = parseArgs({
  options: {
    lab: { type: 'string', default: 'ten-nights' },
    seconds: { type: 'string', default: '4' },
    out: { type: 'string', default: '.polarplay/ten-nights' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (flags.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const out = resolve(process.env.INIT_CWD ?? '.', flags.out);
const inventory = join(out, 'cluster', 'hosts.yaml');
const profile = join(out, 'ten-nights.yaml');
let slowed: Lift | undefined;
let made = false;

let running: ChildProcess | undefined;
let ended: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    ended = signal;
    running?.kill('SIGTERM');
  });

/** Runs polarplay; the exit codes that are not a failure are given. */
async function polarplay(args: readonly string[], fine: readonly number[] = [0]): Promise<string> {
  if (ended) throw new Error(`ended by ${ended}`);
  const { code, stdout, stderr } = await start(args);
  if (fine.includes(code)) return stdout;
  throw new Error(
    ended ? `ended by ${ended}` : `polarplay ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`,
  );
}

function start(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'dist', 'polarplay.js'), ...args], {
      cwd: out,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C at the terminal is for this process, which tells its own.
      detached: true,
    });
    running = child;
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text;
      });
    child.once('error', failed);
    child.once('close', code => {
      running = undefined;
      done({ code: code ?? 1, ...said });
    });
  });
}

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Four hosts, and a cluster on them. */
async function deploy(): Promise<void> {
  // One that is there is somebody's, with what is on it.
  if ((await start(['lab', 'inventory', '--name', flags.lab])).code === 0)
    throw new Error(
      `there is a lab ${flags.lab} already: end it (polarplay lab down --name ${flags.lab}), or give another name with --lab`,
    );
  say(`the lab ${flags.lab}`);
  made = true;
  await polarplay([
    'lab',
    'up',
    '--name',
    flags.lab,
    '--install',
    '--hosts',
    HOSTS.join(','),
    '--packages',
    'fio',
    '--prepare-for',
    PACKAGES,
  ]);
  const lab = await labFolder();
  const config = readFileSync(join(lab, 'ssh_config'), 'utf8');
  const at = (host: string) => {
    const address = new RegExp(`^Host ${host}\\n(?:  .*\\n)*?  HostName (.*)$`, 'm').exec(config)?.[1];
    return `${host}=${address}`;
  };
  rmSync(dirname(inventory), { recursive: true, force: true });
  await polarplay([
    ...['init', dirname(inventory), '--database', 'stand-in', '--storage', at('st1')],
    ...['vdb', 'vdc', 'vdd', 'vde'].flatMap(disk => ['--disk', `/dev/${disk}`]),
    ...['--primary', at('rw1'), '--replica', at('ro1'), '--replica', at('ro2')],
    ...['--private-key', join(lab, 'id_ed25519')],
    ...['--ssh-common-args', `-o UserKnownHostsFile=${join(lab, 'known_hosts')}`],
  ]);
  say('the cluster');
  await playbook('site.yml');
}

const labFolder = async (): Promise<string> =>
  dirname((await polarplay(['lab', 'inventory', '--name', flags.lab])).trim());

const playbook = (name: string, ...args: string[]) => polarplay([name, '-i', inventory, ...args]);

/** A setting of the servers, in the inventory, where a person would write it. */
async function changeSetting(): Promise<void> {
  const tree = parse(readFileSync(inventory, 'utf8')) as { all: { vars: Record<string, unknown> } };
  tree.all.vars.polardb_parameters_extra = { random_page_cost: 1.3 };
  writeFileSync(inventory, stringify(tree));
  await playbook('configure.yml');
}

function lift(): void {
  slowed?.();
  slowed = undefined;
}

const goesOn: NonNullable<Night['missing']> = ({ trends }, record, before) => [
  ...trends
    .filter(({ runs }) => runs.length !== before.length + 1)
    .map(
      ({ workload, runs }) => `the trend of ${workload} has ${runs.length} of ${before.length + 1} nights`,
    ),
  ...(trends.length === 0 ? ['there is no trend'] : []),
  ...differences(before.at(-1)!, record)
    .filter(d => d.weight === 'breaks')
    .map(d => `${d.what} breaks the comparison`),
];

const noted =
  (what: string): NonNullable<Night['missing']> =>
  (verdict, record, before) => [
    ...goesOn(verdict, record, before),
    ...(differences(before.at(-1)!, record).some(d => d.what === what) ? [] : [`it does not note: ${what}`]),
  ];

const names =
  (words: RegExp): NonNullable<Night['missing']> =>
  (verdict, record, before) => [
    ...goesOn(verdict, record, before),
    ...(words.test(verdict.sentence) ? [] : [`the sentence does not say ${words}`]),
  ];

// A disk stands with its node where that reads slowly too.
const disk = /the disk of ro1 does|slowest node ro1 at .* its disk at/i;
const replica = /slowest node ro2 at/i;
/** As many as the rule needs before it says anything, then one for each fault, and the end of both. */
const NIGHTS: readonly Night[] = [
  { title: 'the first night' },
  { title: 'as before', missing: goesOn },
  { title: 'as before', missing: goesOn },
  { title: 'random_page_cost was changed', before: changeSetting, missing: noted('random_page_cost') },
  { title: 'as before', missing: goesOn },
  {
    title: 'ro1 became the primary',
    before: () => playbook('switchover.yml', '-e', 'new_primary=ro1'),
    missing: noted('primary'),
  },
  { title: 'as before', missing: goesOn },
  {
    title: `the disk of the primary ro1 does ${DISK_OPERATIONS} operations a second`,
    before: async () => {
      slowed = limitDisk(groupOf(flags.lab, 'ro1'), await labFolder(), DISK_OPERATIONS);
    },
    missing: names(disk),
  },
  {
    title: `the replica ro2 has ${100 * PROCESSOR_SHARE} % of a processor`,
    before: () => {
      lift();
      slowed = limitProcessors(groupOf(flags.lab, 'ro2'), PROCESSOR_SHARE);
    },
    missing: names(replica),
  },
  {
    title: 'both are as before',
    before: lift,
    missing: (verdict, record, before) => [
      ...goesOn(verdict, record, before),
      ...[disk, replica].filter(words => words.test(verdict.sentence)).map(words => `it still says ${words}`),
    ],
  },
];

/** Measures one night; gives what its report lacks. */
async function measure(night: Night, index: number, reports: string): Promise<readonly string[]> {
  say(`night ${index + 1}: ${night.title}`);
  await night.before?.();
  // 2: something went wrong, and the sentence says what. 3: a loss was confirmed, as it may be.
  await polarplay(['bench', '-i', inventory, '--profile', profile, '--out', reports], [0, 2, 3]);
  const { records } = readHistory(join(reports, 'history.jsonl'));
  const record = records.at(-1)!;
  const before = records.slice(0, -1);
  const verdict = judgeRun(record, before, readAccepted(reports));
  say(`    ${verdict.level}: ${verdict.sentence}`);
  const missing = night.missing?.(verdict, record, before) ?? [];
  for (const line of missing) say(`    NOT AS IT SHOULD BE: ${line}`);
  return missing;
}

async function main(): Promise<number> {
  const load = { clients: 4, threads: 1, seconds: Number(flags.seconds) };
  if (!(Number.isInteger(load.seconds) && load.seconds > 0))
    throw new Error(`--seconds ${flags.seconds}: use a whole number`);
  mkdirSync(out, { recursive: true });
  const ten = { scale: 2, warmUpSeconds: 1, repetitions: 3, storageSeconds: 2, logSampling: 1, seed: 1 };
  writeFileSync(
    profile,
    stringify({ name: 'ten-nights', ...ten, readOnly: load, readWrite: load, readOnlyNodes: [1, 'all'] }),
  );
  const reports = join(out, 'reports');
  rmSync(reports, { recursive: true, force: true });
  await deploy();
  const missing: string[] = [];
  for (const [index, night] of NIGHTS.entries()) missing.push(...(await measure(night, index, reports)));
  say(missing.length === 0 ? 'every report said what happened' : `${missing.length} things were not said`);
  say(`the reports: ${join(reports, 'index.html')}`);
  return missing.length === 0 ? 0 : 3;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(messageOf(error));
  process.exitCode = 1;
} finally {
  lift();
  if (made && !flags.keep) await start(['lab', 'down', '--name', flags.lab]);
}
