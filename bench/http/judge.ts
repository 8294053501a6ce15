import { serversUp } from '../../lib/cluster/haproxy-figures.ts';
import type { Shot } from './shots.ts';

/** Which node leads writes, and which ones serve reads, by the role record. */
export interface Roles {
  readonly primary: string;
  readonly replicas: readonly string[];
}

/** One query through a balancer and which node answered it. */
export interface SqlAnswer {
  readonly balancer: string;
  readonly port: 'write' | 'read';
  /** A session of its own, or one that is kept as long as it lives. */
  readonly session: 'new' | 'kept';
  readonly sentAt: number;
  readonly ms: number;
  /** Undefined: no answer. */
  readonly node: string | undefined;
  readonly replica: boolean;
}

/** What was asked and answered at one place. */
export interface Tally {
  readonly place: string;
  readonly asked: number;
  /** No answer, or none of a node: what a client sees as an outage. */
  readonly unanswered: number;
  /** Answers of a node that could not do what was asked for while the roles stood, or some time after they had changed. */
  readonly wrong: number;
  /** Such answers within the time that a balancer needs to notice. */
  readonly behind: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
}

/** What a balancer is asked besides: how many servers of its backend for writes are up. */
export const FIGURES = '/stats;csv';

interface Answer {
  readonly place: string;
  readonly sentAt: number;
  readonly ms: number;
  readonly verdict: 'right' | 'wrong' | 'unanswered' | 'behind';
}

/** While nobody changes roles: each endpoint must say that of the record. */
export function judgeSteady(
  shots: readonly Shot[],
  sql: readonly SqlAnswer[],
  roles: Roles,
): readonly Tally[] {
  const serves = (node: string, what: 'write' | 'read') =>
    what === 'write' ? node === roles.primary : roles.replicas.includes(node);
  return tally([
    ...shots
      .filter(shot => shot.path !== FIGURES)
      .map(shot => answerOf(shot, whom => !serves(whom.node, whom.what), 0)),
    ...sql.map(one => sqlAnswer(one, node => !serves(node, one.port), 0)),
  ]);
}

/**
 * While roles change: a node's own word counts, and a balancer may lead to it for `behindMs` after it last called itself so.
 * That two nodes never call themselves the primary at the same time is judged by `twoPrimaries`.
 */
export function judgeMoving(
  shots: readonly Shot[],
  sql: readonly SqlAnswer[],
  behindMs: number,
): readonly Tally[] {
  const said = { write: wordsOf(shots, '/primary'), read: wordsOf(shots, '/replica') };
  /**
   * How long ago a node stopped to call itself what was wanted, as far as is known: at its first no after its last yes. Between
   * the two it may have been either. One that never said yes was never right.
   */
  const since = (node: string, what: 'write' | 'read', at: number) => {
    const words = (said[what].get(node) ?? []).filter(word => word.at <= at);
    const yes = words.findLast(word => word.yes);
    if (!yes) return Number.POSITIVE_INFINITY;
    const no = words.find(word => word.at > yes.at);
    return no ? at - no.at : 0;
  };
  const late = (node: string, what: 'write' | 'read', at: number) => since(node, what, at) > behindMs;
  return tally([
    ...shots
      .filter(({ path }) => path !== FIGURES)
      .map(shot =>
        isNodes(shot)
          ? // Its own word is the measure.
            answerOf(shot, () => false, 0)
          : answerOf(shot, ({ node, what }) => late(node, what, shot.sentAt), behindMs),
      ),
    ...sql.map(one => sqlAnswer(one, node => late(node, one.port, one.sentAt), behindMs)),
  ]);
}

const isNodes = ({ path }: Shot): boolean => path === '/primary' || path === '/replica';

interface Word {
  readonly at: number;
  readonly yes: boolean;
}

/** What nodes said, each by the end of its answer, in that order. */
function wordsOf(shots: readonly Shot[], path: string): ReadonlyMap<string, readonly Word[]> {
  const words = new Map<string, Word[]>();
  for (const { path: asked, host, sentAt, ms, code } of shots)
    if (asked === path && code !== undefined)
      words.set(host, [...(words.get(host) ?? []), { at: sentAt + ms, yes: code === 200 }]);
  for (const list of words.values()) list.sort((a, b) => a.at - b.at);
  return words;
}

function answerOf(
  shot: Shot,
  isWrong: (whom: { readonly node: string; readonly what: 'write' | 'read' }) => boolean,
  behindMs: number,
): Answer {
  const { host, path, sentAt, ms, code, body } = shot;
  const answer = (verdict: Answer['verdict']): Answer => ({ place: `${host} ${path}`, sentAt, ms, verdict });
  if (isNodes(shot)) {
    if (code !== 200 && code !== 503) return answer('unanswered');
    const wrong = code === 200 && isWrong({ node: host, what: path === '/primary' ? 'write' : 'read' });
    return answer(wrong ? 'wrong' : 'right');
  }
  // Through a balancer: a node's own answer, or the balancer's that it has none.
  const node = nodeIn(body);
  if (node === undefined) return answer('unanswered');
  if (code === 200) return answer('right');
  if (isWrong({ node, what: path === '/write' ? 'write' : 'read' })) return answer('wrong');
  // It has the role, and cannot serve at the moment; or the balancer has not noticed yet.
  return answer(behindMs > 0 ? 'behind' : 'unanswered');
}

function sqlAnswer(one: SqlAnswer, isWrong: (node: string) => boolean, behindMs: number): Answer {
  const place = `${one.balancer} SQL ${one.port}, ${one.session} session`;
  const answer = (verdict: Answer['verdict']): Answer => ({ place, sentAt: one.sentAt, ms: one.ms, verdict });
  if (one.node === undefined) return answer('unanswered');
  if (one.replica === (one.port === 'read')) return answer('right');
  return answer(behindMs > 0 && !isWrong(one.node) ? 'behind' : 'wrong');
}

/** The node that an answer of a health endpoint is from. */
export function nodeIn(body: string): string | undefined {
  try {
    const { patroni } = JSON.parse(body) as { patroni?: { name?: unknown } };
    return typeof patroni?.name === 'string' ? patroni.name : undefined;
  } catch {
    return undefined;
  }
}

function tally(answers: readonly Answer[]): readonly Tally[] {
  const places = new Map<string, Answer[]>();
  for (const answer of answers) places.set(answer.place, [...(places.get(answer.place) ?? []), answer]);
  return [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([place, all]) => {
      const count = (verdict: Answer['verdict']) => all.filter(a => a.verdict === verdict).length;
      const times = all
        .filter(a => a.verdict !== 'unanswered')
        .map(a => a.ms)
        .sort((a, b) => a - b);
      // The value below which that share lies: with few answers the slowest one.
      const at = (share: number) => times[Math.max(0, Math.ceil(share * times.length) - 1)];
      return {
        place,
        asked: all.length,
        unanswered: count('unanswered'),
        wrong: count('wrong'),
        behind: count('behind'),
        p50Ms: at(0.5),
        p99Ms: at(0.99),
        maxMs: times.at(-1),
      };
    });
}

/** How long a health endpoint keeps an answer. */
const KEPT_MS = 1000;

/** How often a node still called itself the primary after another one had: each is two writers that clients could believe. */
export function twoPrimaries(shots: readonly Shot[]): number {
  const yes = shots.filter(({ path, code }) => path === '/primary' && code === 200);
  return yes.filter(one =>
    yes.some(
      other =>
        other.host !== one.host &&
        // Asked after the other's answer, and no answer of a second ago: later than it can be explained.
        one.sentAt > other.sentAt + other.ms + KEPT_MS &&
        yes.some(again => again.host === other.host && again.sentAt > one.sentAt),
    ),
  ).length;
}

/** How often a balancer took two nodes for the primary. */
export function twoWritersUp(shots: readonly Shot[]): number {
  return shots.filter(({ path, body }) => path === FIGURES && serversUp(body, 'primary').length > 1).length;
}

/** The longest time in which nobody answered at a place: from the last good answer before to the first one after. */
export function longestGap(times: readonly number[], from: number, to: number): number {
  const sorted = [from, ...[...times].sort((a, b) => a - b), to];
  return Math.max(...sorted.slice(1).map((time, i) => time - sorted[i]!));
}
