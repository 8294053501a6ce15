import '../lib/source/frozen-prototype.ts';

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { type Deployment, describeDeployment, nodesOf } from '../lib/cluster/deployment.ts';
import { failureText } from '../lib/cluster/failure.ts';
import { positive, REACHING, REACHING_USAGE, readFlags } from '../lib/cluster/flags.ts';
import { type Opened, openDeployment } from '../lib/cluster/open-deployment.ts';
import { Databases } from '../lib/cluster/sql.ts';
import { UsageError } from '../lib/source/errors.ts';
import type { Layer } from './check.ts';
import { allLayers } from './checks/index.ts';
import { type Finding, type Subject, totalsOf, type VerifyReport } from './findings.ts';
import { formatHtml } from './report/html.ts';
import { formatJunit } from './report/junit.ts';
import { formatFinding, formatSubject, formatTotals } from './report/terminal.ts';
import { runLayers, type SuiteOptions } from './suite.ts';

const USAGE = `usage: polarplay verify -i INVENTORY [options]

Looks whether a deployed cluster is what its inventory says, from the disks up to the data. Changes nothing but a schema
of its own (polarplay_verify, dropped at the end) and, where the inventory names one, the scratch export.

${REACHING_USAGE}  -l, --limit PATTERN           only checks that look at one of these hosts
      --only LAYER              storage, block, pfs, services, database, replication or data; may be given several times
      --within SECONDS          how long the cluster may take to settle, from the start (default: 30)
      --timeout SECONDS         how long a check may take, beside the settling; raise it for slow hosts (default: 15)
      --format spec|json|junit  what goes to standard output (default: spec)
      --report FILE             also written to FILE, .html, .json or .xml; may be given several times

Exit codes: 0 accepted, 2 a check failed, 4 no host answers or the inventory is wrong, 5 wrong flag.
`;

const FLAGS = {
  ...REACHING,
  limit: { type: 'string', short: 'l' },
  only: { type: 'string', multiple: true, default: [] as string[] },
  within: { type: 'string', default: '30' },
  timeout: { type: 'string', default: '15' },
  format: { type: 'string', default: 'spec' },
  report: { type: 'string', multiple: true, default: [] as string[] },
} as const;

const FORMATS = ['spec', 'json', 'junit'];
const REPORTS = ['.html', '.json', '.xml'];

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (!FORMATS.includes(flags.format))
    throw new UsageError(`--format ${flags.format}: expected ${FORMATS.join(', ')}`, 5);
  const odd = flags.report.find(file => !REPORTS.includes(extname(file)));
  if (odd !== undefined)
    throw new UsageError(`--report ${odd}: expected a name that ends in ${REPORTS.join(', ')}`, 5);
  const settleMs = 1000 * positive('within', flags.within);
  const timeoutMs = 1000 * positive('timeout', flags.timeout);
  const opened = await openDeployment(flags, timeoutMs);
  const databases = new Databases(
    opened.hosts,
    nodesOf(opened.deployment).map(node => node.sql),
    timeoutMs,
  );
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const layers = chosenLayers(allLayers(opened.hosts, databases), flags.only, limited(opened, flags.limit));
    const report = await verify(
      opened,
      databases,
      layers,
      { timeoutMs, settleMs, signal: stop.signal },
      flags.format,
    );
    write(report, layers, flags.report);
    if (stop.signal.aborted) return 130;
    return totalsOf(report.findings).failed > 0 ? 2 : 0;
  } finally {
    process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt);
    await databases.close();
    await opened.close();
  }
}

/** Hosts of `--limit`; undefined without it. */
function limited({ inventory }: Opened, pattern: string | undefined): ReadonlySet<string> | undefined {
  if (pattern === undefined) return undefined;
  const hosts = inventory.select(pattern);
  if (hosts.length === 0) throw new UsageError(`--limit ${pattern} matches no host of the inventory`, 5);
  return new Set(hosts);
}

/** The layers of `--only`, with checks that look at none of the limit's hosts left out for a stated reason. */
function chosenLayers(
  layers: readonly Layer<Deployment>[],
  only: readonly string[],
  limit: ReadonlySet<string> | undefined,
): readonly Layer<Deployment>[] {
  const unknown = only.find(name => !layers.some(layer => layer.name === name));
  if (unknown !== undefined) {
    throw new UsageError(
      `--only ${unknown}: no such layer; there are ${layers.map(l => l.name).join(', ')}`,
      5,
    );
  }
  const chosen = layers.filter(layer => only.length === 0 || only.includes(layer.name));
  if (!limit) return chosen;
  return chosen.map(layer => ({
    ...layer,
    checks: deployment =>
      layer.checks(deployment).map(check => {
        if ('skip' in check || check.hosts.some(host => limit.has(host))) return check;
        const { id, title, hosts } = check;
        return { id, title, hosts, skip: 'looks at none of the hosts of --limit' };
      }),
  }));
}

async function verify(
  { inventory, deployment }: Opened,
  databases: Databases,
  layers: readonly Layer<Deployment>[],
  limits: Omit<SuiteOptions, 'onFinding'>,
  format: string,
): Promise<VerifyReport> {
  const subject: Subject = {
    deployment: describeDeployment(deployment),
    standIn: deployment.database === 'postgresql',
    inventory: inventory.files,
    hosts: [
      { name: deployment.storage.host, role: 'storage' },
      ...nodesOf(deployment).map(node => ({ name: node.host, role: node.role })),
    ],
    remarks: [],
  };
  const terminal = { color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined };
  const say = (text: string) => format === 'spec' && process.stdout.write(`${text}\n`);
  say(formatSubject(subject, terminal));
  const startedAt = new Date();
  let layerShown = '';
  const onFinding = (finding: Finding) => {
    const title =
      finding.layer === layerShown ? undefined : layers.find(l => l.name === finding.layer)?.title;
    layerShown = finding.layer;
    say(formatFinding(finding, title, terminal));
  };
  const findings = await runLayers(layers, deployment, { ...limits, onFinding });
  const report: VerifyReport = {
    schema: 1,
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
    subject: { ...subject, remarks: databases.remarks },
    findings,
  };
  say(`\n${formatTotals(report, terminal)}`);
  if (format === 'json') process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
  if (format === 'junit') process.stdout.write(formatJunit(report));
  return report;
}

function write(report: VerifyReport, layers: readonly Layer<Deployment>[], files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true });
    const kind = extname(file);
    const titles = new Map(layers.map(layer => [layer.name, layer.title]));
    const text =
      kind === '.html'
        ? formatHtml(report, titles)
        : kind === '.xml'
          ? formatJunit(report)
          : `${JSON.stringify(report, null, 1)}\n`;
    writeFileSync(file, text);
  }
}

export const runVerifyCommand = (argv: readonly string[]): Promise<number> =>
  main(argv).catch((error: unknown) => {
    const { text, code } = failureText('verify', error);
    process.stderr.write(`${text}\n`);
    return code;
  });
