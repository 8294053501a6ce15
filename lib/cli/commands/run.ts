import { AdhocReport } from '../../report/adhoc.ts';
import { GuardedReport } from '../../report/guarded.ts';
import { choosePaint } from '../../report/style.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, parseFlags } from '../../source/flags.ts';
import { parseJson } from '../../source/json.ts';
import { withReport } from '../failure.ts';
import { runOneTask } from '../one-task.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';
import { openSession } from '../session.ts';
import { standardOutput } from '../standard-output.ts';

const FLAGS = {
  ...HOST_FLAGS,
  'module-name': { short: 'm', value: 'MODULE', help: 'Module to run (default command).' },
  args: { short: 'a', value: 'ARGS', help: 'Its arguments: free-form, name=value words, or JSON.' },
  check: { short: 'C', help: 'Say what would change, without changing it.' },
  diff: { short: 'D', help: 'Show what changes in files.' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay run PATTERN -i INVENTORY [-m MODULE] [-a ARGS]: one task on many hosts

${flagsHelp(FLAGS)}

Examples:
  polarplay run all -i hosts.yaml -a uptime
  polarplay run replicas -i hosts.yaml -b -m systemd -a 'name=polardb state=restarted'
`;

/** `polarplay run PATTERN`: a play of one task, its answers shown host by host. */
export async function runAdhocCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const [pattern, ...rest] = flags.positionals;
  if (pattern === undefined || rest.length > 0)
    throw new UsageError('which hosts? polarplay run PATTERN -i INVENTORY', 5);
  const args = taskArguments(flags.text('args'));
  const session = await openSession(flags, 'warning');
  const report = new GuardedReport(
    new AdhocReport(standardOutput, choosePaint(process.stdout.isTTY === true, process.env)),
  );
  try {
    const task = {
      pattern,
      module: flags.text('module-name') ?? 'command',
      args,
      checkMode: flags.has('check'),
      diffMode: flags.has('diff'),
    };
    return withReport(await runOneTask(session, task, event => report.on(event)), report);
  } finally {
    await session.close();
  }
}

/** Arguments in JSON become a mapping, others stay free-form text. */
function taskArguments(text: string | undefined): string | object {
  if (!text?.trim().startsWith('{')) return text ?? {};
  try {
    return parseJson(text) as object;
  } catch (error) {
    const reason = (error as Error).message.replace(/ in JSON at/, ' at');
    throw new UsageError(`--args ${text}: what begins with "{" must be JSON (${reason})`, 5);
  }
}
