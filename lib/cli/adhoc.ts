import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runPlaybooks } from '../engine/run-playbooks.ts';
import { AdhocReport } from '../report/adhoc.ts';
import { choosePaint } from '../report/style.ts';
import { UsageError } from '../source/errors.ts';
import { type Flags, flagsHelp, parseFlags } from './flags.ts';
import { HOST_FLAGS } from './playbook-flags.ts';
import { openSession } from './session.ts';

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
  const session = await openSession(flags);
  const report = new AdhocReport(process.stdout, choosePaint(process.stdout.isTTY === true, process.env));
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-'));
  try {
    const run = session.createRun(event => report.on(event), {
      checkMode: flags.has('check'),
      diffMode: flags.has('diff'),
      tags: ['all'],
      skipTags: [],
      roles: [],
      startAtTask: undefined,
      forceHandlers: false,
      step: false,
    });
    session.checkLimit();
    const file = join(dir, 'command-line.yml');
    writeFileSync(file, playText(pattern, flags.text('module-name') ?? 'command', flags.text('args')));
    const playbook = run.loader.loadPlaybook([file]);
    const { exitCode } = await runPlaybooks(run, playbook, [file]);
    return exitCode;
  } finally {
    rmSync(dir, { recursive: true, force: true });
    await session.close();
  }
}

/** The play as YAML; arguments in JSON become a mapping, others stay free-form text. */
function playText(pattern: string, module: string, args: string | undefined): string {
  const parsed = args?.trim().startsWith('{') ? (JSON.parse(args) as object) : (args ?? {});
  return stringify([
    { hosts: pattern, gather_facts: false, name: 'Ansible Ad-Hoc', tasks: [{ [module]: parsed }] },
  ]);
}
