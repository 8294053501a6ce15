import { A, Type } from './args.ts';
import { defineAction, ModuleError, quote, sh } from './module.ts';

const args = Type.Object({
  name: A.str('What is locked.', { default: 'cluster' }),
  state: A.choice(['held', 'free'], 'Take it, or give it back.'),
  owner: A.str('Who holds it, for the message others get.', { default: 'a run of polarplay' }),
  wait: A.int('Seconds to wait for another run to end.', { default: 90 }),
  grace: A.int(
    'Seconds it stays taken after a runner that holds it has died, for work that goes on without it.',
    {
      default: 60,
    },
  ),
});
type Args = Type.Static<typeof args>;

export const polardbLock = defineAction({
  name: 'polardb_lock',
  summary:
    'Takes a lock on a host so that two runs do not do the same dangerous thing; it ends with the run that holds it.',
  args,
  returns: {},

  *run(wish) {
    const reply = yield* sh(wish.state === 'held' ? takeScript(wish) : freeScript(wish), {
      timeout: wish.wait + 30,
    });
    if (reply.rc === 75) {
      throw new ModuleError(
        `another run is at work: ${reply.stderr.trim()}. Wait for its end, then run again.`,
      );
    }
    if (reply.rc !== 0) throw new ModuleError(`cannot lock: ${reply.stderr.trim()}`, { rc: reply.rc });
    return { changed: false };
  },

  *check() {
    return { changed: false };
  },
});

/**
 * A process of its own holds the lock as long as the shell of this connection lives, and a while longer: the connection
 * ends with the runner, even when that is killed.
 */
function takeScript({ name, owner, wait, grace }: Args): string {
  return `
file=/run/polar/${quote(name)}.lock
mkdir -p /run/polar || exit 1
shell=$$
holder() {
  while kill -0 "$shell" 2>/dev/null; do sleep 1 9>&-; done
  sleep ${grace} 9>&-
  rm -f "$file.pid" "$file.owner"
}
exec 9>>"$file"
flock -w ${wait} 9 || { cat "$file.owner" >&2; exit 75; }
printf '%s\\n' ${quote(owner)} >"$file.owner"
holder </dev/null >/dev/null 2>&1 &
echo $! >"$file.pid"
`;
}

function freeScript({ name }: Args): string {
  return `
file=/run/polar/${quote(name)}.lock
[ -e "$file.pid" ] || exit 0
kill "$(cat "$file.pid")" 2>/dev/null
rm -f "$file.pid" "$file.owner"
exit 0
`;
}
