import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Deployment, nodesOf } from '../../lib/cluster/deployment.ts';
import { failureText } from '../../lib/cluster/failure.ts';
import { positive, REACHING, REACHING_USAGE, readFlags } from '../../lib/cluster/flags.ts';
import { openDeployment } from '../../lib/cluster/open-deployment.ts';
import { Databases } from '../../lib/cluster/sql.ts';
import { messageOf, UsageError } from '../../lib/source/errors.ts';
import { CHECKS, checksWith } from '../checks/index.ts';
import { TRIAL_MS, type Trial } from '../checks/performance.ts';
import type { Finding } from '../findings.ts';
import { SMOKE } from '../performance/pgbench.ts';
import { faultText } from '../report/junit.ts';
import { select } from '../select.ts';
import { runChecks } from '../suite.ts';
import { type Break, PRELUDE } from './break.ts';
import { BREAKS } from './breaks/index.ts';

const USAGE = `usage: npm run verify:mutations -- -i INVENTORY [-g WORDS] [--ci]

Breaks a lab (polarplay lab up, deployed with the stand-in) in one way after the other, looks whether exactly the checks
that are meant to notice turn red, and heals it. Never for a cluster that holds data.

${REACHING_USAGE}  -g, --grep WORDS              only breaks that these words describe; a comma separates alternatives
      --ci                      only those that CI tries
      --together                those that are noticed independently of each other at the same time, as CI does
      --timeout SECONDS         how long a host may take to answer; raise it on a machine under load (default: 15)
      --list                    lists them
`;

const FLAGS = {
  ...REACHING,
  grep: { type: 'string', short: 'g' },
  ci: { type: 'boolean', default: false },
  together: { type: 'boolean', default: false },
  timeout: { type: 'string', default: '15' },
  list: { type: 'boolean', default: false },
} as const;

/** What takes long and which no break is aimed at. */
const SLOW = ['data.delay'];
const SETTLE_MS = 1_500;
const HEAL_WITHIN_MS = 60_000;

type Flags = ReturnType<typeof readFlags<typeof FLAGS>>;

const answerMs = (flags: Flags): number => 1000 * positive('timeout', flags.timeout);

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) return print(USAGE);
  const chosen = BREAKS.filter(one => (!flags.ci || one.ci) && fits(one, flags.grep ?? ''));
  if (chosen.length === 0) throw new UsageError(`no break fits "${flags.grep}"; --list shows them`, 5);
  if (flags.list)
    return print(chosen.map(one => `${one.id.padEnd(26)} ${one.what}: ${one.red.join(', ')}\n`).join(''));
  await refuseAnythingButALab(flags);
  const before = await findings(flags, 4 * answerMs(flags));
  const red = failed(before);
  if (red.length > 0)
    throw new Error(`the lab is not green before any break: ${red.map(f => f.id).join(', ')}`);
  let wrong = 0;
  let stopped = false;
  // What is broken is healed before the end.
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      stopped = true;
    });
  for (const group of flags.ci || flags.together ? together(chosen) : chosen.map(one => [one])) {
    if (stopped) break;
    const began = performance.now();
    const problem = await attempt(flags, group);
    if (problem !== undefined) wrong += 1;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const mark = problem === undefined ? '✓' : '✗';
    print(`${group.map(one => `${mark} ${one.id}: ${one.what}`).join('\n')} (${seconds} s)\n`);
    if (problem !== undefined) print(`${problem.replace(/^/gm, '    ')}\n`);
  }
  const right = `${chosen.length} breaks turned exactly the expected checks red`;
  print(`${wrong === 0 ? right : `${wrong} attempts were not as expected`}\n`);
  return wrong === 0 ? 0 : 2;
}

/** Breaks that are noticed independently of each other, in groups: what one turns red, no other does, or waits for. */
function together(breaks: readonly Break[]): readonly (readonly Break[])[] {
  const groups: Break[][] = [];
  for (const one of breaks) {
    const group = one.alone
      ? undefined
      : groups.find(others => others.every(other => !other.alone && apart(one, other) && apart(other, one)));
    if (group) group.push(one);
    else groups.push([one]);
  }
  return groups;
}

/** Whether nothing that one break turns red is needed by, or is, what another turns red. */
function apart(one: Break, other: Break): boolean {
  const needed = select(CHECKS, { only: other.red, skip: [], tags: [] }).checks.map(
    check => check.id as string,
  );
  return !one.red.some(id => needed.includes(id));
}

/** Whether all words of one of the alternatives, which commas separate, stand in a break's id, description or checks. */
function fits({ id, what, red }: Break, grep: string): boolean {
  const text = `${id} ${what} ${red.join(' ')}`;
  return grep.split(',').some(words => words.split(/\s+/).every(word => text.includes(word)));
}

/** The scripts destroy what they touch: only hosts that a lab made may be their target. */
async function refuseAnythingButALab(flags: Flags): Promise<void> {
  const opened = await openDeployment(flags, answerMs(flags));
  try {
    for (const host of opened.inventory.hosts.keys()) {
      const { stdout } = await opened.hosts.script(
        host,
        'systemd-detect-virt -c; cat /run/host/container-manager 2>/dev/null; :',
      );
      if (!/systemd-nspawn/.test(stdout))
        throw new UsageError(`${host} is not a host of a lab: this command breaks what it touches`, 5);
    }
    if (opened.deployment.database !== 'postgresql')
      throw new UsageError(
        'the breaks are written for a lab with the stand-in (polardb_database: postgresql)',
        5,
      );
    if (scratchOf(opened.deployment) === undefined)
      throw new UsageError('the inventory of the lab names no scratch_export: some breaks need it', 5);
  } finally {
    await opened.close();
  }
}

const scratchOf = ({ storage }: Deployment): string | undefined =>
  storage.exports.find(disk => disk.scratch)?.device;

/** Breaks, looks, heals; what was not as expected, in words. */
async function attempt(flags: Flags, group: readonly Break[]): Promise<string | undefined> {
  const problems: string[] = [];
  const red = group.flatMap(one => one.red);
  if (underLoad(red)) await findings(flags, SETTLE_MS, red, { ...TRIAL, anew: true });
  const tried: Break[] = [];
  try {
    for (const one of group) {
      tried.push(one);
      await script(flags, one.host, one.breaks);
    }
    const found = failed(await findings(flags, SETTLE_MS, [], underLoad(red) ? TRIAL : undefined));
    const ids = found.map(finding => finding.id).sort();
    const wanted = [...red].sort();
    const said = found.map(texts);
    if (ids.join() !== wanted.join())
      problems.push(`expected ${wanted.join(', ')}`, `red: ${ids.join(', ') || 'nothing'}`, ...said);
    for (const { says } of group)
      if (says && !says.test(said.join('\n'))) problems.push(`no message says ${says}`, ...said);
  } catch (error) {
    problems.push(`break ${tried.at(-1)?.id}: ${messageOf(error)}`);
  }
  // In their order: what lies below heals first. What heals by itself needs nobody.
  for (const one of tried) {
    if (one.heals === ':') continue;
    await script(flags, one.host, one.heals).catch((error: unknown) => {
      problems.push(`heal ${one.id}: ${messageOf(error)}`);
    });
  }
  const left = await healed(flags, red);
  if (left !== undefined) problems.push(left);
  return problems.length === 0 ? undefined : problems.join('\n');
}

/** Waits until what was turned red is green again. */
async function healed(flags: Flags, red: readonly string[]): Promise<string | undefined> {
  const until = performance.now() + HEAL_WITHIN_MS;
  for (;;) {
    const left = failed(await findings(flags, SETTLE_MS, red).catch(() => []));
    if (left.length === 0) return undefined;
    if (performance.now() > until) return `not healed: ${left.map(texts).join('\n')}`;
    await pause(500);
  }
}

async function script(flags: Flags, host: string, text: string): Promise<void> {
  const opened = await openDeployment(flags, answerMs(flags));
  try {
    const scratch = `SCRATCH=${scratchOf(opened.deployment)}`;
    for (const step of stepsOf(host, text)) {
      const { rc, stderr } = await opened.hosts.script(step.host, `${scratch}\n${PRELUDE}\n${step.text}`, {
        timeoutMs: 60_000,
      });
      if (rc !== 0) throw new Error(`${step.host}: exit ${rc}: ${stderr.trim()}`);
    }
  } finally {
    await opened.close();
  }
}

/** The parts of a script, each with the host that it is for. */
function stepsOf(host: string, text: string): readonly { readonly host: string; readonly text: string }[] {
  const [first = '', ...others] = text.split(/^@(\w+)\n/m);
  const steps = [{ host, text: first }];
  for (let i = 0; i < others.length; i += 2) steps.push({ host: others[i]!, text: others[i + 1] ?? '' });
  return steps.filter(step => step.text.trim() !== '');
}

async function findings(
  flags: Flags,
  settleMs: number,
  only: readonly string[] = [],
  trial?: Trial,
): Promise<readonly Finding[]> {
  const began = performance.now();
  const opened = await openDeployment(flags, answerMs(flags));
  const databases = new Databases(
    opened.hosts,
    nodesOf(opened.deployment).map(node => node.sql),
    answerMs(flags),
  );
  try {
    const deployment = { ...opened.deployment, files: opened.managedFiles() };
    return await runChecks(select(checksWith(trial), { only, skip: SLOW, tags: [] }).checks, deployment, {
      reach: opened.hosts,
      databases,
      runId: Math.random().toString(16).slice(2, 14).padEnd(12, '0'),
      timeoutMs: answerMs(flags),
      settleBy: began + settleMs,
      endBy: began + 45_000 + answerMs(flags) + (trial ? TRIAL_MS : 0),
    });
  } finally {
    await databases.close();
    await opened.close();
  }
}

/** A baseline of its own, taken before the break; the machine below a lab is never idle. */
const TRIAL: Trial = {
  baselineFile: join(mkdtempSync(join(tmpdir(), 'polarplay-mutations-')), 'performance.json'),
  anew: false,
  mostBusy: 1,
  load: SMOKE,
};
process.once('exit', () => rmSync(dirname(TRIAL.baselineFile), { recursive: true, force: true }));

/** Whether a break shows only under load. */
const underLoad = (red: readonly string[]): boolean => red.some(id => id.startsWith('performance.'));

const failed = (all: readonly Finding[]) => all.filter(finding => finding.verdict === 'failed');

const texts = (finding: Finding): string =>
  finding.verdict === 'failed'
    ? `${finding.id}: ${finding.faults.slice(0, 3).map(faultText).join('\n')}`
    : '';

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  const { text, code } = failureText('verify:mutations', error);
  process.stderr.write(`${text}\n`);
  return code;
});
