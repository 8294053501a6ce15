import { type LintFinding, lintPlaybook } from '../../playbook/lint.ts';
import { SourceError, SourceErrors, UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, parseFlags } from '../../source/flags.ts';
import { jsonText } from '../../source/json.ts';
import { formatSourceError } from '../../source/render.ts';
import { readIfThere } from '../failure.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';
import { openSession, type Session } from '../session.ts';
import { VAULT_FLAGS } from '../vault-secrets.ts';

const FLAGS = {
  inventory: HOST_FLAGS.inventory,
  'extra-vars': HOST_FLAGS['extra-vars'],
  skip: { value: 'RULES', multiple: true, help: 'Rules to leave out, by name.' },
  format: { value: 'FORMAT', help: 'text (default) or json.' },
  ...VAULT_FLAGS,
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay lint PLAYBOOK…: mistakes and style findings

${flagsHelp(FLAGS)}

Each finding has file:line:col, a code and advice. Exit code 2 when there are any, 0 when there are none.
`;

interface Entry {
  readonly code: string;
  readonly text: string;
  readonly error: SourceError;
}

/** `polarplay lint`: contacts no host. */
export async function runLintCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(HELP);
    return 0;
  }
  if (flags.positionals.length === 0) throw new UsageError('which playbook? polarplay lint PLAYBOOK…', 5);
  const session = await openSession(flags);
  try {
    const skipped = new Set(flags.texts('skip').flatMap(text => text.split(',')));
    const entries = flags.positionals
      .flatMap(file => lintFile(session, file))
      .filter(({ code }) => !skipped.has(code));
    if (flags.text('format') === 'json') printJson(entries);
    else printText(entries);
    return entries.length > 0 ? 2 : 0;
  } finally {
    await session.close();
  }
}

/** What lint finds in one playbook; a playbook with mistakes gives only those. */
export function lintFile(session: Session, file: string): Entry[] {
  try {
    const { inventory, templar, createLoader } = session;
    const doubtful: SourceError[] = [];
    const warn = (mistake: SourceError) => void doubtful.push(mistake);
    const playbook = createLoader([file], { warn }).loadPlaybook([file]);
    const inventoryNames = new Set([...session.extraVars.vars.keys()].map(String));
    for (const host of inventory.hosts.keys()) {
      for (const { vars } of inventory.layers(host, [playbook.dir]))
        for (const name of vars.keys()) inventoryNames.add(String(name));
    }
    const findings = lintPlaybook(playbook, { templar, inventoryNames });
    return [...doubtful.map(errorEntry), ...findings.map(findingEntry)];
  } catch (error) {
    if (error instanceof SourceErrors) return error.errors.map(errorEntry);
    if (error instanceof SourceError) return [errorEntry(error)];
    throw error;
  }
}

const errorEntry = (error: SourceError): Entry => ({ code: error.code, text: error.message, error });

/** Shown like a mistake, with the rule's name instead of the code. */
function findingEntry({ rule, at, message, advice }: LintFinding): Entry {
  return { code: rule, text: message, error: new SourceError('BAD_VALUE', message, at, advice) };
}

function printText(entries: readonly Entry[]): void {
  for (const { code, error } of entries) {
    process.stdout.write(`${formatSourceError(error, readIfThere).replace(error.code, code)}\n`);
  }
  process.stdout.write(
    entries.length === 0 ? 'nothing to complain about\n' : `\n${entries.length} findings\n`,
  );
}

function printJson(entries: readonly Entry[]): void {
  const findings = entries.map(({ code, error }) => ({
    code,
    message: error.message,
    advice: error.hint ?? null,
    ...error.position,
  }));
  process.stdout.write(`${jsonText(findings, 2)}\n`);
}
