import { writeFileSync } from 'node:fs';
import { nodesOf } from '../../../lib/cluster/deployment.ts';
import { REACHING, readFlags } from '../../../lib/cluster/flags.ts';
import { openDeployment } from '../../../lib/cluster/open-deployment.ts';
import { Databases } from '../../../lib/cluster/sql.ts';
import { CHECKS } from '../../../verify/checks/index.ts';
import { asksOf, look } from '../../../verify/look.ts';
import { ASK_KINDS, askedBy, type Recorded } from './green-kinds.ts';

// tsx test/support/verify/record-green.ts -i HOSTS: what a green lab answers to every check, for the checks' tests. The lab is
// that of verify/checks/testdata/hosts.yaml.
const flags = readFlags(process.argv.slice(2), REACHING);
const opened = await openDeployment(flags, 30_000);
const deployment = { ...opened.deployment, files: opened.managedFiles() };
const databases = new Databases(
  opened.hosts,
  nodesOf(deployment).map(node => node.sql),
  30_000,
);
const checks = CHECKS.filter(check => check.skip?.(deployment) === undefined);
const seen = await look(checks, deployment, opened.hosts, databases, new AbortController().signal);
const texts: string[] = [];
const numberOf = (told: string) => {
  // Where the lab lies on this machine is nobody's business.
  const text = told.replaceAll(/,(lowerdir|upperdir|workdir)=[^,\s]*/g, '');
  const known = texts.indexOf(text);
  return known >= 0 ? known : texts.push(text) - 1;
};
const answers: Record<string, readonly [number, number]> = {};
for (const check of checks) {
  for (const kind of ASK_KINDS) {
    for (const host of askedBy(check, kind, deployment)) {
      for (const [name, text] of Object.entries(asksOf(check, kind, deployment, host))) {
        const answer = seen.rows.get(host)?.get(text);
        const rows = answer && 'rows' in answer ? JSON.stringify(answer.rows) : undefined;
        const reply = seen.replies.get(host)?.get(text);
        const key = [check.id, kind, host, name].join('|');
        if (rows !== undefined) answers[key] = [0, numberOf(rows)];
        else if (reply) answers[key] = [reply.rc, numberOf(reply.output)];
      }
    }
  }
}
const meminfo = seen.replies.get(deployment.primary.host)?.get('cat /proc/meminfo')?.output ?? '';
const memory = Math.floor(Number(/^MemTotal:\s+(\d+)/m.exec(meminfo)?.[1] ?? 0) / 1024);
const recorded: Recorded = { memory, record: deployment.record!, answers, texts };
writeFileSync(
  'verify/checks/testdata/green.json',
  `${JSON.stringify(recorded, null, 0).replaceAll('","', '",\n"').replaceAll(/\],"/g, '],\n"')}\n`,
);
await databases.close();
await opened.close();
