/** How long processes may take to end on SIGTERM before SIGKILL. */
export const GRACE_MS = 2000;

/** How long the kernel may take to end them on SIGKILL: one that waits for a lost device does not end. */
const REAP_MS = 1000;

/**
 * Shell functions on /proc alone. `tree` collects a request's processes: the root, what descends from it, and
 * orphans of its session (each worker has one of its own) that are younger than the root. `keep` is spared.
 */
const FUNCTIONS = `
scan() {
  snap= members=' '
  for f in /proc/[0-9]*/stat; do
    { read -r line <"$f"; } 2>/dev/null || continue
    pid=\${line%% *}
    set -- \${line##*) }
    [ "$1" = Z ] && continue
    snap="$snap $pid:$2:$4:\${20}"
    [ "$4" = "$session" ] && members="$members$pid "
  done
}
grow() {
  more=1
  while [ "$more" ]; do
    more=
    for e in $snap; do
      pid=\${e%%:*} e=\${e#*:}
      ppid=\${e%%:*} e=\${e#*:}
      case $tree in *" $pid "*) continue ;; esac
      case $tree in
      *" $ppid "*) ;;
      *)
        [ "\${e%%:*}" = "$session" ] && [ "$pid" != "$keep" ] || continue
        # Younger than the root; within one tick of the clock the process number tells.
        [ "\${e#*:}" -gt "$since" ] || { [ "\${e#*:}" -eq "$since" ] && [ "$pid" -gt "$root" ]; } || continue
        case $members in *" $ppid "*) continue ;; esac
        ;;
      esac
      tree="$tree$pid " more=1
    done
  done
}
alive() {
  for pid in $tree; do
    { read -r line <"/proc/$pid/stat"; } 2>/dev/null || continue
    case \${line##*) } in Z* | X*) ;; *) return 0 ;; esac
  done
  return 1
}
outlive() {
  i=0
  while alive; do
    [ $i -lt "$1" ] || return 0
    sleep 0.1 || sleep 1
    i=$((i + 1))
  done
  return 1
}`;

/**
 * Ends one running request: the process `root` and all it started, but not the worker (`keep`) that waits for it.
 * Comes to its own end when they are gone, or SIGKILL did not end them.
 * With `root` equal to `worker` the worker dies first, so that it starts nothing more.
 */
export function killScript(root: number, worker: number): string {
  const whole = root === worker;
  return `exec 2>/dev/null
${FUNCTIONS}
read -r line </proc/${root}/stat || exit 0
set -- \${line##*) }
session=$4 since=\${20} keep=${whole ? 0 : worker} root=${root} tree=' ${root} '
scan; grow
${whole ? `kill -KILL ${root}` : ':'}
kill -TERM $tree; kill -CONT $tree
outlive ${GRACE_MS / 100}
scan; grow
alive && { kill -KILL $tree; outlive ${REAP_MS / 100}; }
exit 0`;
}
