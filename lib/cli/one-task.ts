import { stringify } from 'yaml';
import type { Emit, HostOutcome } from '../engine/events.ts';
import { runPlaybooks } from '../engine/run-playbooks.ts';
import { printWarning } from '../report/warning.ts';
import { SourceError, SourceErrors } from '../source/errors.ts';
import { checkConnections } from './input/input-mistakes.ts';
import type { Session } from './session.ts';

export interface OneTask {
  readonly pattern: string;
  readonly module: string;
  /** Free-form text, or the arguments by name. */
  readonly args: string | object;
  /** As root, whatever the login is. */
  readonly become?: boolean;
  /** Keywords of the play around it, such as the roles whose variables it uses. */
  readonly play?: object;
  readonly checkMode?: boolean;
  readonly diffMode?: boolean;
}

/** Runs a play of one task by the same code as a playbook; returns the exit code. */
export async function runOneTask(session: Session, task: OneTask, emit: Emit): Promise<number> {
  const run = session.createRun(emit, {
    checkMode: task.checkMode ?? false,
    diffMode: task.diffMode ?? false,
    tags: ['all'],
    skipTags: [],
    roles: [],
    startAtTask: undefined,
    forceHandlers: false,
    step: false,
  });
  checkConnections(session);
  session.checkLimit();
  // Relative file names start from the current folder, as in Ansible.
  const playbook = withoutPositions(() => run.loader.loadText(playText(task), process.cwd()));
  const { exitCode } = await runPlaybooks(run, playbook, [playbook.file]);
  return exitCode;
}

/** What each host of the pattern answered to one task. */
export async function askHosts(
  session: Session,
  task: OneTask,
  onAnswer: (host: string) => void = () => {},
): Promise<ReadonlyMap<string, HostOutcome>> {
  const answers = new Map<string, HostOutcome>();
  await runOneTask(session, task, event => {
    // The outcome of the task itself, or an earlier failure that keeps the host from reaching it.
    const counts = (outcome: HostOutcome) =>
      outcome.task.module === task.module || outcome.status === 'failed' || outcome.status === 'unreachable';
    if (event.type === 'outcome' && counts(event)) {
      answers.set(event.host, event);
      onAnswer(event.host);
    }
    if (event.type === 'warning') printWarning(event.message);
  });
  return answers;
}

/** Mistakes in a module's name or arguments stand on the command line, not in the file that we made of it. */
function withoutPositions<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof SourceErrors)) throw error;
    throw new SourceErrors(
      error.errors.map(({ code, message, hint }) => new SourceError(code, message, undefined, hint)),
    );
  }
}

function playText({ pattern, module, args, become, play: around }: OneTask): string {
  const play = {
    hosts: pattern,
    gather_facts: false,
    name: 'Ansible Ad-Hoc',
    tasks: [{ [module]: args }],
    ...around,
  };
  return stringify([become ? { ...play, become } : play]);
}
