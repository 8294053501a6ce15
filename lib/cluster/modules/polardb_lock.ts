import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { A, Type } from '../../modules/kit/arguments.ts';
import { defineAction, ModuleError, quote, sh } from '../../modules/kit/define.ts';
import { OWN } from '../../modules/kit/reach.ts';

const args = Type.Object({
  name: A.str('What is locked.', { default: 'cluster' }),
  state: A.choice(['held', 'free'], 'Take it, or give it back.'),
  owner: A.str('What the holder does, for the message others get.', { default: 'a run of polarplay' }),
  wait: A.int('Seconds to wait until it is free.', { default: 90 }),
  queue: A.bool('False does not wait for a run that is alive, only for what a killed one left.', {
    default: true,
  }),
  force: A.bool('Gives it back although another run holds it. Make sure first that this run has ended.', {
    default: false,
  }),
  grace: A.int('Seconds it stays taken after its runner was killed, for work that goes on without it.', {
    default: 60,
  }),
});
type Args = Type.Static<typeof args>;

/** Where the locks are, on the host. */
const DIRECTORY = '/run/polar';

/** This run, by which it knows its own locks. */
const RUN = randomUUID();

export const polardbLock = defineAction({
  name: 'polardb_lock',
  summary:
    'Takes a lock on a host so that two runs do not do the same dangerous thing; it ends with the run that holds it, however that ends.',
  examples: `
- name: Let nobody else operate on the cluster
  polardb_lock:
    name: operation
    state: held
    owner: "upgrade by {{ lookup('env', 'USER') }}"
  delegate_to: st1
`,
  args,
  returns: {},

  *run(args) {
    if (args.state === 'free') {
      const reply = yield* sh(freeScript(DIRECTORY, args.name, args.force ? { force: true } : { run: RUN }));
      if (reply.rc === 77)
        throw new ModuleError(
          `another run holds the lock: ${reply.stderr.trim()}. It ends with that run; \`force: true\` takes it away`,
        );
      if (reply.rc !== 0) throw new ModuleError(`cannot unlock: ${reply.stderr.trim()}`, { rc: reply.rc });
      return { changed: false };
    }
    const by = `${userInfo().username} on ${hostname()} (process ${process.pid})`;
    const reply = yield* sh(takeScript(DIRECTORY, args, by, RUN), { timeout: args.wait + 30, live: true });
    if (reply.rc === 75) {
      throw new ModuleError(
        `another run is at work: ${reply.stderr.trim().split('\n').at(-1)}. Wait for its end, then run again.`,
      );
    }
    if (reply.rc !== 0) throw new ModuleError(`cannot lock: ${reply.stderr.trim()}`, { rc: reply.rc });
    // A part of this run had it already, and gives it back.
    const holder = reply.stdout.trim();
    if (holder === '') return { changed: false };
    if (!/^\d+$/.test(holder)) throw new ModuleError(`cannot lock: no process holds it (${holder})`);
    yield { kind: 'at-end', script: freeScript(DIRECTORY, args.name, { holder }) };
    return { changed: false };
  },

  *check() {
    return { changed: false };
  },
});

/**
 * A process of its own holds the lock as long as the shell of this connection lives, and a while longer: the connection
 * ends with the runner, even when that is killed. A run that ends in order gives it back itself.
 */
export function takeScript(
  directory: string,
  { name, owner, wait, queue, grace }: Pick<Args, 'name' | 'owner' | 'wait' | 'queue' | 'grace'>,
  by: string,
  run: string,
): string {
  return `
file=${quote(`${directory}/${name}.lock`)}
${OWN}
mkdir -p "\${file%/*}" || exit 1
(cd -P "\${file%/*}" && own) || { echo "\${file%/*} can be written by others than root: remove it" >&2; exit 1; }
shell=$$
holder() {
  exec </dev/null >/dev/null 2>&1
  while kill -0 "$shell" 2>/dev/null; do sleep 1 9>&-; done
  echo $(($(date +%s) + ${grace})) >"$file.left"
  sleep ${grace} 9>&-
  rm -f "$file.pid" "$file.owner" "$file.run" "$file.left" "$file.shell"
}
# Whether the runner that has it is gone: the holder tells so a moment later.
gone() { [ -e "$file.left" ] || [ ! -e "/proc/$(cat "$file.shell" 2>/dev/null || echo self)" ]; }
# Who has it, and for how long yet when its runner is gone.
tell() {
  if [ -e "$file.left" ]; then
    echo "$(cat "$file.owner" 2>/dev/null); that run was killed, and what it began may go on: free in $(($(cat "$file.left") - $(date +%s))) s"
  else cat "$file.owner" 2>/dev/null || echo 'a run that does not say who it is'; fi
}
exec 9>>"$file"
[ "$(cat "$file.run" 2>/dev/null)" != ${quote(run)} ] || exit 0
waited=0
until flock -n 9; do
  if [ $waited -ge ${wait} ] || { ${queue ? 'false' : '! gone'} && [ $waited -ge 2 ]; }; then tell >&2; exit 75; fi
  [ $((waited % 5)) -ne 0 ] || echo "waiting for $(tell)" >&2
  sleep 1
  waited=$((waited + 1))
done
rm -f "$file.left"
printf '%s\\n' ${quote(owner)}", by "${quote(by)}", since $(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$file.owner"
printf '%s' ${quote(run)} >"$file.run"
echo "$shell" >"$file.shell"
holder &
echo $! >"$file.pid"
echo $!
`;
}

/** Gives it back: what that process or that run holds, or with `force` whoever holds it. */
export function freeScript(
  directory: string,
  name: string,
  whose: { readonly holder: string } | { readonly run: string } | { readonly force: true },
): string {
  const check =
    'holder' in whose
      ? `[ "$pid" = ${quote(whose.holder)} ] || exit 0`
      : 'run' in whose
        ? `[ "$(cat "$file.run" 2>/dev/null)" = ${quote(whose.run)} ] || { cat "$file.owner" >&2; exit 77; }`
        : '';
  return `
file=${quote(`${directory}/${name}.lock`)}
pid=$(cat "$file.pid" 2>/dev/null) || exit 0
${check}
rm -f "$file.pid" "$file.owner" "$file.run" "$file.left" "$file.shell"
kill "$pid" 2>/dev/null
exit 0
`;
}
