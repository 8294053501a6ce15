import { execFileSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import type { Operator } from '../engine/run.ts';
import { UsageError } from '../source/errors.ts';
import type { Flags, Parsed } from '../source/flags.ts';
import type { VaultOptions, VaultSecret } from '../source/vault.ts';
import type { Settings } from './settings.ts';

/** Flags that say where vault passwords come from. */
export const VAULT_FLAGS = {
  'vault-password-file': {
    value: 'FILE',
    multiple: true,
    aliases: ['vault-pass-file'],
    help: 'File or program that holds the vault password.',
  },
  'vault-id': {
    value: 'ID@SOURCE',
    multiple: true,
    help: 'Vault password with a label; SOURCE is a file, a program or "prompt".',
  },
  'ask-vault-pass': { short: 'J', aliases: ['ask-vault-password'], help: 'Ask for the vault password.' },
} as const satisfies Flags;

/** The vault passwords that flags and settings name, asked for or read. */
export async function vaultSecrets(
  flags: Parsed,
  settings: Settings,
  operator: Operator,
): Promise<VaultSecret[]> {
  const secrets: VaultSecret[] = [];
  for (const text of [...settings.list('vaultIdentityList'), ...flags.texts('vault-id')]) {
    const at = text.indexOf('@');
    const [id, source] = at < 0 ? ['default', text] : [text.slice(0, at) || 'default', text.slice(at + 1)];
    secrets.push({ id, password: await passwordFrom(source, id, operator) });
  }
  const files = flags.texts('vault-password-file');
  for (const file of files.length > 0 ? files : settings.paths('vaultPasswordFile', '\n')) {
    secrets.push({ id: 'default', password: await passwordFrom(file, 'default', operator) });
  }
  if (flags.has('ask-vault-pass') || settings.flag('askVaultPass'))
    secrets.push({ id: 'default', password: await passwordFrom('prompt', 'default', operator) });
  return secrets;
}

/** How the settings want vault passwords to be chosen. */
export const vaultOptions = (settings: Settings): VaultOptions => ({
  encryptWith: settings.text('vaultEncryptIdentity'),
  sameLabel: settings.flag('vaultIdMatch'),
});

export async function passwordFrom(source: string, id: string, operator: Operator): Promise<Buffer> {
  if (source === 'prompt' || source === 'prompt_ask_vault_pass') {
    return Buffer.from(
      await operator.ask(`Vault password${id === 'default' ? '' : ` (${id})`}`, { secret: true }),
    );
  }
  const password = isProgram(source) ? runProgram(source, id) : stripped(readPassword(source));
  if (password.length === 0) throw new UsageError(`the vault password from "${source}" is empty`);
  return password;
}

const SPACE = new Set([...' \t\n\r\v\f'].map(char => char.charCodeAt(0)));

/** Without white space around it, as Python strips bytes: a password is not always text. */
function stripped(bytes: Buffer): Buffer {
  let [start, end] = [0, bytes.length];
  while (start < end && SPACE.has(bytes[start]!)) start++;
  while (end > start && SPACE.has(bytes[end - 1]!)) end--;
  return bytes.subarray(start, end);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A program prints the password; one whose name ends in -client is told the label, as Ansible does it. */
function runProgram(file: string, id: string): Buffer {
  const args = /-client(\.\w+)?$/.test(file) ? ['--vault-id', id] : [];
  try {
    return stripped(execFileSync(file, args, { stdio: ['inherit', 'pipe', 'inherit'], timeout: 60_000 }));
  } catch (error) {
    throw new UsageError(
      `the vault password program "${file}" failed: ${(error as Error).message.split('\n')[0]}`,
    );
  }
}

function readPassword(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new UsageError(`can't read the vault password file "${file}"`);
  }
}
