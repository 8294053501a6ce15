import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import type { Finding, VerifyReport } from '../findings.ts';
import { formatHtml } from './html.ts';
import { formatJunit } from './junit.ts';
import { formatFinding, formatSubject, formatTotals } from './terminal.ts';

const head = { layer: 'block', hosts: ['rw1', 'ro1'], durationMs: 12.4, figures: [] };
const findings: readonly Finding[] = [
  {
    ...head,
    id: 'block.size',
    title: 'has the size',
    verdict: 'passed',
    figures: [{ name: 'size', value: 64, unit: 'MiB' }],
  },
  {
    ...head,
    id: 'block.content',
    title: 'begins <alike>',
    verdict: 'failed',
    message: 'rw1: "a" & b\nro1: \u0007c',
  },
  {
    ...head,
    id: 'pfs.daemon',
    layer: 'pfs',
    title: 'runs',
    verdict: 'skipped',
    reason: 'the stand-in has no PFS',
  },
];
const report: VerifyReport = {
  schema: 1,
  startedAt: '2026-01-02T03:04:05.678Z',
  durationMs: 1234,
  subject: {
    deployment: 'PostgreSQL 15 as a STAND-IN for PolarDB',
    standIn: true,
    inventory: ['hosts.yaml'],
    hosts: [
      { name: 'rw1', role: 'primary' },
      { name: 'ro1', role: 'replica' },
    ],
    remarks: ['SQL on rw1: pg'],
  },
  findings,
};
const plain = { color: false };

describe('verify: reports', () => {
  it('terminal', () => {
    const lines = [
      formatSubject(report.subject, plain),
      ...findings.map((finding, i) => formatFinding(finding, i === 1 ? undefined : finding.layer, plain)),
      formatTotals(report, plain),
    ];
    expect(lines.join('\n')).to.equal(`Acceptance of PostgreSQL 15 as a STAND-IN for PolarDB
rw1 (primary), ro1 (replica)
inventory: hosts.yaml

block
  ✓ has the size 12 ms; size 64 MiB
  ✗ begins <alike> 12 ms
      rw1: "a" & b
      ro1: \u0007c

pfs
  – runs
      skipped: the stand-in has no PFS
SQL on rw1: pg

1 passed, 1 failed, 1 skipped in 2 layers, 1.2 s
This was PostgreSQL 15 as a STAND-IN for PolarDB.`);
  });

  it('JUnit: what every XML parser reads', function () {
    const xml = formatJunit(report);
    expect(xml).to.contain('<testsuite name="block" tests="2" failures="1" skipped="0"');
    expect(xml).to.contain(
      '<failure message="rw1: &quot;a&quot; &amp; b">rw1: &quot;a&quot; &amp; b&#10;ro1: \ufffdc</failure>',
    );
    // Python's parser stands for the build servers'.
    const parse =
      "import sys, xml.dom.minidom as m; print(len(m.parse(sys.stdin).getElementsByTagName('testcase')))";
    try {
      execFileSync('/usr/bin/python3', ['-c', 'pass']);
    } catch {
      console.log('      skipped: /usr/bin/python3 is not there to read the XML; runs where it is');
      return this.skip();
    }
    expect(execFileSync('/usr/bin/python3', ['-c', parse], { input: xml, encoding: 'utf8' }).trim()).to.equal(
      '3',
    );
  });

  it('HTML: one page that needs nothing else, with what was said as text', () => {
    const page = formatHtml(report, new Map([['block', 'Block devices']]));
    expect(page).not.to.match(/<(script|link|img)\b/);
    expect(page)
      .to.contain('Not accepted')
      .and.to.contain('Block devices')
      .and.to.contain('begins &lt;alike&gt;');
    expect(page).to.contain('the stand-in has no PFS').and.to.contain('PostgreSQL stands in for PolarDB');
  });
});
