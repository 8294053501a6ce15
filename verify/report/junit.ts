import { xmlText } from '../../lib/source/html-text.ts';
import type { Fault } from '../check.ts';
import { byLayer, type Finding, figureText, totalsOf, type VerifyReport, whyNotSeen } from '../findings.ts';
import { excerpt } from './terminal.ts';

/** JUnit's XML, one suite per layer: what build servers read. */
export function formatJunit(report: VerifyReport, name = 'polarplay verify'): string {
  const suites = [...byLayer(report.findings)].map(([layer, findings]) =>
    suite(layer, findings, report.startedAt),
  );
  const head = `name="${xmlText(name)}" ${counts(report.findings)} time="${seconds(report.durationMs)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${head}>\n${suites.join('\n')}\n</testsuites>\n`;
}

/** The common schema knows neither waiting nor waived: both were not asked to pass. */
function counts(findings: readonly Finding[]): string {
  const { failed, skipped, waived, waiting } = totalsOf(findings);
  return `tests="${findings.length}" failures="${failed}" errors="0" skipped="${skipped + waived + waiting}"`;
}

function suite(layer: string, findings: readonly Finding[], startedAt: string): string {
  const time = seconds(findings.reduce((total, f) => total + f.durationMs, 0));
  const stamp = startedAt.replace(/\.\d+Z$/, '');
  const head = `name="${xmlText(layer)}" ${counts(findings)} time="${time}" timestamp="${stamp}"`;
  return `  <testsuite ${head}>\n${findings.map(testcase).join('\n')}\n  </testsuite>`;
}

function testcase(finding: Finding): string {
  const name = finding.hosts.length > 0 ? `${finding.title} (${finding.hosts.join(', ')})` : finding.title;
  const head = `    <testcase classname="${xmlText(finding.id)}" name="${xmlText(name)}" time="${seconds(finding.durationMs)}"`;
  const figures = finding.figures.map(figureText).join('\n');
  const output = figures ? `<system-out>${xmlText(figures)}</system-out>` : '';
  const inner = `${outcome(finding)}${output}`;
  return inner === '' ? `${head}/>` : `${head}>${inner}</testcase>`;
}

function outcome(finding: Finding): string {
  switch (finding.verdict) {
    case 'passed':
      return '';
    case 'failed': {
      const text = [...finding.faults.map(faultText), `what to do: ${finding.todo}`].join('\n\n');
      const [first] = finding.faults;
      return `<failure type="${finding.severity}" message="${xmlText(`${first?.host}: ${first?.found}`)}">${xmlText(text)}</failure>`;
    }
    case 'waived':
      return skipped(`waived until ${finding.expires}: ${finding.reason}`);
    case 'waiting':
      return skipped(finding.notLookedAt.map(one => `${one.host}: ${whyNotSeen(one)}`).join('; '));
    case 'skipped':
      return skipped(finding.reason);
  }
}

const skipped = (message: string) => `<skipped message="${xmlText(message)}"/>`;

/** A fault in full, as text. */
export function faultText({ host, expected, found, reply }: Fault): string {
  const asked = reply
    ? [`on ${reply.host}: ${reply.command}`, `exit ${reply.rc}: ${excerpt(reply.output)}`]
    : [];
  return [`${host}: ${found}`, `expected: ${expected}`, ...asked].join('\n');
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);
