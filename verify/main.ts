import '../lib/source/frozen-prototype.ts';

import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { nodesOf } from '../lib/cluster/deployment.ts';
import { failureText } from '../lib/cluster/failure.ts';
import { extraVars, positive, REACHING, REACHING_USAGE, readFlags } from '../lib/cluster/flags.ts';
import { type Opened, openDeployment } from '../lib/cluster/open-deployment.ts';
import { Databases } from '../lib/cluster/sql.ts';
import { UsageError } from '../lib/source/errors.ts';
import { visibleJson } from '../lib/source/visible.ts';
import { FileReader } from '../lib/source/yaml/read-yaml.ts';
import { LAYERS, OWN_LAYER } from './check.ts';
import { checksWith } from './checks/index.ts';
import { MOST_BUSY, TRIAL_MS, type Trial } from './checks/performance.ts';
import { productionMark } from './faults/production.ts';
import { type Finding, totalsOf, type VerifyReport } from './findings.ts';
import { nothingLookedAt } from './nothing.ts';
import { readOwnChecks } from './own/read.ts';
import { ownSchema } from './own/schema.ts';
import { SMOKE } from './performance/pgbench.ts';
import { Progress } from './progress.ts';
import { checkReportFile, writeReportFile } from './report/files.ts';
import { formatJunit } from './report/junit.ts';
import { subjectOf } from './report/subject.ts';
import { formatAlarm, formatFinding, formatSubject, formatTotals } from './report/terminal.ts';
import { limited, type Selected, select, tagsOf } from './select.ts';
import { runChecks } from './suite.ts';
import { readWaivers, waive } from './waivers.ts';

const USAGE = `usage: polarplay verify -i INVENTORY [options]

Looks whether a deployed cluster is what its inventory says, from the disks up to the data. Changes nothing but schemas
of its own (polarplay_verify_RUN, dropped at once) and, where the inventory names one, blank blocks of the scratch export.

${REACHING_USAGE}  -l, --limit PATTERN           only what concerns these hosts
      --only WORD               a layer, a check's id, or ids with *; may be given several times
      --skip WORD               leaves these out; may be given several times
      --tag TAG                 checks with the tag danger, fault or warning; may be given several times
      --list                    lists the checks, and looks at nothing
      --checks DIR              your own checks (default: verify.d beside the inventory; see docs/own-checks.md)
      --schema                  prints the JSON Schema of a file of own checks, for editors
      --performance             also a short load, compared with the cluster's own baseline (.polarplay/performance.json)
      --new-baseline            measures the baseline anew, and compares with nothing
      --allow-load              the load also where the inventory says production: true
      --waivers FILE            faults to live with: a list of {id, host, reason, expires}
      --within SECONDS          how long the cluster may take to settle, from the start (default: 30)
      --timeout SECONDS         how long a host may take to answer; raise it for slow hosts (default: 15)
      --format spec|json|junit  what goes to standard output (default: spec)
      --report FILE             also written to FILE, .html, .json or .xml; may be given several times

Exit codes: 0 accepted, 2 a check failed, 4 no host answers or the inventory is wrong, 5 wrong flag.
`;

const LIST = { type: 'string', multiple: true, default: [] as string[] } as const;
const FLAGS = {
  ...REACHING,
  limit: { type: 'string', short: 'l' },
  only: LIST,
  skip: LIST,
  tag: LIST,
  list: { type: 'boolean', default: false },
  checks: { type: 'string' },
  schema: { type: 'boolean', default: false },
  performance: { type: 'boolean', default: false },
  'new-baseline': { type: 'boolean', default: false },
  'allow-load': { type: 'boolean', default: false },
  waivers: { type: 'string' },
  within: { type: 'string', default: '30' },
  timeout: { type: 'string', default: '15' },
  format: { type: 'string', default: 'spec' },
  report: LIST,
} as const;

const FORMATS = ['spec', 'json', 'junit'];
/** What judging and writing may take after the last answer. */
const AFTER_MS = 6_000;

async function main(argv: readonly string[]): Promise<number> {
  // Whoever waits counts from the start of the program.
  const began = 0;
  const flags = readFlags(argv, FLAGS);
  if (flags.help) return print(USAGE);
  if (!FORMATS.includes(flags.format))
    throw new UsageError(`--format ${flags.format}: expected ${FORMATS.join(', ')}`, 5);
  if (flags.schema) return print(`${JSON.stringify(ownSchema(), null, 1)}\n`);
  for (const file of flags.report) checkReportFile(file);
  const settleMs = 1000 * positive('within', flags.within);
  const timeoutMs = 1000 * positive('timeout', flags.timeout);
  const explicit = flags.only.length + flags.tag.length > 0;
  // A trial that stores its baseline has looked, although it has nothing to compare with.
  const asked = (layer: string) => explicit && !(trial && layer === 'performance');
  const trial = trialOf(flags);
  const checks = [...checksWith(trial), ...(await readOwnChecks(ownDir(flags)))];
  const selected = select(checks, { only: flags.only, skip: flags.skip, tags: flags.tag });
  if (flags.list) return print(listText(selected));
  const ids = checks.map(check => check.id);
  const waivers = flags.waivers === undefined ? [] : readWaivers(flags.waivers, ids);
  const progress = new Progress(process.stderr);
  progress.say('connecting');
  const opened = await openDeployment(flags, timeoutMs).finally(() => progress.clear());
  const databases = new Databases(
    opened.hosts,
    nodesOf(opened.deployment).map(node => node.sql),
    timeoutMs,
  );
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    if (trial) refuseProduction(opened, flags);
    const limit = limitOf(opened, flags.limit);
    const runId = randomBytes(6).toString('hex');
    const startedAt = new Date();
    const deployment = { ...opened.deployment, files: opened.managedFiles() };
    const found = await runChecks(selected.checks, deployment, {
      reach: opened.hosts,
      databases,
      runId,
      timeoutMs,
      settleBy: began + settleMs,
      endBy: began + Math.max(settleMs, timeoutMs) + AFTER_MS + (trial ? TRIAL_MS : 0),
      signal: stop.signal,
      onProgress: text => progress.say(text),
    });
    progress.clear();
    const today = startedAt.toISOString().slice(0, 10);
    const shown = shownOf(found, selected, limit).map(finding => waive(finding, waivers, today));
    const findings = [...shown, ...nothingLookedAt(shown, deployment, asked)];
    const totals = totalsOf(findings);
    const report: VerifyReport = {
      schema: 2,
      runId,
      startedAt: startedAt.toISOString(),
      durationMs: Math.round(performance.now() - began),
      accepted: totals.failed === 0 && totals.waiting === 0 && !stop.signal.aborted,
      subject: subjectOf(opened, databases.remarks),
      findings,
    };
    show(report, flags.format);
    for (const file of flags.report) writeReportFile(file, report, { titles: TITLES });
    if (stop.signal.aborted) return 130;
    return report.accepted ? 0 : 2;
  } finally {
    progress.clear();
    process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt);
    await databases.close();
    await opened.close();
  }
}

/** The trial under load that the flags ask for. */
function trialOf(flags: {
  readonly performance: boolean;
  readonly 'new-baseline': boolean;
  readonly inventory: readonly string[];
}): Trial | undefined {
  const anew = flags['new-baseline'];
  if (!flags.performance && !anew) return undefined;
  const baselineFile = join(folderOf(flags.inventory), '.polarplay', 'performance.json');
  return { baselineFile, anew, mostBusy: MOST_BUSY, load: SMOKE };
}

/** A cluster that people depend on gets load only when somebody says so. */
function refuseProduction(
  { inventory }: Opened,
  flags: { readonly 'allow-load': boolean; readonly 'extra-vars': readonly string[] },
): void {
  if (flags['allow-load']) return;
  const mark = productionMark(inventory, extraVars(flags['extra-vars'], new FileReader()));
  if (mark !== undefined)
    throw new UsageError(
      `${mark}, and --performance puts load on it: --allow-load if that is all right now`,
      5,
    );
}

/** Where somebody's own checks lie: the folder named, which must be there, or the one beside the inventory. */
function ownDir({
  checks,
  inventory,
}: {
  checks?: string | undefined;
  inventory: readonly string[];
}): string {
  if (checks !== undefined) {
    if (!statSync(checks, { throwIfNoEntry: false })?.isDirectory())
      throw new UsageError(`--checks ${checks}: no such folder`, 5);
    return resolve(checks);
  }
  return join(folderOf(inventory), 'verify.d');
}

function folderOf(inventory: readonly string[]): string {
  const first = resolve(inventory[0] ?? '.');
  return statSync(first, { throwIfNoEntry: false })?.isDirectory() ? first : dirname(first);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function listText({ checks, chosen }: Selected): string {
  const shown = checks.filter(check => chosen.has(check.id));
  const line = (check: (typeof shown)[number]) =>
    `${check.id.padEnd(24)} ${tagsOf(check).join(',').padEnd(8)} ${check.on.padEnd(8)} ${check.title}`;
  return `${shown.map(line).join('\n')}\n`;
}

/** Hosts of `--limit`; undefined without it. */
function limitOf({ inventory }: Opened, pattern: string | undefined): ReadonlySet<string> | undefined {
  if (pattern === undefined) return undefined;
  const hosts = inventory.select(pattern);
  if (hosts.length === 0) throw new UsageError(`--limit ${pattern} matches no host of the inventory`, 5);
  return new Set(hosts);
}

/** What was asked for, and of what it only needs, that which failed: it explains why the rest waits. */
function shownOf(
  findings: readonly Finding[],
  { chosen }: Selected,
  limit: ReadonlySet<string> | undefined,
): readonly Finding[] {
  return findings.flatMap(finding => {
    if (!chosen.has(finding.id) && finding.verdict !== 'failed') return [];
    const shown = limit ? limited(finding, limit) : finding;
    if (shown) return [shown];
    // What the hosts of the limit wait for is told, wherever it failed.
    const waits = findings.some(f =>
      f.notLookedAt.some(w => w.waitsFor === finding.id && limit?.has(w.host)),
    );
    return waits && finding.verdict === 'failed' ? [finding] : [];
  });
}

function show(report: VerifyReport, format: string): void {
  const terminal = { color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined };
  const alarm = formatAlarm(report.findings, format === 'spec' ? terminal : { color: false });
  if (alarm !== undefined) (format === 'spec' ? process.stdout : process.stderr).write(`${alarm}\n`);
  if (format === 'json') process.stdout.write(`${visibleJson(report, 1)}\n`);
  if (format === 'junit') process.stdout.write(formatJunit(report));
  if (format !== 'spec') return;
  const lines = [formatSubject(report.subject, terminal)];
  let layer = '';
  for (const finding of report.findings) {
    const title = finding.layer === layer ? undefined : TITLES.get(finding.layer);
    layer = finding.layer;
    lines.push(formatFinding(finding, title, terminal));
  }
  process.stdout.write(`${lines.join('\n')}\n\n${formatTotals(report, terminal)}\n`);
}

const TITLES: ReadonlyMap<string, string> = new Map([...Object.entries(LAYERS), [OWN_LAYER, 'Own checks']]);

export const runVerifyCommand = (argv: readonly string[]): Promise<number> =>
  main(argv).catch((error: unknown) => {
    const { text, code } = failureText('verify', error);
    process.stderr.write(`${text}\n`);
    return code;
  });
