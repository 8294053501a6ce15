import { didYouMean } from '../../source/suggest.ts';
import { type Become, BecomeError } from '../connection.ts';
import { shellWord } from './script.ts';

const METHODS: readonly Become['method'][] = ['sudo', 'su', 'doas'];

/** The method that a name stands for, with or without its collection; undefined when there is no such method. */
export function becomeMethod(name: string): Become['method'] | undefined {
  const bare = name.trim().replace(/^(ansible\.builtin|ansible\.legacy|community\.general)\./, '');
  return METHODS.find(method => method === bare);
}

/** Says that there is no such method, and which there are. */
export function noBecomeMethod(name: string): { readonly message: string; readonly hint: string } {
  return {
    message: `there is no become method "${name}"`,
    hint: didYouMean(name, METHODS) ?? 'sudo, su or doas',
  };
}

/** How to start a program as another user, and how to read what sudo, su or doas say on the way. */
export interface BecomeCommand {
  readonly command: string;
  /** True when the text on stderr or stdout so far ends in a request for the password. */
  asksPassword(said: string): boolean;
  readonly password: string | undefined;
}

/** Wraps `program`, a command line for `sh`, so that it runs as `become.user`. `token` marks sudo's prompt. */
export function becomeCommand(become: Become, program: string, token: string): BecomeCommand {
  switch (become.method) {
    case 'sudo':
      return sudo(become, program, token);
    case 'su':
      return su(become, program);
    case 'doas':
      return doas(become, program);
  }
}

/** doas reads a password from a terminal only, so it can be used where it asks for none. */
function doas(become: Become, program: string): BecomeCommand {
  const words = [become.executable ?? 'doas', ...splitFlags(become.flags ?? '-n'), '-u', become.user];
  return {
    command: `${words.map(shellWord).join(' ')} /bin/sh -c ${shellWord(program)}`,
    asksPassword: () => false,
    password: undefined,
  };
}

function sudo(become: Become, program: string, token: string): BecomeCommand {
  const wanted = splitFlags(become.flags ?? '-H -S -n');
  const hasPassword = become.password !== undefined;
  const flags = hasPassword ? wanted.flatMap(withoutNonInteractive) : wanted;
  if (!flags.some(flag => /^-[A-Za-z]*S|^--stdin$/.test(flag))) flags.push('-S');
  const prompt = `${token}password:`;
  const words = [become.executable ?? 'sudo', ...flags, '-p', prompt, '-u', become.user];
  return {
    command: `${words.map(shellWord).join(' ')} /bin/sh -c ${shellWord(program)}`,
    asksPassword: said => said.includes(prompt),
    password: become.password,
  };
}

function su(become: Become, program: string): BecomeCommand {
  const flags = splitFlags(become.flags ?? '');
  const shell = flags.some(flag => /^(-s|--shell)/.test(flag)) ? [] : ['-s', '/bin/sh'];
  const words = [become.executable ?? 'su', ...flags, ...shell, become.user, '-c', program];
  return {
    command: words.map(shellWord).join(' '),
    asksPassword: said => PASSWORD_PROMPT.test(said.slice(-LONGEST_PROMPT)),
    password: become.password,
  };
}

/** A prompt is short; a host may print much before it. */
const LONGEST_PROMPT = 200;

/** What su's library asks, in the languages it speaks. */
const PASSWORD_PROMPT =
  /(pass(word|wd|wort|phrase)|mot de passe|contraseña|contrasenya|senha|wachtwoord|parola|adgangskode|passord|lösenord|salasana|hasło|heslo|jelszó|lozinka|geslo|парол|şifre|密码|密碼|パスワード|암호)[^\n]*[:：][ \t]*$/i;

function splitFlags(flags: string): string[] {
  return flags.split(/\s+/).filter(Boolean);
}

function withoutNonInteractive(flag: string): string[] {
  if (flag === '-n' || flag === '--non-interactive') return [];
  return [/^-[A-Za-z]+$/.test(flag) ? flag.replace('n', '') : flag].filter(f => f !== '-');
}

const REASONS: readonly (readonly [RegExp, (become: Become) => string])[] = [
  [
    /must have a tty|no tty present|terminal is required|must be run from a terminal/i,
    b => `${b.method} insists on a terminal (requiretty); allow it without one to become ${b.user}`,
  ],
  [
    // doas says nothing else where its configuration asks for a password and -n forbids it.
    /a tty is required|authentication required/i,
    b =>
      `${b.method} asks for a password at a terminal to become ${b.user}; allow it with nopass in doas.conf`,
  ],
  [
    /password is required|authentication is required/i,
    b =>
      `a password is needed to become ${b.user} with ${b.method}; give one with --ask-become-pass (-K) or ansible_become_password`,
  ],
  [
    /try again|incorrect password|authentication fail|permission denied|sorry\b(?!, user)/i,
    b => `the password to become ${b.user} with ${b.method} was refused`,
  ],
  [
    /not in the sudoers file/i,
    b => `the login user may not use sudo (not in the sudoers file) to become ${b.user}`,
  ],
  [
    /not allowed to (execute|run)|may not run/i,
    b => `${b.method} does not allow the login user to run a shell as ${b.user}`,
  ],
  [
    /operation not permitted/i,
    b => `${b.method} does not permit the login user to become ${b.user} (${b.method}.conf)`,
  ],
  [/doas is not enabled/i, () => 'doas is not configured: there is no /etc/doas.conf'],
  [/unknown user|does not exist|no passwd entry|invalid user/i, b => `there is no user ${b.user} to become`],
  [/not found|no such file/i, b => `${b.executable ?? b.method} is not installed`],
];

/** Says in one sentence why becoming another user failed, from what the program printed before it gave up. */
export function becomeFailure(host: string, become: Become, said: string): BecomeError {
  const reason = REASONS.find(([pattern]) => pattern.test(said));
  const last = said.trim().split('\n').at(-1)?.trim() ?? '';
  const text = reason
    ? reason[1](become)
    : `${become.method} did not start a shell as ${become.user}${last ? `: ${last}` : ''}`;
  return new BecomeError(host, text);
}

/** The password was asked for and there is none. */
export function passwordMissing(host: string, become: Become): BecomeError {
  return becomeFailure(host, become, 'password is required');
}

/** The password was asked for once more: it was wrong. */
export function passwordRefused(host: string, become: Become): BecomeError {
  return becomeFailure(host, become, 'try again');
}
