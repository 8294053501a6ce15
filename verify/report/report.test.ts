import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import type { Finding, VerifyReport } from '../findings.ts';
import { formatHtml } from './html.ts';
import { formatJunit } from './junit.ts';
import { formatAlarm, formatFinding, formatSubject, formatTotals } from './terminal.ts';

const head = {
  layer: 'block',
  severity: 'danger',
  hosts: ['rw1', 'ro1'],
  durationMs: 12.4,
  figures: [],
  notLookedAt: [],
} as const;
const findings: readonly Finding[] = [
  {
    ...head,
    id: 'block.size',
    title: 'has the size',
    verdict: 'passed',
    timeToTrueMs: 1500,
    figures: [{ name: 'size', value: 64, unit: 'MiB' }],
  },
  {
    ...head,
    id: 'block.content',
    title: 'begins <alike>',
    verdict: 'failed',
    faults: [
      {
        host: 'rw1',
        expected: 'the "same" & more',
        found: 'other \u0007blocks',
        reply: { host: 'rw1', command: 'dd <x>', rc: 0, output: '1\n2\n3\n4\n5\n6\n7\n8' },
      },
    ],
    todo: 'Stop it.',
  },
  {
    ...head,
    id: 'pfs.daemon',
    layer: 'pfs',
    title: 'runs',
    verdict: 'skipped',
    reason: 'the stand-in has no PFS',
  },
  {
    ...head,
    id: 'os.swap',
    layer: 'os',
    title: 'swap',
    severity: 'warning',
    verdict: 'waived',
    faults: [],
    reason: 'a small machine',
    expires: '2027-01-31',
  },
  {
    ...head,
    id: 'os.users',
    layer: 'os',
    title: 'users',
    verdict: 'waiting',
    notLookedAt: [
      { host: 'ro1', waitsFor: 'host.answers', reason: '' },
      { host: 'rw1', waitsFor: 'time', reason: 'the time limit of 30 s is over' },
    ],
  },
];
const report: VerifyReport = {
  schema: 2,
  runId: '0123456789ab',
  startedAt: '2026-01-02T03:04:05.678Z',
  durationMs: 1234,
  accepted: false,
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
  it('terminal: failures in full, and once more at the end', () => {
    const lines = [
      formatSubject(report.subject, plain),
      ...findings.map((finding, i) =>
        formatFinding(finding, [1, 4].includes(i) ? undefined : finding.layer, plain),
      ),
      formatTotals(report, plain),
    ];
    expect(lines.join('\n')).to.equal(`Acceptance of PostgreSQL 15 as a STAND-IN for PolarDB
rw1 (primary), ro1 (replica)
inventory: hosts.yaml

block
  ✓ has the size block.size; true after 1.5 s; size 64 MiB
  ✗ begins <alike> block.content
      rw1: other \\x07blocks
      expected: the "same" & more
      on rw1: dd <x>
      what to do: Stop it.

pfs
  – runs pfs.daemon
      skipped: the stand-in has no PFS

os
  ~ swap os.swap
      waived until 2027-01-31: a small machine
  ? users os.users
      not looked at: ro1: waits for host.answers
      not looked at: rw1: the time limit of 30 s is over
SQL on rw1: pg

Failed:
  DANGER block.content: begins <alike> (rw1)

Not accepted: 1 passed, 1 failed, 1 waived, 1 not looked at, 1 skipped in 3 layers, 1.2 s
This was PostgreSQL 15 as a STAND-IN for PolarDB.`);
  });

  it('says first, in words, that two nodes write', () => {
    const writers = (found: string): Finding => ({
      ...head,
      id: 'database.writers',
      title: 'one writer',
      verdict: 'failed',
      faults: [{ host: 'ro1', expected: 'a replica', found }],
      todo: 'Stop the one that should not write.',
    });
    expect(formatAlarm([...findings, writers('rw1 and ro1 take writes')], plain)).to.equal(
      'DANGER: rw1 and ro1 take writes, and only one may. Stop the one that should not write.',
    );
    expect(formatAlarm([writers('it is in recovery')], plain)).to.equal(undefined);
    expect(formatAlarm(findings, plain)).to.equal(undefined);
  });

  it('JUnit: what every XML parser reads', function () {
    const xml = formatJunit(report);
    expect(xml).to.contain('<testsuite name="block" tests="2" failures="1" errors="0" skipped="0"');
    expect(xml).to.contain('<testsuite name="os" tests="2" failures="0" errors="0" skipped="2"');
    expect(xml).to.contain('timestamp="2026-01-02T03:04:05"');
    expect(xml).to.contain('<failure type="danger" message="rw1: other \\x07blocks">');
    expect(xml).to.contain('expected: the &quot;same&quot; &amp; more');
    expect(xml).to.contain('ro1: waits for host.answers').and.to.contain('waived until 2027-01-31');
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
      '5',
    );
  });

  it('HTML: one page that needs nothing else, failures first, with what was said as text', () => {
    const page = formatHtml(report, new Map([['block', 'Block devices']]));
    expect(page).not.to.match(/<(script|link|img)\b/);
    expect(page)
      .to.contain('Not accepted')
      .and.to.contain('Block devices')
      .and.to.contain('begins &lt;alike&gt;')
      .and.to.contain('dd &lt;x&gt;')
      .and.to.contain('… 2 more lines');
    expect(page.indexOf('What failed')).to.be.below(page.indexOf('Block devices'));
    expect(page).to.contain('the stand-in has no PFS').and.to.contain('PostgreSQL stands in for PolarDB');
    expect(page).to.contain('@media print').and.to.contain('prefers-color-scheme:dark');
  });
});
