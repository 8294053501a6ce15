import { SourceError } from '../../source/errors.ts';
import type { Dict } from '../../source/value.ts';
import { displayPath } from '../../source/yaml/read-yaml.ts';
import { isTemplate } from '../../templating/templar.ts';
import { authored } from '../inherit.ts';
import type { Load, NotedFiles } from '../load-state.ts';
import { findFile } from '../search.ts';
import type { Action, TaskContext } from '../types.ts';
import { firstWord } from './free-form.ts';
import { isTrue } from './task.ts';

/**
 * Files of the control machine that tasks name and that are not there when the playbook is read. A playbook that makes
 * files on this machine may make them yet: then each is a warning.
 */
export class AbsentFiles implements NotedFiles {
  private readonly found: { readonly error: SourceError; readonly isCertain: boolean }[] = [];
  private makesFiles = false;

  /** Looks at a task or a play. */
  note(load: Load, dict: Dict, context: TaskContext, action?: Action): void {
    this.makesFiles ||= worksHere(dict) || action?.module.traits?.fetches === true;
    const error = action && absentFile(action, context);
    if (error) this.found.push({ error, isCertain: load.problems.isCertain() && !isAbsolute(action) });
  }

  /** Tells what was found, once all of the playbook is known. */
  report({ problems, options }: Load): void {
    const mayComeYet = this.makesFiles || options.onlyReads === true;
    for (const { error, isCertain } of this.found)
      problems.within(isCertain && !mayComeYet, () => problems.whenReached(() => problems.keep(error)));
  }
}

/** Another run, or a person, puts files at absolute places; those beside the playbook belong to it. */
const isAbsolute = (action: Action): boolean => /^[/~]/.test(nameIn(action)?.value ?? '');

function worksHere(dict: Dict): boolean {
  const target = dict.get('delegate_to') ?? dict.get('hosts');
  return (
    dict.has('local_action') ||
    dict.has('connection') ||
    (typeof target === 'string' && (isTemplate(target) || /localhost|127\.0\.0\.1/.test(target)))
  );
}

function nameIn({ module, args }: Action) {
  const argument = module.traits?.reads?.argument;
  const written = argument === undefined ? undefined : authored(args, argument);
  return typeof written?.value === 'string' ? { ...written, value: written.value } : undefined;
}

function absentFile(action: Action, context: TaskContext): SourceError | undefined {
  const { reads, takes } = action.module.traits ?? {};
  const name = nameIn(action);
  const written = name?.value.trim() ?? '';
  if (!reads || !name || action.argsTemplate || isTemplate(written)) return undefined;
  if (reads.unless?.some(key => action.args.has(key) && !isNo(action.args, key))) return undefined;
  const text = takes === 'command' ? firstWord(written) : written;
  const { file, searched } = findFile(context, reads.kind, text);
  if (text === '' || file !== undefined) return undefined;
  const places = searched.slice(0, 4).map(displayPath).join(', ');
  return new SourceError('FILE_NOT_FOUND', `no file "${text}"`, name.at, `looked for ${places}`);
}

/** A flag that is off as written: `remote_src: no`. */
function isNo(args: Dict, key: string): boolean {
  const value = args.get(key);
  return (
    value === null || value === false || (typeof value === 'string' && !isTemplate(value) && !isTrue(value))
  );
}
