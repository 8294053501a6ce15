import { htmlText } from '../../lib/source/html-text.ts';
import { page } from '../report/html.ts';
import type { Tally } from './judge.ts';
import type { HttpRun, Phase } from './run.ts';

/** What a person reads first, and whether it is bad. */
export function verdictOf(run: HttpRun): {
  readonly level: 'fine' | 'confirmed' | 'broken';
  readonly sentence: string;
} {
  const tallies = run.phases.flatMap(phase => phase.tallies.map(tally => ({ phase, tally })));
  const total = (what: 'asked' | 'wrong' | 'unanswered' | 'behind') =>
    tallies.reduce((sum, { tally }) => sum + tally[what], 0);
  const moved = run.phases.flatMap(({ moved }) => (moved ? [moved] : []));
  const twice = moved.reduce((sum, m) => sum + m.twoPrimaries + m.twoWritersUp, 0);
  const [worst] = tallies
    .filter(({ tally }) => tally.wrong > 0)
    .sort((a, b) => b.tally.wrong - a.tally.wrong);
  const dead = tallies.filter(({ phase, tally }) => !phase.moved && tally.unanswered === tally.asked);
  const cost = run.cost
    ? `; pgbench does ${percent(run.cost.ratio)} of its rate while ${run.cost.perSecond.toFixed(0)} requests a second are answered`
    : '';
  const gap =
    moved.length > 0
      ? `; at most ${longest(moved)} s without writes in ${moved.length === 1 ? 'a switchover' : `${moved.length} switchovers`}`
      : '';
  const ended = run.interrupted === undefined ? '' : `; ended before its end: ${run.interrupted}`;
  if (worst || twice > 0)
    return {
      level: 'confirmed',
      sentence: `${total('wrong')} wrong answers${worst ? `, most of them of ${worst.tally.place} (${worst.phase.title})` : ''}; two primaries at once ${twice} times${ended}.`,
    };
  if (dead.length > 0)
    return {
      level: 'broken',
      sentence: `Nobody answers at ${[...new Set(dead.map(d => d.tally.place))].join(', ')}${ended}.`,
    };
  return {
    level: run.interrupted === undefined ? 'fine' : 'broken',
    sentence: `No wrong answer among ${total('asked')}, never two primaries${gap}${cost}${ended}.`,
  };
}

const longest = (moved: readonly NonNullable<Phase['moved']>[]): string =>
  Math.max(...moved.map(m => m.withoutWritesS ?? m.withoutPrimaryS)).toFixed(1);

const HEAD = ['', 'asked', 'wrong', 'behind', 'no answer', 'p50 ms', 'p99 ms', 'max ms'];

const cells = (t: Tally): readonly string[] => [
  t.place,
  String(t.asked),
  String(t.wrong),
  String(t.behind),
  String(t.unanswered),
  ms(t.p50Ms),
  ms(t.p99Ms),
  ms(t.maxMs),
];

/** For terminals, mails and merge requests. */
export function httpMarkdown(run: HttpRun): string {
  const { sentence } = verdictOf(run);
  return [
    `# Health endpoints and balancers of ${run.cluster}, ${run.at.slice(0, 16).replace('T', ' ')} UTC`,
    '',
    `**${sentence}**`,
    '',
    run.deployment,
    '',
    ...run.phases.flatMap(phase => [
      `## ${phase.title}, ${phase.seconds.toFixed(0)} s`,
      '',
      ...movedLines(phase).map(line => `- ${line}`),
      ...(phase.moved ? [''] : []),
      `| ${HEAD.join(' | ')} |`,
      `|---|${HEAD.slice(1)
        .map(() => '--:|')
        .join('')}`,
      ...phase.tallies.map(t => `| ${cells(t).join(' | ')} |`),
      '',
    ]),
    ...costLines(run).map(line => `- ${line}`),
    ...run.remarks.map(remark => `- ${remark}`),
    '',
    EXPLAINED,
    '',
  ].join('\n');
}

const EXPLAINED =
  'wrong: a node answered that was not what was asked for. behind: the same, within the time that a balancer needs to notice a change. no answer: a client would have seen an outage. Latencies count from the connection on.';

function movedLines({ moved }: Phase): string[] {
  if (!moved) return [];
  return [
    ...(moved.problem === undefined ? [] : [`the switchover failed: ${moved.problem}`]),
    `two nodes called themselves the primary ${moved.twoPrimaries} times, a balancer had two writers ${moved.twoWritersUp} times`,
    `${moved.withoutPrimaryS.toFixed(1)} s without a primary by the endpoints${moved.withoutWritesS === undefined ? '' : `, ${moved.withoutWritesS.toFixed(1)} s without an answer at the port for writes`}`,
    `${moved.pgbenchFailed} loads of pgbench through the balancers were ended by it`,
  ];
}

function costLines({ cost }: HttpRun): string[] {
  if (!cost) return [];
  const pairs = cost.pairs.map(p => `${p.without.toFixed(0)} → ${p.with.toFixed(0)}`).join(', ');
  return [
    `pgbench without and with ${cost.perSecond.toFixed(0)} requests a second, transactions a second: ${pairs}; median ratio ${cost.ratio.toFixed(3)}`,
  ];
}

/** One page that needs nothing else. */
export function httpHtml(run: HttpRun): string {
  const { level, sentence } = verdictOf(run);
  const said = [...costLines(run), ...run.remarks];
  const body = [
    `<p class="verdict ${level}">${htmlText(sentence)}</p>`,
    said.length === 0
      ? ''
      : `<section><ul class="said">${said.map(line => `<li>${htmlText(line)}</li>`).join('')}</ul></section>`,
    ...run.phases.map(
      phase =>
        `<section><h2>${htmlText(`${phase.title}, ${phase.seconds.toFixed(0)} s`)}</h2>${movedLines(phase)
          .map(line => `<p>${htmlText(line)}</p>`)
          .join('')}${table(phase)}</section>`,
    ),
    `<p class="note">${htmlText(EXPLAINED)}</p>`,
  ].join('\n');
  return page({
    title: `Endpoints of ${run.cluster}, ${run.at.slice(0, 10)}`,
    head: `<h1>${htmlText(run.deployment)}</h1><p>Health endpoints and balancers of ${htmlText(run.cluster)} · ${htmlText(run.at.slice(0, 16).replace('T', ' '))} UTC · ${run.rate} requests a second at each place · <a href="index.html">all runs</a></p>`,
    body,
  });
}

function table({ tallies }: Phase): string {
  const head = HEAD.map((name, i) => `<th${i > 0 ? ' class="n"' : ''}>${htmlText(name)}</th>`).join('');
  const rows = tallies.map(t => {
    const [place = '', ...numbers] = cells(t);
    const bad = t.wrong > 0 ? ' class="total"' : '';
    return `<tr${bad}><td>${htmlText(place)}</td><td></td>${numbers
      .map((text, i) => `<td class="n" data-name="${htmlText(HEAD[i + 1]!)}">${htmlText(text)}</td>`)
      .join('')}</tr>`;
  });
  return `<table class="rows"><thead><tr>${head.replace('</th>', '</th><th></th>')}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

const ms = (value: number | undefined): string =>
  value === undefined ? '' : value.toFixed(value < 10 ? 1 : 0);
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
