import { differences, differenceText } from '../cluster/history/comparability.ts';
import type { NightVerdict } from '../cluster/history/verdict.ts';
import { onOneMachine } from '../cluster/observe/fingerprint.ts';
import type { RunDetail, RunRecord } from '../cluster/result.ts';
import { type Summary, scalingOf, summariseRun, titleOf } from '../cluster/summary.ts';

/** Said wherever scaling is shown. */
export const ONE_MACHINE =
  'The nodes share one machine and its processors: how reading scales cannot be seen here.';

/** The figures as text, for terminals, mails and pull requests. */
export function formatMarkdown(
  { record }: RunDetail,
  verdict: NightVerdict,
  before: readonly RunRecord[],
): string {
  const summaries = summariseRun(record);
  const scaling = scalingOf(summaries);
  const lines = [
    `# Benchmark: ${record.deployment}`,
    '',
    `Profile ${record.profile}, scale ${record.scale}, ${record.at.slice(0, 16).replace('T', ' ')} UTC.`,
  ];
  lines.push('', `**${verdict.sentence}**`);
  const last = verdict.lastFine ?? before.filter(r => r.profile === record.profile).at(-1);
  const changed = last ? differences(last, record) : [];
  if (changed.length > 0)
    lines.push(
      '',
      `Changed since ${last!.at.slice(0, 10)}:`,
      '',
      ...changed.map(d => `- ${differenceText(d)}`),
    );
  if (record.interrupted !== undefined)
    lines.push(
      '',
      `**This run was not finished: ${record.interrupted}.** What it measured until then follows.`,
    );
  if (record.failed)
    lines.push(
      '',
      '**Something went wrong: measurements marked "no measure" do not count.**',
      '',
      ...record.complaints.map(c => `- ${c}`),
    );
  if (record.remarks.length > 0) lines.push('', ...record.remarks.map(r => `- ${r}`));
  lines.push(
    '',
    '| | clients | TPS | ± | | p50 ms | p99 ms | max ms | errors |',
    '|---|--:|--:|--:|---|--:|--:|--:|--:|',
  );
  for (const summary of summaries) lines.push(...rows(summary));
  if (record.sweep)
    lines.push(
      '',
      '| clients on the primary | TPS | p50 ms | p99 ms |',
      '|--:|--:|--:|--:|',
      ...record.sweep.map(
        ({ clients, tps, percentiles: p, invalid }) =>
          `| ${clients} | ${tps.toFixed(0)}${invalid === undefined ? '' : ' (no measure)'} | ${p?.p50.toFixed(2) ?? ''} | ${p?.p99.toFixed(2) ?? ''} |`,
      ),
    );
  if (scaling) {
    lines.push(
      '',
      `Reading on ${scaling.nodes} nodes is ${scaling.speedUp.toFixed(2)} times that of one: ${(100 * scaling.efficiency).toFixed(0)} % of ideal.`,
    );
    if (onOneMachine(record.fingerprint)) lines.push('', ONE_MACHINE);
  }
  return `${lines.join('\n')}\n`;
}

function rows(summary: Summary): string[] {
  const { interval } = summary;
  const scatter = interval
    ? `${interval.low.toFixed(0)} … ${interval.high.toFixed(0)} (${(100 * interval.coverage).toFixed(0)} %)`
    : '';
  const title = `${titleOf(summary)}${summary.valid === 0 ? ' (no measure)' : ''}`;
  const head = `| **${title}** | ${summary.clients} each | **${summary.tps.toFixed(0)}** | ${scatter} | | | | | ${summary.errors} |`;
  const ms = (value: number | undefined) => (value === undefined ? '' : value.toFixed(2));
  const nodes = summary.perNode.map(
    ({ host, tps, percentiles: p, slowestMs, errors }) =>
      `| | | ${tps.toFixed(0)} | | ${host} | ${ms(p?.p50)} | ${ms(p?.p99)} | ${p && p.max === undefined ? 'sample' : ms(p?.max ?? slowestMs)} | ${errors} |`,
  );
  return [head, ...nodes];
}
