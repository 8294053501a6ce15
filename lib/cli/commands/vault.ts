import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, type Parsed, parseFlags } from '../../source/flags.ts';
import { entryOf } from '../../source/record.ts';
import { isVault, Vault, type VaultSecret } from '../../source/vault.ts';
import { terminalOperator } from '../operator.ts';
import { loadSettings } from '../settings.ts';
import { VAULT_FLAGS, vaultSecrets } from '../vault-secrets.ts';

const FLAGS = {
  ...VAULT_FLAGS,
  'encrypt-vault-id': { value: 'ID', help: 'Which of several passwords to encrypt with.' },
  name: { short: 'n', value: 'NAME', help: 'encrypt-string: the variable to print it as.' },
  output: { value: 'FILE', help: 'Write here instead of in place; "-" is standard output.' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay vault encrypt|decrypt|view|edit|rekey FILE…   files in ansible-vault's format
polarplay vault encrypt-string [--name NAME] [TEXT]      a value for a YAML file

${flagsHelp(FLAGS)}

Without TEXT, encrypt-string reads standard input, so that the secret is in no argument list.
`;

/** `polarplay vault`: encrypts and decrypts files and values; files are replaced atomically and keep their mode. */
export async function runVaultCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  const [command, ...words] = flags.positionals;
  if (flags.has('help') || command === undefined) {
    process.stdout.write(HELP);
    return flags.has('help') ? 0 : 5;
  }
  const work = entryOf(COMMANDS, command);
  if (!work)
    throw new UsageError(
      `vault has no command "${command}": encrypt, decrypt, view, edit, rekey, encrypt-string`,
      5,
    );
  const secrets = await secretsFor(flags, command);
  await work(new Vault(secrets), words, flags);
  return 0;
}

type Work = (vault: Vault, words: readonly string[], flags: Parsed) => void | Promise<void>;

const COMMANDS: Readonly<Record<string, Work>> = {
  encrypt: (vault, files, flags) =>
    eachFile(files, file => write(file, flags, encrypted(vault, file, flags))),
  decrypt: (vault, files, flags) => eachFile(files, file => write(file, flags, decrypted(vault, file))),
  view: (vault, files) => eachFile(files, file => void process.stdout.write(decrypted(vault, file))),
  edit: (vault, files, flags) => eachFile(files, file => edit(vault, file, flags)),
  rekey,
  'encrypt-string': encryptString,
  encrypt_string: encryptString,
};

async function secretsFor(flags: Parsed, command: string): Promise<VaultSecret[]> {
  const operator = terminalOperator(process.stdin, process.stderr);
  const secrets = await vaultSecrets(flags, loadSettings(process.env, process.cwd()), operator);
  if (secrets.length > 0) return secrets;
  const ask = (prompt: string) => operator.ask(prompt, { secret: true });
  const password = await ask(command.startsWith('encrypt') ? 'New Vault password' : 'Vault password');
  if (command.startsWith('encrypt') && (await ask('Confirm New Vault password')) !== password) {
    throw new UsageError('the two passwords differ');
  }
  return [{ id: 'default', password: Buffer.from(password) }];
}

function eachFile(files: readonly string[], work: (file: string) => void): void {
  if (files.length === 0) throw new UsageError('which file?', 5);
  for (const file of files) work(file);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch {
    throw new UsageError(`can't read "${file}"`);
  }
}

function encrypted(vault: Vault, file: string, flags: Parsed): string {
  const content = read(file);
  if (isVault(content)) throw new UsageError(`"${file}" is encrypted already`);
  return vault.encrypt(content, flags.text('encrypt-vault-id'));
}

function decrypted(vault: Vault, file: string): Buffer {
  const content = read(file);
  if (!isVault(content)) throw new UsageError(`"${file}" is not encrypted`);
  return vault.decrypt(content.toString('utf8'), { file, line: 1, col: 1 });
}

/** Beside the target and renamed over it: an interrupted write leaves the old file whole. */
function write(file: string, flags: Parsed, content: string | Buffer): void {
  const target = flags.text('output') ?? file;
  if (target === '-') {
    process.stdout.write(content);
    return;
  }
  const mode = statSync(target, { throwIfNoEntry: false })?.mode ?? 0o600;
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.new`);
  writeFileSync(temporary, content, { mode: 0o600 });
  chmodSync(temporary, mode & 0o7777);
  renameSync(temporary, target);
}

function edit(vault: Vault, file: string, flags: Parsed): void {
  const before = decrypted(vault, file);
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-vault-'));
  try {
    const copy = join(dir, basename(file));
    writeFileSync(copy, before, { mode: 0o600 });
    const [program = 'vi', ...args] = (process.env['EDITOR'] ?? 'vi').split(/\s+/);
    execFileSync(program, [...args, copy], { stdio: 'inherit' });
    const after = readFileSync(copy);
    if (!after.equals(before)) write(file, flags, vault.encrypt(after, flags.text('encrypt-vault-id')));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function rekey(vault: Vault, files: readonly string[], flags: Parsed): Promise<void> {
  const contents = files.map(file => [file, decrypted(vault, file)] as const);
  const operator = terminalOperator(process.stdin, process.stderr);
  const password = await operator.ask('New Vault password', { secret: true });
  if ((await operator.ask('Confirm New Vault password', { secret: true })) !== password) {
    throw new UsageError('the two passwords differ');
  }
  const next = new Vault([{ id: 'default', password: Buffer.from(password) }]);
  for (const [file, content] of contents) write(file, flags, next.encrypt(content));
}

function encryptString(vault: Vault, words: readonly string[], flags: Parsed): void {
  const text = words.length > 0 ? Buffer.from(words.join(' ')) : readFileSync(0);
  const lines = vault.encrypt(text, flags.text('encrypt-vault-id')).trimEnd().split('\n');
  const name = flags.text('name');
  const head = name === undefined ? '!vault |' : `${name}: !vault |`;
  process.stdout.write(`${head}\n${lines.map(line => `          ${line}`).join('\n')}\n`);
}
