import { randomBytes } from 'node:crypto';
import { nodesOf } from '../../lib/cluster/deployment.ts';
import type { Reaching } from '../../lib/cluster/flags.ts';
import { openDeployment } from '../../lib/cluster/open-deployment.ts';
import { Databases } from '../../lib/cluster/sql.ts';
import { CHECKS } from '../checks/index.ts';
import type { Finding } from '../findings.ts';
import { faultText } from '../report/junit.ts';
import { runChecks } from '../suite.ts';

/** How fast a host answers is not what is judged here: a machine under load may take its time. */
const ANSWER_MS = 90_000;
const SETTLE_MS = 60_000;
const END_MS = 300_000;

/** What a fault leaves in the records of the hosts: that is how it was, and no damage. */
const TRACES = ['services.restarts', 'health.log'];
/** Lines of a log that are never the trace of a fault, but damage. */
const DAMAGE =
  /invalid page|page verification failed|could not locate a valid checkpoint|is not the last valid record/;

/** Whether a finding tells of the fault itself and not of what it did. */
export function isTrace(finding: Finding): boolean {
  return (
    TRACES.includes(finding.id) &&
    finding.verdict === 'failed' &&
    !finding.faults.some(({ found }) => DAMAGE.test(found))
  );
}

/** What `polarplay verify` finds wrong with the cluster, without warnings and without the traces of faults. */
export async function wrongWith(flags: Reaching, signal: AbortSignal): Promise<readonly string[]> {
  const began = performance.now();
  const opened = await openDeployment(flags, ANSWER_MS);
  const targets = nodesOf(opened.deployment).map(node => node.sql);
  const databases = new Databases(opened.hosts, targets, ANSWER_MS);
  try {
    const deployment = { ...opened.deployment, files: opened.managedFiles() };
    const findings = await runChecks(CHECKS, deployment, {
      reach: opened.hosts,
      databases,
      runId: randomBytes(6).toString('hex'),
      timeoutMs: ANSWER_MS,
      settleBy: began + SETTLE_MS,
      endBy: began + END_MS,
      signal,
    });
    return findings
      .filter(finding => finding.severity !== 'warning' && !isTrace(finding))
      .flatMap(finding => {
        if (finding.verdict === 'failed')
          return [`${finding.id}: ${finding.faults.slice(0, 3).map(faultText).join('\n')}`];
        return finding.verdict === 'waiting' ? [`${finding.id}: not looked at`] : [];
      });
  } finally {
    await databases.close();
    await opened.close();
  }
}
