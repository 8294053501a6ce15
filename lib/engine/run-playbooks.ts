import type { Playbook } from '../playbook/types.ts';
import { emptyRecord } from '../source/record.ts';
import type { HostStats, RunSummary } from './events.ts';
import type { Run } from './run.ts';
import { runPlay } from './run-play.ts';

/** Exit codes, as ansible-playbook has them; unreachable wins over failed. */
export const EXIT = {
  ok: 0,
  error: 1,
  failed: 2,
  unreachable: 4,
  usage: 5,
  interrupted: 99,
  bug: 250,
} as const;

/**
 * Runs plays in order and sums up. Mistakes that show only now are thrown as SourceError after the summary was
 * emitted, so that reports are complete.
 */
export async function runPlaybooks(
  run: Run,
  playbook: Playbook,
  files: readonly string[],
): Promise<RunSummary> {
  const start = run.now();
  const { checkMode, diffMode } = run.options;
  run.emit({ type: 'run-start', playbooks: files, checkMode, diffMode });
  let failure: unknown;
  try {
    for (const play of playbook.plays) {
      if ((await runPlay(run, play)) === 'stop') break;
      if (playbook.lastOfFile.has(play) && exitCode(run) !== EXIT.ok) break;
    }
  } catch (error) {
    failure = error;
  }
  // A host that does not answer any more is no reason to lose the summary.
  await Promise.allSettled(run.atEnd.splice(0).map(work => work()));
  if (run.signal.aborted) run.emit({ type: 'interrupted' });
  const summary = summarize(run, start);
  run.emit({ type: 'run-end', summary });
  if (failure !== undefined) throw failure;
  return summary;
}

function summarize(run: Run, start: number): RunSummary {
  const hosts = emptyRecord<HostStats>();
  for (const [name, { stats }] of [...run.hosts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (Object.values(stats).some(count => count > 0)) hosts[name] = stats;
  }
  return {
    hosts,
    exitCode: exitCode(run),
    elapsedMs: run.now() - start,
    custom: Object.fromEntries(run.customStats),
  };
}

function exitCode(run: Run): number {
  if (run.signal.aborted) return EXIT.interrupted;
  const states = [...run.hosts.values()];
  if (states.some(({ status }) => status === 'unreachable')) return EXIT.unreachable;
  return states.some(({ status }) => status === 'failed') ? EXIT.failed : EXIT.ok;
}
