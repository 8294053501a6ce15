import '../../lib/source/frozen-prototype.ts';

import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { messageOf } from '../../lib/source/errors.ts';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';
import { seededRandom, shuffled } from '../cluster/statistics.ts';
import { Meter } from './measure.ts';
import { formatHtml, formatMarkdown, type RunnerReport } from './report.ts';
import { type HostSet, type Runner, runners } from './runners.ts';
import { judgeTargets, type Phase, type Sample, summarise, type Target } from './summary.ts';

const USAGE = `usage: npm run bench:runner -- [options]

Times the same thirty tasks on throw-away hosts of this machine, done by polarplay, by Ansible (default and tuned) and by
one shell script per host over ssh. Every repetition runs all of them in a new order, once on fresh hosts and once more
when there is nothing left to change. Needs root, cgroup2 and, for Ansible's part, Debian's ansible-core
and ansible-mitogen; one that is missing is left out, and said.

  --hosts 1,4,16       sizes of the field
  --repetitions 3      how often; medians are reported
  --only a,b           only these: polarplay, ansible-tuned, ansible, ansible-mitogen, floor, floor-fast
  --before FILE        an earlier build, too: its dist/polarplay.js
  --lab NAME           lab to use or make (default: runner-bench)
  --keep               leave the lab up
  --out DIR            where the reports and history.jsonl go (default: .polarplay/runner-bench)

Exit codes: 0 every target is kept, 2 nothing can be concluded (the machine was not idle, or repetitions differ too much),
3 a target is missed, 1 something went wrong.
`;

const PLAY = join(PACKAGE_ROOT, 'bench', 'runner', 'play');
const POLARPLAY = join(PACKAGE_ROOT, 'dist', 'polarplay.js');
const BASE = '/opt/runner-bench';

interface Options {
  readonly sizes: readonly number[];
  readonly repetitions: number;
  readonly only: readonly string[];
  readonly before?: string;
  readonly lab: string;
  readonly keep: boolean;
  readonly out: string;
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      hosts: { type: 'string', default: '1,4,16' },
      repetitions: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      before: { type: 'string' },
      lab: { type: 'string', default: 'runner-bench' },
      keep: { type: 'boolean', default: false },
      out: { type: 'string', default: '.polarplay/runner-bench' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const sizes = values.hosts.split(',').map(Number);
  const repetitions = Number(values.repetitions);
  if (!sizes.every(n => Number.isInteger(n) && n > 0)) throw new Error(`--hosts ${values.hosts}: use 1,4,16`);
  if (!(Number.isInteger(repetitions) && repetitions > 0))
    throw new Error('--repetitions: use a whole number');
  const { before, ...rest } = values;
  if (before !== undefined && !existsSync(before))
    throw new Error(`--before ${before}: there is no such file`);
  return {
    ...rest,
    ...(before === undefined ? {} : { before: resolve(before) }),
    sizes,
    repetitions,
    only: values.only.split(',').filter(Boolean),
  };
}

/** The lab's files, as `polarplay lab up` leaves them. */
interface Lab {
  readonly name: string;
  readonly inventory: string;
  readonly sshConfig: string;
  readonly hosts: readonly string[];
}

const labCommand = (...args: string[]): string =>
  execFileSync(process.execPath, [POLARPLAY, 'lab', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });

function labUp(name: string, size: number): Lab {
  // Python is for Ansible alone.
  labCommand(
    'up',
    '--name',
    name,
    '--hosts',
    `${size}`,
    '--disk',
    '0x1G',
    '--scratch',
    'none',
    '--packages',
    'python3',
  );
  const inventory = labCommand('inventory', '--name', name).trim();
  const { all } = parse(readFileSync(inventory, 'utf8')) as { all: { hosts: Record<string, unknown> } };
  return {
    name,
    inventory,
    sshConfig: join(dirname(inventory), 'ssh_config'),
    hosts: Object.keys(all.hosts),
  };
}

/** The first hosts of the lab, with an inventory that holds no others. */
function hostSetOf(lab: Lab, size: number, workDir: string): HostSet {
  const whole = parse(readFileSync(lab.inventory, 'utf8')) as {
    all: { vars: unknown; hosts: Record<string, unknown> };
  };
  const hosts = lab.hosts.slice(0, size);
  const inventory = join(workDir, `hosts-${size}.yaml`);
  const chosen = Object.fromEntries(hosts.map(host => [host, whole.all.hosts[host]]));
  writeFileSync(inventory, stringify({ all: { vars: whole.all.vars, hosts: chosen } }));
  return { hosts, inventory, sshConfig: lab.sshConfig, playDir: PLAY, workDir };
}

/** One command on one host, outside of the measurement. */
function onHost(lab: Lab, host: string, script: string): string {
  return execFileSync('ssh', ['-F', lab.sshConfig, '-T', host, script], {
    encoding: 'utf8',
    timeout: 60_000,
  });
}

/** What the hosts look like afterwards: modes, links and contents, the same for all who did the work right. */
function outcome(lab: Lab, hostSet: HostSet): string {
  const look = `cd ${BASE} && find . -printf '%M %p %l\\n' | sort && find . -type f | sort | xargs sha256sum`;
  return hostSet.hosts.map(host => onHost(lab, host, look)).join('\n');
}

class WrongResult extends Error {
  override readonly name = 'WrongResult';
}

/** One runner, first on fresh hosts and then again; both runs must say and leave the right thing. */
async function measurePair(
  lab: Lab,
  hostSet: HostSet,
  runner: Runner,
  repetition: number,
  expected: { tree: string | undefined },
  stop: AbortSignal,
): Promise<Sample[]> {
  for (const host of hostSet.hosts) onHost(lab, host, `rm -rf ${BASE} /root/.ansible`);
  const meter = new Meter(hostSet.hosts.map(host => join('polarplay', lab.name, host)));
  const abort = () => meter.abort();
  stop.addEventListener('abort', abort, { once: true });
  const samples: Sample[] = [];
  for (const phase of ['first', 'again'] as const satisfies readonly Phase[]) {
    const { cost, rc, output } = await meter.run(runner.command(hostSet), hostSet.workDir);
    stop.throwIfAborted();
    const changed = runner.changedHosts(output, hostSet);
    const wanted = phase === 'first' ? hostSet.hosts.length : 0;
    if (rc !== 0 || changed !== wanted) {
      const tail = output.trimEnd().split('\n').slice(-12).join('\n');
      throw new WrongResult(
        `${runner.title} on ${hostSet.hosts.length} hosts, ${phase} run: exit ${rc}, hosts changed: ${changed ?? 'not said'}, expected ${wanted}\n${tail}`,
      );
    }
    samples.push({ runner: runner.name, hosts: hostSet.hosts.length, phase, repetition, cost });
  }
  stop.removeEventListener('abort', abort);
  const tree = outcome(lab, hostSet);
  expected.tree ??= tree;
  if (tree !== expected.tree)
    throw new WrongResult(`${runner.title} left other files on the hosts than the one before`);
  return samples;
}

function available({ only, before }: Options): { run: readonly Runner[]; missing: readonly string[] } {
  const wanted = runners(POLARPLAY, before).filter(
    ({ name }) => only.length === 0 || only.includes(name) || name === 'before',
  );
  const missing = wanted.filter(({ needs }) => needs && !existsSync(needs.path));
  return {
    run: wanted.filter(c => !missing.includes(c)),
    missing: missing.map(
      ({ title, needs }) => `${title}: ${needs?.path} is not there (Debian package ${needs?.debian})`,
    ),
  };
}

/** First line of what a program says about itself; ssh says it on stderr. */
function versionOf({ version }: Runner): string {
  const [file = '', ...args] = version;
  const said = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', file, ...args], { encoding: 'utf8' });
  return said.split('\n')[0]!.trim();
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (!existsSync(POLARPLAY)) throw new Error(`${POLARPLAY} is not there: npm run build`);
  const { run, missing } = available(options);
  for (const line of missing) process.stderr.write(`left out: ${line}\n`);
  const workDir = join(options.out, 'work');
  rmSync(workDir, { recursive: true, force: true });
  mkdirSync(workDir, { recursive: true });
  const startedAt = new Date();
  const disturbed = await disturbance();
  if (disturbed !== undefined)
    process.stderr.write(`the machine is not idle: ${disturbed}; figures follow, conclusions do not\n`);
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const lab = labUp(options.lab, Math.max(...options.sizes));
  const samples: Sample[] = [];
  try {
    for (const size of options.sizes) {
      const hostSet = hostSetOf(lab, size, resolve(workDir));
      const expected = { tree: undefined as string | undefined };
      for (let repetition = 1; repetition <= options.repetitions; repetition++) {
        for (const runner of shuffled(run, seededRandom(size * 1000 + repetition))) {
          const pair = await measurePair(lab, hostSet, runner, repetition, expected, stop.signal);
          samples.push(...pair);
          process.stderr.write(`${progressLine(runner, hostSet, repetition, pair)}\n`);
        }
      }
    }
  } finally {
    if (!options.keep) labCommand('down', '--name', lab.name);
  }
  const rows = summarise(samples);
  const report: RunnerReport = {
    schema: 1,
    startedAt: startedAt.toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    repetitions: options.repetitions,
    runners: run.map(c => ({
      name: c.name,
      title: c.title,
      settings: c.settings,
      version: versionOf(c),
    })),
    ...(disturbed === undefined ? {} : { disturbed }),
    rows,
    targets: judgeTargets(rows, disturbed === undefined),
    samples,
  };
  writeFileSync(join(options.out, 'runner.json'), `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(join(options.out, 'runner.md'), formatMarkdown(report));
  writeFileSync(join(options.out, 'runner.html'), formatHtml(report));
  // The samples are in the report; a line for each run is enough to see how the figures move.
  const { samples: _, ...kept } = report;
  appendFileSync(join(options.out, 'history.jsonl'), `${JSON.stringify(kept)}\n`);
  process.stdout.write(`${formatMarkdown(report)}\nwritten: ${join(options.out, 'runner.{json,md,html}')}\n`);
  return exitCode(report.targets);
}

function exitCode(targets: readonly Target[]): number {
  if (targets.some(t => t.verdict === 'missed')) return 3;
  return targets.some(t => t.verdict === 'unsure') ? 2 : 0;
}

const LOOK_MS = 3000;
const BUSY_SHARE = 0.1;

/** What keeps the processors busy before anything is measured; nothing when they are idle. */
async function disturbance(): Promise<string | undefined> {
  const ticks = () =>
    readFileSync('/proc/stat', 'utf8').split('\n')[0]!.trim().split(/\s+/).slice(1, 9).map(Number);
  const before = ticks();
  await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  const spent = ticks().map((value, i) => value - before[i]!);
  const all = Math.max(
    spent.reduce((total, value) => total + value, 0),
    1,
  );
  const busy = 1 - (spent[3]! + spent[4]!) / all;
  return busy > BUSY_SHARE
    ? `${(100 * busy).toFixed(0)} % of its processors' time goes to others`
    : undefined;
}

function progressLine(runner: Runner, hostSet: HostSet, repetition: number, pair: readonly Sample[]): string {
  const parts = pair.map(({ phase, cost }) => `${phase} ${(cost.wallMs / 1000).toFixed(2)} s`);
  return `${hostSet.hosts.length} hosts, repetition ${repetition}, ${runner.title}: ${parts.join(', ')}`;
}

main().then(
  code => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`bench:runner: ${messageOf(error)}\n`);
    process.exitCode = 1;
  },
);
