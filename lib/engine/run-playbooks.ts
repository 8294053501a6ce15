import type { Playbook } from '../playbook/types.ts';
import { emptyRecord } from '../source/record.ts';
import type { HostStats, RunOrigin, RunSummary } from './events.ts';
import { Crash, EXIT, exitCodeOfRun } from './exit-code.ts';
import { runPlay } from './play/run-play.ts';
import { keepFacts, type Run } from './run.ts';

/**
 * Runs plays in order and sums up. An error that ends the run early (a mistake that shows only now) is in the summary,
 * so that every report shows it, and is thrown afterwards.
 */
export async function runPlaybooks(
  run: Run,
  playbook: Playbook,
  files: readonly string[],
  origin?: RunOrigin,
): Promise<RunSummary> {
  const start = run.now();
  const { checkMode, diffMode } = run.options;
  run.emit({ type: 'run-start', playbooks: files, checkMode, diffMode, ...(origin && { origin }) });
  if (run.options.flushCache) for (const host of run.inventory.hosts.keys()) run.factCache?.remove(host);
  let failure: unknown;
  try {
    for (const play of playbook.plays) {
      const end = await runPlay(run, play);
      for (const host of run.hosts.keys()) keepFacts(run, host);
      if (end === 'stop') break;
      if (playbook.lastOfFile.has(play) && exitCode(run) !== EXIT.ok) break;
    }
  } catch (error) {
    failure = error;
  }
  for (const host of run.hosts.keys()) keepFacts(run, host);
  // A host that stops answering must not cost the summary.
  await Promise.allSettled(run.atEnd.splice(0).map(work => work()));
  if (run.signal.aborted) run.emit({ type: 'interrupted' });
  const summary = summarize(run, start, failure);
  run.emit({ type: 'run-end', summary });
  if (failure !== undefined) throw failure;
  return summary;
}

function summarize(run: Run, start: number, failure: unknown): RunSummary {
  const hosts = emptyRecord<HostStats>();
  for (const [name, { stats }] of [...run.hosts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (Object.values(stats).some(count => count > 0)) hosts[name] = stats;
  }
  return {
    hosts,
    exitCode: failure === undefined ? exitCode(run) : exitCodeOfRun(failure),
    ...endOf(run, failure),
    elapsedMs: run.now() - start,
    ...(run.earlier && { takenOver: run.earlier.taken }),
    custom: Object.fromEntries(run.customStats),
  };
}

function endOf(run: Run, failure: unknown): { readonly ended?: string } {
  if (failure !== undefined) return { ended: failure instanceof Error ? failure.message : String(failure) };
  if (!run.signal.aborted) return {};
  const { reason } = run.signal;
  return { ended: reason instanceof Crash ? reason.message : 'interrupted by the operator' };
}

function exitCode(run: Run): number {
  if (run.signal.aborted) return run.signal.reason instanceof Crash ? EXIT.bug : EXIT.interrupted;
  const states = [...run.hosts.values()];
  if (states.some(({ status }) => status === 'unreachable')) return EXIT.unreachable;
  return states.some(({ status }) => status === 'failed') ? EXIT.failed : EXIT.ok;
}
