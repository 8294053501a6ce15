import { onOneMachine } from '../fingerprint.ts';
import type { RunDetail } from '../result.ts';
import { type Summary, scalingOf, summariseRun, titleOf } from '../summary.ts';

/** Said wherever scaling is shown. */
export const ONE_MACHINE =
  'The nodes share one machine and its processors: how reading scales cannot be seen here.';

/** The figures as text, for terminals, mails and pull requests. */
export function formatMarkdown({ record, fingerprint }: RunDetail): string {
  const summaries = summariseRun(record);
  const scaling = scalingOf(summaries);
  const lines = [
    `# Benchmark: ${record.deployment}`,
    '',
    `Profile ${record.profile}, scale ${record.scale}, ${record.at.slice(0, 16).replace('T', ' ')} UTC, environment ${record.environment}.`,
  ];
  if (record.failed)
    lines.push(
      '',
      '**This run had errors: its figures are no measure.**',
      '',
      ...record.complaints.map(c => `- ${c}`),
    );
  lines.push(
    '',
    '| | clients | TPS | ± | | p50 ms | p99 ms | max ms | errors |',
    '|---|--:|--:|--:|---|--:|--:|--:|--:|',
  );
  for (const summary of summaries) lines.push(...rows(summary));
  if (scaling) {
    lines.push(
      '',
      `Reading on ${scaling.nodes} nodes is ${scaling.speedUp.toFixed(2)} times that of one: ${(100 * scaling.efficiency).toFixed(0)} % of ideal.`,
    );
    if (onOneMachine(fingerprint)) lines.push('', ONE_MACHINE);
  }
  return `${lines.join('\n')}\n`;
}

function rows(summary: Summary): string[] {
  const scatter = summary.interval
    ? `${summary.interval.low.toFixed(0)} … ${summary.interval.high.toFixed(0)}`
    : '';
  const head = `| **${titleOf(summary)}** | ${summary.clients} each | **${summary.tps.toFixed(0)}** | ${scatter} | | | | | ${summary.errors} |`;
  const ms = (value: number | undefined) => (value === undefined ? '' : value.toFixed(2));
  const nodes = summary.perNode.map(
    n =>
      `| | | ${n.tps.toFixed(0)} | | ${n.host} | ${ms(n.p50)} | ${ms(n.p99)} | ${ms(n.max)} | ${n.errors} |`,
  );
  return [head, ...nodes];
}
