import { quote } from './define.ts';
import type { PathState } from './stat.ts';

/**
 * Shell functions that get to a place without being led astray by somebody who may write on the way there. Root that
 * follows a name in a user's directory does what the user wants: the name may be a link by the time it is used. So a
 * script enters the directory, looks where it is, and then acts on names in it, or on what it holds open.
 *
 * - `enter DIR [MAKE]` enters a directory; with MAKE missing ones are made. A link on the way must belong to root, to
 *   the user at work, or to the owner of what it leads to.
 * - `step NAME` enters one directory below.
 * - `reach PATH [FOLLOW] [MAKE]` enters the directory of a path and leaves the name in `$n`; with FOLLOW links are
 *   followed to their end, under the same condition.
 * - `hold DEVICE:INODE` opens the entry `$n` as `$f`: what is done to `$f` is done to that very entry. `$h` and `$L`
 *   are the flags for chown and stat that go with it. A link itself, or a host without /proc, has only its name.
 */
export const REACH = `stale() { field stale "$1"; exit 96; }
trust() {
  [ "$1" = 0 ] || [ "$1" = "$(id -u)" ] || [ "$1" = "$(stat -L -c %u "$2" 2>/dev/null)" ] ||
    fail "the symbolic link $3 belongs to user $1, but what it leads to does not: it is not followed"
}
step() {
  _b=\${PWD%/}
  if [ -h "./$1" ]; then
    _l=$(stat -c %u "./$1"); cd -P "./$1" 2>/dev/null || fail "cannot enter $_b/$1: $(cd "./$1" 2>&1)"
    trust "$_l" . "$_b/$1"
  else
    cd -P "./$1" 2>/dev/null || fail "cannot enter $_b/$1: $(cd "./$1" 2>&1)"
    [ "$1" = .. ] || [ "$PWD" = "$_b/$1" ] || stale "$_b/$1"
  fi
}
enter() {
  _o=$PWD _d=\${1%/}
  if cd -P "\${_d:-/}" 2>/dev/null; then [ "$PWD" = "\${_d:-/}" ] && return
  else [ -n "\${2-}" ] || fail "cannot enter \${_d:-/}: $(cd "\${_d:-/}" 2>&1)"; fi
  case $1 in /*) cd /;; *) cd "$_o";; esac
  _m_=\${2-}; set -f; IFS=/; set -- $1; unset IFS; set +f
  for _c; do
    case $_c in ''|.) continue;; esac
    [ -z "$_m_" ] || [ -d "./$_c" ] || mkdir "./$_c" 2>/dev/null || [ -d "./$_c" ] || fail "Error creating $PWD/$_c"
    step "$_c"
  done
}
reach() {
  _q=$1 _k=0
  while :; do
    while :; do case $_q in ?*/) _q=\${_q%/};; *) break;; esac; done
    case $_q in */*) enter "\${_q%/*}/" "\${3-}";; esac
    n=./\${_q##*/}
    [ -n "\${2-}" ] && [ -h "$n" ] || return 0
    _k=$((_k + 1)); [ $_k -lt 40 ] || fail "$1 leads in a circle"
    trust "$(stat -c %u "$n")" "$n" "$PWD/\${n#./}"
    _q=$(readlink -n "$n"; echo .); _q=\${_q%.}
  done
}
hold() {
  f=$n h=-h L=
  [ ! -h "$n" ] || return 0
  [ -f "$n" ] || [ -d "$n" ] || return 0
  { command exec 5<"$n"; } 2>/dev/null && [ -e /proc/self/fd/5 ] || return 0
  f=/proc/self/fd/5 h= L=-L
  [ "$(stat -L -c %d:%i $f)" = "$1" ] || stale "$PWD/\${n#./}"
}`;

/**
 * Makes the file `$1` in this directory, with its owner `$2` and mode `$3`, of what comes on stdin: only where nothing
 * is, and held open from then on.
 */
export const PLACE = `place() {
  umask 077; set -C; { command exec 5>"$1"; } 2>/dev/null || fail "cannot make $PWD/\${1#./}"; set +C
  cat >&5 || fail "cannot write $PWD/\${1#./}"
  if [ -e /proc/self/fd/5 ]; then chown "$2" /proc/self/fd/5 && chmod "$3" /proc/self/fd/5
  else chown -h "$2" "$1" && chmod "$3" "$1"; fi || fail "cannot give $PWD/\${1#./} to $2"
  exec 5>&-
}`;

/**
 * Whether this directory is one in which only the user at work writes: then a fixed name in it is nobody else's doing.
 * For files that say who may do what.
 */
export const OWN = `own() { [ -O . ] && case $(ls -ld .) in ????????w*) false ;; esac; }`;

/** Reaches what a look found at `path`: through the links that it went through, if it followed them. */
export function reachLine(found: PathState, path = found.realPath, make = false): string {
  const isFollowed = found.linkTarget !== undefined && path === found.realPath && path !== found.path;
  return `reach ${quote(isFollowed ? found.path : path)} ${isFollowed ? '1' : "''"}${make ? ' 1' : ''}`;
}

/** What `hold` has to find. */
export const identityOf = ({ status }: Pick<PathState, 'status'>): string =>
  status ? `${status.device}:${status.inode}` : '';
