import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { RunOrigin } from '../../engine/events.ts';
import { EXIT, exitCodeOfRun } from '../../engine/exit-code.ts';
import type { Run } from '../../engine/run.ts';
import { runPlaybooks } from '../../engine/run-playbooks.ts';
import { checkCommandLineNames, unknownTags } from '../../playbook/command-line-names.ts';
import { misspeltConnectionVariables } from '../../playbook/connection-variables.ts';
import { missingHandlers } from '../../playbook/listing.ts';
import { GuardedReport } from '../../report/guarded.ts';
import { type SourceError, UsageError } from '../../source/errors.ts';
import { type Parsed, parseFlags } from '../../source/flags.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { visible } from '../../source/visible.ts';
import { shellWord } from '../../transport/index.ts';
import { failureText, mistakesJson, withReport } from '../failure.ts';
import { checkClusterGroups, optionalGroups } from '../input/cluster-groups.ts';
import { checkInput } from '../input/input-mistakes.ts';
import { listPlaybook } from '../listing.ts';
import { PLAYBOOK_FLAGS, PLAYBOOK_HELP } from '../playbook-flags.ts';
import { createReports } from '../reports.ts';
import { checkResumeOptions, runToResume } from '../resume.ts';
import { journalSum } from '../run-journal.ts';
import { originOf } from '../run-origin.ts';
import { inventorySources, openSession, type Session } from '../session.ts';
import { standardOutput } from '../standard-output.ts';

/** `polarplay PLAYBOOK…`: reads everything, reports every mistake of an author, then runs. Returns the exit code. */
export async function runPlaybookCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(PLAYBOOK_FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(PLAYBOOK_HELP);
    return EXIT.ok;
  }
  if (flags.positionals.length === 0) throw new UsageError('which playbook? see polarplay --help', 5);
  checkResumeOptions(flags);
  try {
    const session = await openSession(flags, 'warning');
    try {
      return await run(session, flags, argv);
    } finally {
      await session.close();
    }
  } catch (error) {
    // A program that asked for JSON gets mistakes as JSON too; people read them on standard error.
    if (isJson(flags)) standardOutput.write(mistakesJson(error));
    throw error;
  }
}

const isJson = (flags: Parsed): boolean => flags.text('format')?.startsWith('json') === true;

async function run(session: Session, flags: Parsed, argv: readonly string[]): Promise<number> {
  const { settings } = session;
  const diffMode = flags.has('diff') || settings.flag('diffAlways');
  const shown = { verbosity: session.verbosity, showDiff: diffMode };
  const report = new GuardedReport(createReports(flags, settings, shown));
  const run = session.createRun(event => report.on(event), {
    checkMode: flags.has('check'),
    diffMode,
    tags: tagList(firstGiven(flags.texts('tags'), settings.list('runTags')), ['all']),
    skipTags: tagList(firstGiven(flags.texts('skip-tags'), settings.list('skipTags')), []),
    roles: flags.texts('role').flatMap(text => text.split(',')),
    startAtTask: flags.text('start-at-task'),
    forceHandlers: flags.has('force-handlers') || settings.flag('forceHandlers'),
    step: flags.has('step'),
    sum: journalSum(),
    strict: flags.has('strict'),
    onlyReads: ['syntax-check', 'list-hosts', 'list-tasks', 'list-tags'].some(flag => flags.has(flag)),
  });
  const playbook = run.loader.loadPlaybook(flags.positionals);
  const given = checkInput(run, playbook);
  session.checkLimit();
  checkCommandLineNames(playbook, run.options);
  const ours = join(PACKAGE_ROOT, 'playbooks');
  checkClusterGroups(playbook, run.inventory, ours);
  run.optionalGroups = optionalGroups(playbook, ours);
  if (flags.has('syntax-check')) {
    process.stdout.write(`\nplaybook: ${flags.positionals.join(', ')}\n`);
    return EXIT.ok;
  }
  const listing = {
    hosts: flags.has('list-hosts'),
    tasks: flags.has('list-tasks'),
    tags: flags.has('list-tags'),
  };
  if (listing.hosts || listing.tasks || listing.tags) {
    process.stdout.write(visible(listPlaybook(run, playbook, flags.positionals, listing)));
    return EXIT.ok;
  }
  const origin = withOrigin(session, run, flags);
  const warnings: readonly Pick<SourceError, 'message' | 'hint' | 'position'>[] = [
    ...misspeltConnectionVariables(given),
    ...missingHandlers(playbook),
    ...unknownTags(playbook, run.options).map(warning => ({ ...warning, position: undefined })),
  ];
  for (const { message, hint, position } of warnings) {
    report.on({
      type: 'warning',
      message,
      ...(hint !== undefined && { hint }),
      ...(position && { position }),
    });
  }
  const exitCode = await execute(
    report,
    () => runPlaybooks(run, playbook, flags.positionals, origin),
    code => origin && !isJson(flags) && offerResume(code, run, flags, argv),
  );
  if (settings.flag('retryFiles'))
    writeRetryFile(run, playbook.file, settings.paths('retryFilesPath', '\n')[0]);
  return exitCode;
}

/** What decides the run, for its journal. With --resume it names the earlier run. */
function withOrigin({ filesRead, settings }: Session, run: Run, flags: Parsed): RunOrigin | undefined {
  const { sum, emit } = run;
  if (!sum) {
    if (flags.has('resume'))
      throw new UsageError('--resume: no runs are kept here, so there is none to go on from');
    return undefined;
  }
  const made = { inventory: inventorySources(flags, settings), read: filesRead };
  const origin = originOf(run, flags, made, sum);
  filesRead.follow((file, content) => emit({ type: 'file-read', file, sum: sum(content) }));
  if (!flags.has('resume')) return origin;
  const { id, earlier } = runToResume(flags, origin, sum, emit);
  run.earlier = earlier;
  return { ...origin, resumes: id };
}

const MAY_RESUME: readonly number[] = [EXIT.failed, EXIT.unreachable, EXIT.interrupted];

/** How to continue a run that hosts or the operator ended. After a mistake in a file --resume would refuse. */
function offerResume(exitCode: number, run: Run, flags: Parsed, argv: readonly string[]): void {
  if (!MAY_RESUME.includes(exitCode) || run.options.checkMode) return;
  // The command line may hold a secret: it is not shown again.
  const isShown = flags.texts('extra-vars').every(given => given.startsWith('@'));
  const words = ['polarplay', ...argv.filter(word => word !== '--resume'), '--resume'].map(shellWord);
  const how = isShown ? words.join(' ') : 'the same command with --resume';
  standardOutput.write(visible(`to go on from here: ${how}\n`));
}

/** The hosts that failed, for `--limit @FILE`. */
function writeRetryFile({ hosts }: Run, playbook: string, directory = dirname(playbook)): void {
  const lost = [...hosts.values()].filter(({ status }) => status !== 'active').map(({ name }) => name);
  if (lost.length === 0) return;
  const file = join(directory, `${basename(playbook, extname(playbook))}.retry`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, `${lost.sort().join('\n')}\n`);
  standardOutput.write(`\tto retry, use: --limit @${file}\n\n`);
}

/** Runs. A mistake that shows only during the run is printed after the recap. */
async function execute(
  report: GuardedReport,
  work: () => Promise<{ readonly exitCode: number }>,
  ended: (exitCode: number) => void,
): Promise<number> {
  let exitCode: number;
  try {
    ({ exitCode } = await work());
    report.finish();
    ended(exitCode);
  } catch (error) {
    report.finish();
    process.stderr.write(failureText(error, 'in the run').text);
    exitCode = exitCodeOfRun(error);
  }
  return withReport(exitCode, report);
}

/** From the command line, else from the settings. */
const firstGiven = (given: readonly string[], usual: readonly string[]): readonly string[] =>
  given.length > 0 ? given : usual;

const tagList = (texts: readonly string[], fallback: readonly string[]): readonly string[] => {
  const tags = texts
    .flatMap(text => text.split(','))
    .map(tag => tag.trim())
    .filter(Boolean);
  return tags.length > 0 ? tags : fallback;
};
