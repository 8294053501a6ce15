/**
 * A benchmark in a process of its own, for tests that kill it: node --import tsx killed-bench.ts SERVER OUT FOLDER SECONDS.
 * SERVER is the throw-away server as JSON. Prints what the run says.
 */
import { join } from 'node:path';
import { RunJournal } from '../../../bench/cluster/journal.ts';
import { runBench } from '../../../bench/cluster/run.ts';
import { BenchCluster } from './bench-cluster.ts';

const [server = '', out = '', folder = '', seconds = ''] = process.argv.slice(2);
const cluster = new BenchCluster(JSON.parse(server), out, folder);
const load = { clients: 2, threads: 1, seconds: 1 };
await runBench({
  deployment: cluster.deployment,
  hosts: cluster.hosts,
  profile: { ...cluster.profile, readOnly: load, readWrite: { ...load, seconds: Number(seconds) } },
  keep: false,
  journal: new RunJournal(out, 'killed'),
  lockDirectory: join(out, '..', 'lock'),
  say: line => process.stdout.write(`${line}\n`),
});
await cluster.close();
