import type { Deployment } from '../lib/cluster/deployment.ts';
import type { LayerName } from './check.ts';
import { byLayer, type Finding } from './findings.ts';

/** Layers that may be skipped as a whole: the stand-in has no PFS, a young cluster no backup, and load is for who asks for it. */
const MAY_LACK: readonly string[] = ['pfs', 'backup', 'health', 'performance'] satisfies readonly LayerName[];

/**
 * A suite that looks at nothing must not be green: a layer that was skipped as a whole where somebody asked for it, a
 * cluster without disks, one of a single node.
 */
export function nothingLookedAt(
  findings: readonly Finding[],
  { replicas }: Deployment,
  asked: (layer: string) => boolean,
): readonly Finding[] {
  if (findings.length === 0) return [nothing('suite', 'the selection fits no check')];
  const empty = [...byLayer(findings)]
    .filter(
      ([layer, of]) => of.every(f => f.verdict === 'skipped') && (asked(layer) || !MAY_LACK.includes(layer)),
    )
    .map(([layer, of]) => nothing(layer, of[0]?.verdict === 'skipped' ? of[0].reason : ''));
  const alone = replicas.length === 0 && findings.some(f => f.layer === 'replication');
  return alone ? [...empty, nothing('replication', 'the cluster has one node: nothing was shared')] : empty;
}

function nothing(layer: string, found: string): Finding {
  return {
    id: `${layer}.nothing`,
    layer,
    title: 'something was looked at',
    severity: 'fault',
    hosts: [],
    durationMs: 0,
    figures: [],
    notLookedAt: [],
    verdict: 'failed',
    faults: [{ host: '', expected: 'something to look at', found }],
    todo: 'Green without anything looked at says nothing: select other checks, or give the inventory what is missing.',
  };
}
