import { styleText } from 'node:util';
import { visible } from '../../lib/source/visible.ts';
import type { Fault } from '../check.ts';
import {
  byLayer,
  type Finding,
  failedOf,
  figureText,
  type Subject,
  totalsOf,
  type VerifyReport,
  whyNotSeen,
} from '../findings.ts';

type Style = Parameters<typeof styleText>[0];

/** Text for a terminal; plain where there is none. */
export interface TerminalOptions {
  readonly color: boolean;
}

const MARK = { passed: '✓', failed: '✗', waived: '~', waiting: '?', skipped: '–' } as const;
const STYLE: Record<Finding['verdict'], Style> = {
  passed: 'green',
  failed: 'red',
  waived: 'yellow',
  waiting: 'yellow',
  skipped: 'yellow',
};
const LINES_OF_OUTPUT = 6;
const LENGTH_OF_COMMAND = 300;

/** What is about to be looked at. */
export function formatSubject(subject: Subject, options: TerminalOptions): string {
  const hosts = subject.hosts.map(({ name, role }) => `${name} (${role})`).join(', ');
  const title = `Acceptance of ${subject.deployment}`;
  return `${paint(title, subject.standIn ? ['bold', 'yellow'] : 'bold', options)}\n${visible(`${hosts}\ninventory: ${subject.inventory.join(', ')}`)}`;
}

/** What must be read before anything else: two nodes that write. */
export function formatAlarm(findings: readonly Finding[], options: TerminalOptions): string | undefined {
  const writers = findings.find(({ id }) => id === 'database.writers');
  if (writers?.verdict !== 'failed') return undefined;
  const second = writers.faults.find(({ found }) => found.endsWith('take writes'));
  if (!second) return undefined;
  return paint(`DANGER: ${second.found}, and only one may. ${writers.todo}`, ['bold', 'red'], options);
}

/** One finding, with its layer's title when it is the first of it. */
export function formatFinding(
  finding: Finding,
  layerTitle: string | undefined,
  options: TerminalOptions,
): string {
  const lines = layerTitle === undefined ? [] : ['', paint(layerTitle, 'bold', options)];
  const { verdict } = finding;
  const mark = paint(MARK[verdict], STYLE[verdict], options);
  lines.push(`  ${mark} ${visible(finding.title)} ${paint(tail(finding), 'dim', options)}`);
  if (verdict === 'failed') lines.push(...finding.faults.flatMap(fault => formatFault(fault, options)));
  if (verdict === 'failed') lines.push(...indent(`what to do: ${finding.todo}`, [], options));
  if (verdict === 'waived')
    lines.push(...indent(`waived until ${finding.expires}: ${finding.reason}`, 'yellow', options));
  if (verdict === 'skipped') lines.push(...indent(`skipped: ${finding.reason}`, 'yellow', options));
  const { notLookedAt } = finding;
  for (const why of new Set(notLookedAt.map(whyNotSeen))) {
    const hosts = notLookedAt.filter(one => whyNotSeen(one) === why).map(({ host }) => host);
    lines.push(...indent(`not looked at: ${hosts.join(', ')}: ${why}`, 'yellow', options));
  }
  return lines.join('\n');
}

function tail(finding: Finding): string {
  const parts = [finding.id];
  if (finding.timeToTrueMs !== undefined)
    parts.push(`true after ${(finding.timeToTrueMs / 1000).toFixed(1)} s`);
  if (finding.figures.length > 0) parts.push(finding.figures.map(figureText).join(', '));
  return parts.join('; ');
}

function formatFault(fault: Fault, options: TerminalOptions): readonly string[] {
  const { host, expected, found, reply } = fault;
  const lines = indent(`${host ? `${host}: ` : ''}${found}`, 'red', options);
  lines.push(...indent(`expected: ${expected}`, [], options));
  if (!reply) return lines;
  const command = reply.command.replace(/\s*\n\s*/g, '; ');
  const shown = command.length > LENGTH_OF_COMMAND ? `${command.slice(0, LENGTH_OF_COMMAND)}…` : command;
  lines.push(...indent(`on ${reply.host}: ${shown}`, 'dim', options));
  return lines;
}

/** The end: what failed once more, with its hosts, and the count. */
export function formatTotals(report: VerifyReport, options: TerminalOptions): string {
  const totals = totalsOf(report.findings);
  const failed = failedOf(report.findings);
  const lines = report.subject.remarks.map(remark => paint(remark, 'dim', options));
  if (failed.length > 0) {
    lines.push('', paint('Failed:', ['bold', 'red'], options));
    for (const { id, title, severity, faults } of failed) {
      const hosts = [...new Set(faults.map(({ host }) => host).filter(Boolean))].join(', ');
      lines.push(
        paint(
          `  ${severity === 'danger' ? 'DANGER ' : ''}${id}: ${title}${hosts ? ` (${hosts})` : ''}`,
          'red',
          options,
        ),
      );
    }
  }
  const counts = (['passed', 'failed', 'waived', 'waiting', 'skipped'] as const)
    .filter(verdict => totals[verdict] > 0 || ['passed', 'failed', 'skipped'].includes(verdict))
    .map(verdict => `${totals[verdict]} ${verdict === 'waiting' ? 'not looked at' : verdict}`);
  const layers = byLayer(report.findings).size;
  const seconds = (report.durationMs / 1000).toFixed(1);
  const word = report.accepted ? 'Accepted' : 'Not accepted';
  const line = `${word}: ${counts.join(', ')} in ${layers} layers, ${seconds} s`;
  lines.push('', paint(line, report.accepted ? 'green' : 'red', options));
  if (report.subject.standIn) lines.push(paint(`This was ${report.subject.deployment}.`, 'yellow', options));
  return lines.join('\n');
}

/** The first lines of what a command printed. */
export function excerpt(output: string): string {
  const lines = output.trimEnd().split('\n');
  const rest = lines.length - LINES_OF_OUTPUT;
  return rest > 0 ? `${lines.slice(0, LINES_OF_OUTPUT).join('\n')}\n… ${rest} more lines` : lines.join('\n');
}

function indent(text: string, style: Style, options: TerminalOptions): string[] {
  return text.split('\n').map(line => `      ${paint(line, style, options)}`);
}

function paint(text: string, style: Style, { color }: TerminalOptions): string {
  const clean = visible(text);
  return color && clean !== '' && !(Array.isArray(style) && style.length === 0)
    ? styleText(style, clean, { validateStream: false })
    : clean;
}
