import { UsageError } from '../lib/source/errors.ts';
import { didYouMean } from '../lib/source/suggest.ts';
import type { Fault } from './check.ts';
import { type Check, LAYERS, layerOf } from './check.ts';
import type { Finding } from './findings.ts';

/** Which checks somebody asked for. */
export interface Selection {
  /** Layers, ids, or ids with `*`; empty: all. */
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly tags: readonly string[];
}

export interface Selected {
  /** What was asked for. */
  readonly chosen: ReadonlySet<string>;
  /** That, and what it needs to be judged, in order. */
  readonly checks: readonly Check[];
}

/** Tags of a check: its own, how much is at stake, and whether it writes. */
export const tagsOf = (check: Check): readonly string[] => [check.severity, ...(check.tags ?? [])];

/** Picks checks; a word that fits none is a mistake. */
export function select(checks: readonly Check[], { only, skip, tags }: Selection): Selected {
  for (const word of [...only, ...skip])
    if (!checks.some(check => fits(check, word)))
      throw new UsageError(unknown('check or layer', word, checks), 5);
  for (const tag of tags)
    if (!checks.some(check => tagsOf(check).includes(tag)))
      throw new UsageError(`--tag ${tag}: no check has it`, 5);
  const wanted = checks.filter(
    check =>
      (only.length === 0 || only.some(word => fits(check, word))) &&
      !skip.some(word => fits(check, word)) &&
      (tags.length === 0 || tags.some(tag => tagsOf(check).includes(tag))),
  );
  const needed = new Set(wanted.map(check => check.id));
  for (const check of [...checks].reverse()) {
    if (!needed.has(check.id)) continue;
    for (const need of needsOf(check)) needed.add(need as Check['id']);
  }
  return {
    chosen: new Set(wanted.map(check => check.id)),
    checks: checks.filter(check => needed.has(check.id)),
  };
}

/** Ids of the checks that one needs, the ones that every question to a host or a server needs included. */
export function needsOf(check: Check): readonly string[] {
  const own = (check.needs ?? []).map(need => need.split('@')[0]!);
  const server = check.sql || check.primarySql || 'act' in check ? ['database.answers'] : [];
  const implied =
    check.id === 'host.answers' ? [] : ['host.answers', ...server.filter(id => id !== check.id)];
  return [...new Set([...own, ...implied])];
}

function fits(check: Check, word: string): boolean {
  if (word === layerOf(check) || word === check.id) return true;
  if (!word.includes('*')) return false;
  const parts = word.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(check.id);
}

function unknown(what: string, word: string, checks: readonly Check[]): string {
  const hint = didYouMean(word, [...Object.keys(LAYERS), ...checks.map(check => check.id)]);
  return `no ${what} "${word}"${hint === undefined ? '' : `, ${hint}`}; --list shows them all`;
}

/** A finding as far as it concerns some hosts; undefined where it concerns none of them. */
export function limited(finding: Finding, limit: ReadonlySet<string>): Finding | undefined {
  const hosts = finding.hosts.filter(host => limit.has(host));
  if (hosts.length === 0) return undefined;
  const about = (host: string) => limit.has(host) || host === '';
  const head = {
    ...finding,
    hosts,
    notLookedAt: finding.notLookedAt.filter(({ host }) => about(host)),
    figures: finding.figures.filter(({ host }) => host === undefined || about(host)),
  };
  if (head.verdict === 'failed' || head.verdict === 'waived') {
    const faults: readonly Fault[] = head.faults.filter(({ host }) => about(host));
    if (faults.length > 0) return { ...head, faults };
    const { faults: _, ...rest } = head;
    return { ...rest, verdict: head.notLookedAt.length > 0 ? 'waiting' : 'passed' };
  }
  return head.verdict === 'waiting' && head.notLookedAt.length === 0 ? { ...head, verdict: 'passed' } : head;
}
