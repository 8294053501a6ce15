import { byLayer, type Finding, figureText, totalsOf, type VerifyReport } from '../findings.ts';

/** JUnit's XML, one suite per layer: what build servers read. */
export function formatJunit(report: VerifyReport): string {
  const { failed, skipped } = totalsOf(report.findings);
  const suites = [...byLayer(report.findings)].map(([layer, findings]) =>
    suite(layer, findings, report.startedAt),
  );
  const head = `name="polarplay verify" tests="${report.findings.length}" failures="${failed}" skipped="${skipped}" time="${seconds(report.durationMs)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${head}>\n${suites.join('\n')}\n</testsuites>\n`;
}

function suite(layer: string, findings: readonly Finding[], startedAt: string): string {
  const { failed, skipped } = totalsOf(findings);
  const time = seconds(findings.reduce((total, f) => total + f.durationMs, 0));
  const head = `name="${xmlText(layer)}" tests="${findings.length}" failures="${failed}" skipped="${skipped}" time="${time}" timestamp="${startedAt}"`;
  return `  <testsuite ${head}>\n${findings.map(testcase).join('\n')}\n  </testsuite>`;
}

function testcase(finding: Finding): string {
  const name = finding.hosts.length > 0 ? `${finding.title} (${finding.hosts.join(', ')})` : finding.title;
  const head = `    <testcase classname="${xmlText(finding.id)}" name="${xmlText(name)}" time="${seconds(finding.durationMs)}"`;
  const figures = finding.figures.map(figureText).join('\n');
  const output = figures ? `<system-out>${xmlText(figures)}</system-out>` : '';
  if (finding.verdict === 'failed') {
    const [first = ''] = finding.message.split('\n');
    return `${head}><failure message="${xmlText(first)}">${xmlText(finding.message)}</failure>${output}</testcase>`;
  }
  if (finding.verdict === 'skipped')
    return `${head}><skipped message="${xmlText(finding.reason)}"/></testcase>`;
  return output ? `${head}>${output}</testcase>` : `${head}/>`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** Text as XML holds it; characters that XML cannot hold at all become a replacement mark. */
function xmlText(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
