import { styleText } from 'node:util';
import { byLayer, type Finding, figureText, type Subject, totalsOf, type VerifyReport } from '../findings.ts';

type Style = Parameters<typeof styleText>[0];

/** Text for a terminal; plain where there is none. */
export interface TerminalOptions {
  readonly color: boolean;
}

const MARK = { passed: '✓', failed: '✗', skipped: '–' } as const;
const STYLE: Record<Finding['verdict'], Style> = { passed: 'green', failed: 'red', skipped: 'yellow' };

/** What is about to be looked at. */
export function formatSubject(subject: Subject, options: TerminalOptions): string {
  const hosts = subject.hosts.map(({ name, role }) => `${name} (${role})`).join(', ');
  const title = `Acceptance of ${subject.deployment}`;
  return `${paint(title, subject.standIn ? ['bold', 'yellow'] : 'bold', options)}\n${hosts}\ninventory: ${subject.inventory.join(', ')}`;
}

/** One finding, with its layer's title when it is the first of it. */
export function formatFinding(
  finding: Finding,
  layerTitle: string | undefined,
  options: TerminalOptions,
): string {
  const lines = layerTitle === undefined ? [] : ['', paint(layerTitle, 'bold', options)];
  const { verdict } = finding;
  const figures = finding.figures.map(figureText).join(', ');
  const tail =
    verdict === 'skipped' ? '' : ` ${Math.round(finding.durationMs)} ms${figures ? `; ${figures}` : ''}`;
  lines.push(
    `  ${paint(MARK[verdict], STYLE[verdict], options)} ${finding.title}${paint(tail, 'dim', options)}`,
  );
  if (verdict === 'failed') lines.push(...indent(finding.message, 'red', options));
  if (verdict === 'skipped') lines.push(...indent(`skipped: ${finding.reason}`, 'yellow', options));
  return lines.join('\n');
}

/** The end: how the suite looked, and the count. */
export function formatTotals(report: VerifyReport, options: TerminalOptions): string {
  const { passed, failed, skipped } = totalsOf(report.findings);
  const layers = byLayer(report.findings).size;
  const count = [`${passed} passed`, `${failed} failed`, `${skipped} skipped`].join(', ');
  const seconds = (report.durationMs / 1000).toFixed(1);
  const lines = report.subject.remarks.map(remark => paint(remark, 'dim', options));
  lines.push('', paint(`${count} in ${layers} layers, ${seconds} s`, failed > 0 ? 'red' : 'green', options));
  if (report.subject.standIn) lines.push(paint(`This was ${report.subject.deployment}.`, 'yellow', options));
  return lines.join('\n');
}

function indent(text: string, style: Style, options: TerminalOptions): string[] {
  return text.split('\n').map(line => `      ${paint(line, style, options)}`);
}

function paint(text: string, style: Style, { color }: TerminalOptions): string {
  return color && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}
