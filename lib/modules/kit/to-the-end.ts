import { quote } from './define.ts';

/**
 * A script that does `work` and shows what it says, and whose work goes on when the request is stopped (Ctrl-C, a time
 * limit, a lost connection, a killed runner): packages, file systems and databases that are left half made are worse
 * than ones that come late. Work of one name on one host is done one after the other, so a next run waits for what an
 * earlier one began. Exit code, output and standard input are those of the work.
 */
export function toTheEnd(name: string, work: string): string {
  return `
dir=${DIRECTORY} name=${quote(name)}
if ! mkdir -p "$dir" 2>/dev/null || ! [ -w "$dir" ]; then
  # Without a folder to keep it in there is nobody who could wait for it.
  exec sh -c ${quote(work)}
fi
of=$dir/$name.$$
umask 077
: >"$of.out" && : >"$of.err" || exit 1
flock -n "$dir/$name.lock" true 2>/dev/null || echo 'waiting for the end of what an earlier run began' >&2
# Not a child, and of a session of its own: what ends the request does not find it.
exec 3<&0
(setsid sh -c ${quote(detached(work))} polarplay "$dir/$name" "$of" <&3 3<&- >/dev/null 2>&1 &)
exec 3<&-
out=0 err=0
more() { size=$(wc -c <"$1") && [ "$size" -gt "$2" ] && tail -c +$(($2 + 1)) "$1" | head -c $((size - $2)); }
show() {
  more "$of.out" $out
  out=$size
  more "$of.err" $err >&2
  err=$size
}
until [ -e "$of.rc" ]; do
  # Begun, over, and it did not say how: somebody killed it.
  if [ -e "$of.begun" ] && flock -n "$dir/$name.lock" true && [ ! -e "$of.rc" ]; then echo 137 >"$of.rc"; fi
  sleep 0.1
  show
done
show
rc=$(cat "$of.rc")
rm -f "$of".*
exit "$rc"
`;
}

/** Waits until no work of this name goes on that an earlier run began; fails after so many seconds. */
export function awaitEnd(name: string, seconds: number): string {
  const lock = `${DIRECTORY}/${quote(name)}.lock`;
  return `{ [ ! -e ${lock} ] || flock -w ${seconds} ${lock} true || { echo 'what an earlier run began still goes on' >&2; exit 75; }; }`;
}

const DIRECTORY = '"${POLARPLAY_RUN:-/run/polarplay}"';

function detached(work: string): string {
  return `
trap '' HUP INT PIPE
exec 9>>"$1.lock"
flock 9
# Of runs that nobody waited for.
for old in "$1".*.rc; do [ ! -e "$old" ] || rm -f "\${old%.rc}".*; done
: >"$2.begun"
sh -c ${quote(work)} >"$2.out" 2>"$2.err" 9>&-
echo $? >"$2.rc.new"
mv "$2.rc.new" "$2.rc"
`;
}
