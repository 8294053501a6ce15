import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants as system, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, type Parsed, parseFlags } from '../../source/flags.ts';
import { entryOf } from '../../source/record.ts';
import { replaceFile } from '../../source/replace-file.ts';
import { isVault, Vault, type VaultSecret } from '../../source/vault.ts';
import { terminalOperator } from '../operator.ts';
import { loadSettings, type Settings } from '../settings.ts';
import { passwordFrom, VAULT_FLAGS, vaultOptions, vaultSecrets } from '../vault-secrets.ts';

const FLAGS = {
  ...VAULT_FLAGS,
  'encrypt-vault-id': { value: 'ID', help: 'Which of several passwords to encrypt with.' },
  'new-vault-id': {
    value: 'ID@SOURCE',
    help: 'rekey: the new password and its label; the label stays if not given.',
  },
  'new-vault-password-file': { value: 'FILE', help: 'rekey: file or program that holds the new password.' },
  name: { short: 'n', value: 'NAME', help: 'encrypt-string: the variable to print it as.' },
  output: { value: 'FILE', help: 'Write here instead of in place; "-" is standard output.' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay vault encrypt|decrypt|view|edit|rekey FILE…   files in ansible-vault's format
polarplay vault encrypt-string [--name NAME] [TEXT]      a value for a YAML file

${flagsHelp(FLAGS)}

Without TEXT, encrypt-string reads standard input, so that the secret is in no argument list.
`;

/** `polarplay vault`: encrypts and decrypts files and values; files are replaced atomically and keep owner, mode and link. */
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
  const settings = loadSettings(process.env, process.cwd());
  const secrets = await secretsFor(flags, settings, command);
  await work(new Vault(secrets, vaultOptions(settings)), words, flags);
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

async function secretsFor(flags: Parsed, settings: Settings, command: string): Promise<VaultSecret[]> {
  const operator = terminalOperator(process.stdin, process.stderr);
  const secrets = await vaultSecrets(flags, settings, operator);
  if (secrets.length > 0) return secrets;
  const ask = (prompt: string) => operator.ask(prompt, { secret: true });
  const password = await ask(command.startsWith('encrypt') ? 'New Vault password' : 'Vault password');
  if (command.startsWith('encrypt') && (await ask('Confirm New Vault password')) !== password) {
    throw new UsageError('the two passwords differ');
  }
  return [{ id: 'default', password: Buffer.from(password) }];
}

async function eachFile(
  files: readonly string[],
  work: (file: string) => void | Promise<void>,
): Promise<void> {
  if (files.length === 0) throw new UsageError('which file?', 5);
  for (const file of files) await work(file);
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
  return vault.encrypt(content, vault.secretFor(flags.text('encrypt-vault-id')));
}

function opened(vault: Vault, file: string): ReturnType<Vault['open']> {
  const content = read(file);
  if (!isVault(content)) throw new UsageError(`"${file}" is not encrypted`);
  return vault.open(content.toString('utf8'), { file, line: 1, col: 1 });
}

const decrypted = (vault: Vault, file: string): Buffer => opened(vault, file).content;

function write(file: string, flags: Parsed, content: string | Buffer): void {
  const named = flags.text('output') ?? file;
  if (named === '-') process.stdout.write(content);
  else replaceFile(named, content);
}

/** A folder in memory, so that plain text never reaches a disk, if the machine has one. */
function privateFolder(): string {
  const places = [process.env['XDG_RUNTIME_DIR'], '/dev/shm', tmpdir()];
  const place = places.find(dir => dir !== undefined && isWritable(dir)) ?? tmpdir();
  return mkdtempSync(join(place, 'polarplay-vault-'));
}

function isWritable(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function edit(vault: Vault, file: string, flags: Parsed): Promise<void> {
  const { content: before, secret } = opened(vault, file);
  const chosen = flags.text('encrypt-vault-id');
  const next = chosen === undefined ? secret : vault.secretFor(chosen);
  const dir = privateFolder();
  const forget = () => rmSync(dir, { recursive: true, force: true });
  try {
    const copy = join(dir, basename(file));
    writeFileSync(copy, before, { mode: 0o600 });
    await runEditor(copy, forget);
    const after = readFileSync(copy);
    if (!after.equals(before)) write(file, flags, vault.encrypt(after, next));
  } finally {
    forget();
  }
}

/** Runs the editor. A signal that ends this program also ends the editor and removes the plain text. */
function runEditor(file: string, forget: () => void): Promise<void> {
  const [program = 'vi', ...args] = (process.env['EDITOR'] ?? 'vi').split(/\s+/);
  const child = spawn(program, [...args, file], { stdio: 'inherit' });
  const stop = (signal: NodeJS.Signals) => {
    child.kill(signal);
    forget();
    process.exit(128 + system.signals[signal]);
  };
  // The terminal sends Ctrl-C to the editor itself.
  const stay = () => {};
  process.on('SIGTERM', stop).on('SIGHUP', stop).on('SIGINT', stay);
  return new Promise<void>((done, failed) => {
    child.on('error', error => failed(new UsageError(`can't run the editor "${program}": ${error.message}`)));
    child.on('close', (code, signal) =>
      code === 0
        ? done()
        : failed(
            new UsageError(`the editor "${program}" ended with ${signal ?? code}; the file stays as it was`),
          ),
    );
  }).finally(() => process.off('SIGTERM', stop).off('SIGHUP', stop).off('SIGINT', stay));
}

/** A new password. Each file keeps its label unless a flag gives another. */
async function rekey(vault: Vault, files: readonly string[], flags: Parsed): Promise<void> {
  if (files.length === 0) throw new UsageError('which file?', 5);
  const texts = files.map(file => [file, opened(vault, file)] as const);
  const { id, password } = await newSecret(flags);
  for (const [file, { content, secret }] of texts)
    write(file, flags, vault.encrypt(content, { id: id ?? secret.id, password }));
}

async function newSecret(
  flags: Parsed,
): Promise<{ readonly id: string | undefined; readonly password: Buffer }> {
  const operator = terminalOperator(process.stdin, process.stderr);
  const [text, file] = [flags.text('new-vault-id'), flags.text('new-vault-password-file')];
  const at = text?.indexOf('@') ?? -1;
  const label = at > 0 ? text!.slice(0, at) : undefined;
  const source = file ?? text?.slice(at + 1) ?? 'prompt';
  if (source !== 'prompt')
    return { id: label, password: await passwordFrom(source, label ?? 'default', operator) };
  const password = await operator.ask('New Vault password', { secret: true });
  if ((await operator.ask('Confirm New Vault password', { secret: true })) !== password) {
    throw new UsageError('the two passwords differ');
  }
  return { id: label, password: Buffer.from(password) };
}

function encryptString(vault: Vault, words: readonly string[], flags: Parsed): void {
  const text = words.length > 0 ? Buffer.from(words.join(' ')) : readFileSync(0);
  const lines = vault
    .encrypt(text, vault.secretFor(flags.text('encrypt-vault-id')))
    .trimEnd()
    .split('\n');
  const name = flags.text('name');
  const head = name === undefined ? '!vault |' : `${name}: !vault |`;
  process.stdout.write(`${head}\n${lines.map(line => `          ${line}`).join('\n')}\n`);
}
