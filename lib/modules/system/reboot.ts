import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Reply,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { ask, type Records } from '../kit/reply.ts';
import { quotedWords } from '../kit/sh.ts';

const args = Type.Object({
  msg: A.str('Message to users before the reboot.', { default: 'Reboot initiated by Ansible' }),
  pre_reboot_delay: A.int('Seconds between the message and the reboot; counted in whole minutes.', {
    default: 0,
    aliases: ['pre_reboot_delay_sec'],
  }),
  post_reboot_delay: A.int('Seconds to wait after the command before looking for the host.', {
    default: 0,
    aliases: ['post_reboot_delay_sec'],
  }),
  reboot_timeout: A.int('Seconds to wait for the host to come back, and again for test_command.', {
    default: 600,
    aliases: ['reboot_timeout_sec'],
  }),
  connect_timeout: A.opt(
    A.int('Accepted; the limit of a single attempt is the one of the connection.', {
      aliases: ['connect_timeout_sec'],
    }),
  ),
  test_command: A.str('Command that must succeed before the host counts as ready.', { default: 'whoami' }),
  boot_time_command: A.str('Command whose output differs after a reboot.', {
    default: 'cat /proc/sys/kernel/random/boot_id',
  }),
  reboot_command: A.opt(
    A.str('Command that reboots the host; delays before it and the message do not count then.'),
  ),
  search_paths: A.list('Where to look for the shutdown program.', {
    default: ['/sbin', '/bin', '/usr/sbin', '/usr/bin', '/usr/local/sbin'],
  }),
});

type Args = Static<typeof args>;

/**
 * Starts the reboot behind the back of the connection, so that its end cannot be taken for a failure. What the command
 * says goes into a file: a host that refuses to reboot is noticed at once, not when time is up.
 */
function startScript(args: Args): string {
  const minutes = Math.floor(Math.max(0, args.pre_reboot_delay) / 60);
  const [program = 'shutdown', ...words] = (args.reboot_command ?? 'shutdown').split(' ');
  const search = args.search_paths.map(dir => quote(`${dir}/${program}`)).join(' ');
  const fallback =
    args.reboot_command === undefined ? args.search_paths.map(dir => quote(`${dir}/reboot`)).join(' ') : '';
  const rest =
    args.reboot_command === undefined
      ? `-r ${minutes === 0 ? 'now' : `+${minutes}`} ${quote(args.msg)}`
      : quotedWords(words.join(' '));
  const find = program.startsWith('/')
    ? `c=${quote(program)}`
    : `c=; for f in ${search}; do [ -x "$f" ] && { c=$f; break; }; done`;
  const plain =
    fallback === ''
      ? ''
      : `[ -n "$c" ] || for f in ${fallback}; do [ -x "$f" ] && { c=$f; set --; break; }; done\n`;
  return `set -- ${rest}
${find}
${plain}[ -n "$c" ] || { echo ${quote(`Unable to find command "${program}" in search paths: ${args.search_paths.join(', ')}`)} >&2; exit 96; }
o=$(mktemp) || exit $?
export c o
run='sleep 1; "$c" "$@" >"$o" 2>&1; echo "rc $?" >>"$o"'
if command -v setsid >/dev/null 2>&1; then setsid sh -c "$run" sh "$@" </dev/null >/dev/null 2>&1 &
else nohup sh -c "$run" sh "$@" </dev/null >/dev/null 2>&1 & fi
echo "$o"`;
}

/** Asks a host that may vanish meanwhile; undefined when it does. */
function* askHost<T extends Reply | Records>(asking: Steps<T>): Steps<T | undefined> {
  try {
    const reply = yield* asking;
    return reply.timedOut ? undefined : reply;
  } catch (error) {
    if (error instanceof ModuleError) throw error;
    return undefined;
  }
}

function* waitForBoot(args: Args, before: string, output: string, end: number): Steps<void> {
  const left = () => Math.max(0, Math.ceil((end - Date.now()) / 1000));
  while (left() > 0) {
    const back = yield { kind: 'reconnect', delay: 0, timeout: left() };
    if (back.rc !== 0) break;
    const script = `begin now; (${args.boot_time_command}\n)\nbegin said; cat ${quote(output)} 2>/dev/null; :`;
    const reply = yield* askHost(ask(script, { timeout: 20 }));
    const [now, said] = [reply?.text('now') ?? '', reply?.text('said') ?? ''];
    if (reply?.rc === 0 && now.trim() !== '' && now.trim() !== before) return;
    const failed = /^rc ([1-9]\d*)$/m.exec(said);
    if (failed) {
      const error = said.replace(/^rc \d+$/m, '').trim() || `exit code ${failed[1]}`;
      throw new ModuleError(`Reboot command failed. Error was: '${error}'`, { rebooted: false });
    }
    yield { kind: 'sleep', seconds: 2 };
  }
  throw new ModuleError(`Timed out waiting for last boot time check (timeout=${args.reboot_timeout})`, {
    rebooted: true,
  });
}

function* waitForTest(args: Args): Steps<void> {
  const end = Date.now() + args.reboot_timeout * 1000;
  let said = '';
  do {
    const reply = yield* askHost(sh(args.test_command, { timeout: 20 }));
    if (reply?.rc === 0) return;
    said = reply ? (reply.stderr || reply.stdout).trim() : 'no answer';
    yield { kind: 'sleep', seconds: 1 };
    if (!reply)
      yield { kind: 'reconnect', delay: 0, timeout: Math.max(1, Math.ceil((end - Date.now()) / 1000)) };
  } while (Date.now() < end);
  throw new ModuleError(
    `Timed out waiting for post-reboot test command (timeout=${args.reboot_timeout}): ${said}`,
    { rebooted: true },
  );
}

const REFUSAL = 'Running reboot with local connection would reboot the control node.';

function* run(args: Args, ctx: ModuleContext): Steps<Result> {
  if (ctx.connectionKind === 'local') throw new ModuleError(REFUSAL, { elapsed: 0, rebooted: false });
  const before = yield* sh(args.boot_time_command);
  if (before.rc !== 0)
    throw new ModuleError(
      `reboot: failed to get host boot time info, rc: ${before.rc}, stdout: ${before.stdout}, stderr: ${before.stderr}`,
      { rebooted: false },
    );
  const start = Date.now();
  const begun = yield* sh(startScript(args));
  if (begun.rc !== 0)
    throw new ModuleError(begun.stderr.trim() || 'Reboot command failed', { rebooted: false, rc: begun.rc });
  yield { kind: 'sleep', seconds: 3 + Math.max(0, args.post_reboot_delay) };
  yield* waitForBoot(args, before.stdout.trim(), begun.stdout.trim(), start + args.reboot_timeout * 1000);
  yield* waitForTest(args);
  return { changed: true, rebooted: true, elapsed: Math.floor((Date.now() - start) / 1000) };
}

export const reboot = defineAction({
  name: 'reboot',
  summary: 'Reboots the host and waits until it is back.',
  examples: `
- name: Reboot, and wait until the host answers again
  reboot: {reboot_timeout: 900, msg: Kernel upgrade}
`,
  args,
  returns: { rebooted: 'Whether the host was rebooted.', elapsed: 'Seconds it took.' },
  differences: [
    'A reboot command that fails ends the task at once with its message.',
    'The reboot is begun in the background, a second after the command was accepted.',
  ],
  run,
  *check(_, ctx) {
    if (ctx.connectionKind === 'local') throw new ModuleError(REFUSAL, { elapsed: 0, rebooted: false });
    return { changed: true, rebooted: true, elapsed: 0 };
  },
});
