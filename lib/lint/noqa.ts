import { means } from './catalogue.ts';
import type { Finding } from './finding.ts';
import type { LintFile } from './lint-file.ts';
import { tasksOf } from './tasks.ts';

const COMMENT = /#\s*noqa\b:?\s*([^#]*)$/i;

/** Leaves out what the author has answered for: `# noqa: RULE`, and tasks with the tag `skip_ansible_lint`. */
export function withoutAnswered(file: LintFile, findings: readonly Finding[]): Finding[] {
  const answered = new Map<number, readonly string[]>();
  for (const [i, line] of file.lines.entries()) {
    const words = COMMENT.exec(line)?.[1];
    if (words !== undefined) answered.set(i + 1, words.split(/[\s,]+/).filter(Boolean));
  }
  const skipped = tasksOf(file)
    .filter(({ pairs }) => /\bskip_ansible_lint\b/.test(String(pairs.get('tags')?.value ?? '')))
    .map(({ lines }) => lines);
  return findings.filter(({ rule, at, lines = [at.line, at.line] }) => {
    if (skipped.some(([first, last]) => at.line >= first && at.line <= last && !rule.startsWith('yaml')))
      return false;
    for (let line = lines[0]; line <= lines[1]; line += 1) {
      const words = answered.get(line);
      if (words?.some(word => means(word, rule))) return false;
    }
    return true;
  });
}
