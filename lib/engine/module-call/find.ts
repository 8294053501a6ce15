import { ModuleError } from '../../modules/kit/define.ts';
import { type FileKind, findFile } from '../../playbook/search.ts';
import type { Task } from '../../playbook/types.ts';
import type { PlayRun } from '../run.ts';

/** Finds a file of the control machine on the task's search path. Throws ModuleError with the places searched. */
export function findOrFail(task: Task, playRun: PlayRun, kind: FileKind, name: string): string {
  const { role, includedFrom } = task;
  const { file, searched } = findFile({ role, includedFrom, playDir: playRun.play.dir }, kind, name);
  if (file !== undefined) return file;
  const where = searched.map(place => `\n  ${place}`).join('');
  // Marked, since a missing file of the control machine has nothing to do with changes that check mode did not make.
  throw new ModuleError(`could not find "${name}"; searched in:${where}`, { control: true });
}
