import type { Finding } from './finding.ts';
import { type FileKind, LintFile } from './lint-file.ts';
import { withoutAnswered } from './noqa.ts';
import { COMMAND_RULES } from './rules/commands.ts';
import { freeForm } from './rules/free-form.ts';
import { lintLayout } from './rules/layout.ts';
import { lintPlays, lintTabs, lintVariables } from './rules/plays.ts';
import { TASK_RULES } from './rules/tasks.ts';
import { lintSpacing } from './rules/templates.ts';
import { tasksOf } from './tasks.ts';

const RULES = [...COMMAND_RULES, freeForm, ...TASK_RULES];

interface Given {
  /** What names of variables look like. */
  readonly variables: RegExp;
  /** What others have found in the file: `# noqa` answers for that too. */
  readonly found?: readonly Finding[];
}

/** What all rules find in one file, in the order of its lines. */
export function lintText(
  path: string,
  text: string,
  kind: FileKind,
  { variables, found: others = [] }: Given,
): Finding[] {
  const file = new LintFile(path, text, kind);
  const ofTasks = tasksOf(file).flatMap(task =>
    RULES.flatMap(rule => rule(file, task)).map(finding => ({ ...finding, lines: task.lines })),
  );
  const isPlaybook = kind !== 'other';
  const found = [
    ...others,
    ...lintLayout(file),
    ...ofTasks,
    ...(isPlaybook
      ? [...lintPlays(file), ...lintVariables(file, variables), ...lintTabs(file), ...lintSpacing(file)]
      : []),
  ];
  return withoutAnswered(file, found).sort((a, b) => a.at.line - b.at.line || a.at.col - b.at.col);
}
