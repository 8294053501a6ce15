import type { Channel, OpenChannel } from '../channel.ts';
import { type Become, BecomeError, ConnectionError } from '../connection.ts';
import { countdown } from '../countdown.ts';
import { becomeCommand, becomeFailure, passwordMissing, passwordRefused } from './become.ts';
import { randomToken } from './framing.ts';
import { shellWord } from './script.ts';

export interface LaunchOptions {
  readonly host: string;
  readonly open: OpenChannel;
  readonly become: Become | undefined;
  readonly timeoutMs: number;
  /** The POSIX shell there, `/bin/sh` when not given. */
  readonly shell?: string;
}

export interface Launched {
  readonly channel: Channel;
  /** The process that runs the line. */
  readonly pid: number;
  readonly isBash: boolean;
}

/**
 * Starts `line` (one line of POSIX sh) on a host, as another user when asked, past whatever login scripts, sudo
 * and su print before it. The line travels on stdin: no quoting meets the login shell, nothing shows in an argument
 * list. The channel is handed over with nothing of the line's output read.
 */
export async function launch(line: string, options: LaunchOptions): Promise<Launched> {
  const token = randomToken();
  // The greeting is in two parts, so that a message that quotes the command is not taken for it.
  const greet = `printf "%s%s %s %s\\n" ${token.slice(0, 3)} ${token.slice(3)} $$ "\${BASH_VERSION:+bash}"`;
  // Only a marked line is run: a password that su did not ask for after all would be read as one.
  const program = `${greet}; while IFS= read -r _l; do case $_l in "~ "*) eval "\${_l#??}"; exit ;; esac; done`;
  const become = options.become && becomeCommand(options.become, program, token.slice(0, 12));
  const shell = options.shell ?? '/bin/sh';
  const channel = await options.open(`exec ${become?.command ?? `${shell} -c ${shellWord(program)}`}`);
  const greeting = new RegExp(`${token} (\\d+) (\\w*)\\n`);

  return new Promise<Launched>((resolve, reject) => {
    let said = '';
    let passwordSent = false;
    let settled = false;
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      stop();
      channel.output.off('data', onOutput).pause();
      channel.errors.off('data', onErrors).pause();
      return true;
    };
    const fail = (error: Error): void => {
      if (!settle()) return;
      channel.destroy();
      reject(error);
    };
    const answerPrompt = (): void => {
      if (!become?.asksPassword(said) || !options.become) return;
      if (become.password === undefined) fail(passwordMissing(options.host, options.become));
      else if (passwordSent) fail(passwordRefused(options.host, options.become));
      else {
        passwordSent = true;
        said = '';
        channel.input.write(`${become.password}\n`);
      }
    };
    const hear = (chunk: Buffer): void => {
      said = (said + chunk.toString('utf8')).slice(-8192);
    };
    const onErrors = (chunk: Buffer): void => {
      hear(chunk);
      answerPrompt();
    };
    const onOutput = (chunk: Buffer): void => {
      hear(chunk);
      const greeted = greeting.exec(said);
      if (!greeted) answerPrompt();
      if (!greeted || !settle()) return;
      channel.input.write(`~ ${line}\n`);
      resolve({ channel, pid: Number(greeted[1]), isBash: greeted[2] === 'bash' });
    };
    const stop = countdown(options.timeoutMs, () => fail(silence(options, said)));
    channel.output.on('data', onOutput).resume();
    channel.errors.on('data', onErrors).resume();
    void channel.ended.then(end => fail(end.kind === 'lost' ? end.error : ending(options, end.rc, said)));
  });
}

function silence(options: LaunchOptions, said: string): Error {
  const seconds = options.timeoutMs / 1000;
  if (options.become) {
    const { method, user } = options.become;
    const text = `${method} did not start a shell as ${user} within ${seconds} s${lastWords(said)}`;
    return new BecomeError(options.host, text);
  }
  return new ConnectionError(
    options.host,
    `the login shell did not start /bin/sh within ${seconds} s${lastWords(said)}`,
    'a login script that waits for input would do that',
  );
}

function ending(options: LaunchOptions, rc: number, said: string): Error {
  if (options.become) return becomeFailure(options.host, options.become, said);
  return new ConnectionError(
    options.host,
    `the login shell ended (exit code ${rc}) instead of running /bin/sh${lastWords(said)}`,
    'the account needs a shell that runs commands, and a login script that does not exit',
  );
}

function lastWords(said: string): string {
  const last = said.trim().split('\n').at(-1)?.trim();
  return last ? `; it said: ${last}` : '';
}
