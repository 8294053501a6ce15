/**
 * npm run docs: writes docs/faults.md. npm run docs:faults -- RESULTS.json… takes the results of `polarplay faults
 * --report` into what was measured first.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { faultsPage, withResults } from '../../../verify/faults/faults-page.ts';
import { measuredFile, measuredResults } from '../../../verify/faults/measured.ts';
import type { FaultsReport } from '../../../verify/faults/report.ts';

for (const file of process.argv.slice(2)) {
  const report = JSON.parse(readFileSync(file, 'utf8')) as FaultsReport;
  const into = measuredFile(report.subject);
  const before = measuredResults().find(({ deployment }) => deployment === report.subject.deployment);
  const text = JSON.stringify(withResults(before, report), null, 2);
  // Four figures in a line, as the formatter has them.
  writeFileSync(
    into,
    `${text.replace(/\[\s+([^\]]*?)\s+\]/g, (_, figures) => `[${figures.replace(/\s+/g, ' ')}]`)}\n`,
  );
}
writeFileSync('docs/faults.md', faultsPage(measuredResults()));
