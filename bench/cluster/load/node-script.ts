import { AWAIT_START } from './common-start.ts';
import { COUNT_LATENCIES, SUM_INTERVALS } from './latency.ts';

/**
 * Shell that runs pgbench on a host, with `$1` seconds until it counts as hung, `$2` a line that parts the output, `$3` the
 * time to begin at, `$4` what the log is (`each` transaction or `intervals`), and the command as the other arguments. It prints pgbench's summary, when it began, then what
 * the log says; the progress goes to stderr as it comes. Nothing outlives it: when the way to the one who waits for the result is gone (a killed
 * control machine), or the time is up, a watcher ends pgbench and removes the files.
 */
export const RUN_LOAD = `
limit=$1 cut=$2 start=$3 log=$4; shift 4
${AWAIT_START}
ancestor() {
  above=$$
  while :; do
    above=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$above/status" 2>/dev/null)
    [ "\${above:-0}" -gt 1 ] || return 1
    case $(cat "/proc/$above/comm" 2>/dev/null) in
    sh | dash | bash | ash | ksh | zsh | busybox | su | sudo | doas | runuser | timeout | env) ;;
    *) return 0 ;;
    esac
  done
}
ancestor || above=
here=$(mktemp -d -t polarplay-bench.XXXXXX) || exit 1
trap 'rm -rf "$here"' EXIT
trap 'kill "$load" 2>/dev/null; exit 143' HUP INT TERM
trap '' PIPE
cd "$here" || exit 1
await_start "$start"
"$@" >out & load=$!
date +%s.%N >started
echo "$load" >pid
watch() {
  exec </dev/null >/dev/null 2>&1
  trap - EXIT HUP INT TERM
  left=$limit
  while sleep 1; do
    kill -0 "$load" || exit 0
    left=$((left - 1))
    if [ "$above" ] && [ ! -d "/proc/$above" ]; then gone=1; break; fi
    [ "$left" -gt 0 ] || { echo hung >"$here/hung"; break; }
  done
  kill "$load"; sleep 2; kill -KILL "$load"
  [ -z "$gone" ] || rm -rf "$here"
}
watch & watcher=$!
wait "$load"; rc=$?
[ ! -e hung ] || rc=124
kill "$watcher" 2>/dev/null
cat out; echo; echo "$cut"; cat started; echo; echo "$cut"
case $log in
intervals) cat tx.* 2>/dev/null | ${SUM_INTERVALS} ;;
*) cat tx.* 2>/dev/null | ${COUNT_LATENCIES} ;;
esac
exit $rc
`;

/** How `RUN_LOAD` ends when pgbench did not end by itself. */
export const HUNG = 124;

/**
 * Ends what a killed run left on a node, as the database's user: pgbench, and files. Only folders of this user's own
 * count, and only a process that is pgbench. Prints a line for each.
 */
export const SWEEP = `
for here in "\${TMPDIR:-/tmp}"/polarplay-bench.*; do
  [ -d "$here" ] && [ ! -L "$here" ] && [ -O "$here" ] || continue
  pid=$(cat "$here/pid" 2>/dev/null)
  if [ "$pid" -gt 1 ] 2>/dev/null && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = pgbench ]; then
    kill "$pid" && echo "ended pgbench, process $pid, of an earlier run"
  fi
  rm -rf "$here" && echo "removed $here of an earlier run"
done
`;

/** Free space where the transaction logs go, in KiB, and the processors. */
export const LOG_ROOM = `df -Pk "\${TMPDIR:-/tmp}" | awk 'NR == 2 { print $4 }'; nproc`;
