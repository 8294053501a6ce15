import { inProfile, means, PROFILES, type Profile, ruleOf } from './catalogue.ts';
import type { Finding } from './finding.ts';

/** A finding, and what it means for the exit code. */
export interface Judged {
  readonly finding: Finding;
  readonly level: 'error' | 'warning';
}

export interface Judgement {
  readonly profile: Profile;
  readonly skip: readonly string[];
  readonly warn: readonly string[];
  readonly enable: readonly string[];
  /** Whether `.ansible-lint-ignore` names the rule for the file. */
  readonly isIgnored: (finding: Finding) => boolean;
}

const meansAny = (words: readonly string[], rule: string): boolean => words.some(word => means(word, rule));

/** What counts: rules of the profile and those asked for, without those that are skipped. */
export function judge(findings: readonly Finding[], by: Judgement): Judged[] {
  return findings.flatMap((finding): Judged[] => {
    const { rule } = finding;
    const { optIn, tags } = ruleOf(rule);
    const isWanted = optIn ? false : inProfile(rule, by.profile);
    if (!isWanted && !meansAny(by.enable, rule)) return [];
    // Nothing can be said of a file that cannot be read.
    if (meansAny(by.skip, rule) && !tags.includes('unskippable')) return [];
    const isWarning = meansAny(by.warn, rule) || by.isIgnored(finding);
    return [{ finding, level: isWarning ? 'warning' : 'error' }];
  });
}

/** The strictest profile that findings of all rules would let pass; undefined when not even the first. */
export function profileMet(findings: readonly Finding[], by: Judgement): Profile | undefined {
  const passes = (profile: Profile) =>
    judge(findings, { ...by, profile }).every(({ level }) => level === 'warning');
  return PROFILES.findLast(passes);
}
