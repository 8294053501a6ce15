import { quote } from '../kit/define.ts';

/**
 * Shell functions common to all waits: `now`, and `pause` which ends the wait when time is up. Clocks of hosts count
 * whole seconds, and the current one is partly over: one more makes sure that no wait is too short.
 */
export function clock(seconds: number, sleep: number): string {
  return `now() { date +%s; }
end=$(($(now) + ${seconds > 0 ? Math.ceil(seconds) + 1 : 0}))
pause() { [ "$(now)" -lt "$end" ] || exit 90; sleep ${sleep}; }`;
}

/**
 * `knock HOST PORT SECONDS` connects and hangs up; `hear HOST PORT SECONDS` prints what the other side says. Whatever
 * the host has does it: bash, nc, curl or perl; without any of them the kernel's table of listeners answers for the
 * host itself.
 */
export function tcpFunctions(): string {
  return `have() { command -v "$1" >/dev/null 2>&1; }
if have bash && have timeout && bash -c ': </dev/null' 2>/dev/null; then
  knock() { timeout "$3" bash -c ': <>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; }
  hear() { timeout "$3" bash -c 'exec 3<>"/dev/tcp/$0/$1"; dd bs=65536 count=1 <&3 2>/dev/null; timeout 1 cat <&3' "$1" "$2" 2>/dev/null; }
elif have nc; then
  case $(nc --help 2>&1; nc -h 2>&1) in *-z*) z=-z;; *) z=;; esac
  limit=; have timeout && limit=timeout
  knock() {
    \${limit:+timeout $(($3 + 1))} nc $z -w "$3" "$1" "$2" </dev/null >/dev/null 2>&1; r=$?
    # Without -z an open connection may outlive the question.
    [ $r = 0 ] || [ $r = 124 ] || [ $r = 143 ]
  }
  hear() { { sleep "$3"; } | nc -w "$3" "$1" "$2" 2>/dev/null; }
elif have curl; then
  knock() { curl -s -m "$3" --connect-timeout "$3" "telnet://$1:$2" </dev/null >/dev/null 2>&1; r=$?; [ $r != 7 ] && [ $r != 6 ] && [ $r != 28 ]; }
  hear() { curl -s -m "$3" "telnet://$1:$2" </dev/null 2>/dev/null; }
elif have perl; then
  knock() { perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr=>$ARGV[0],PeerPort=>$ARGV[1],Timeout=>$ARGV[2])' "$1" "$2" "$3"; }
  hear() { perl -MIO::Socket::INET -e '$s=IO::Socket::INET->new(PeerAddr=>$ARGV[0],PeerPort=>$ARGV[1],Timeout=>$ARGV[2]) or exit 1; alarm $ARGV[2]; $|=1; print while sysread($s,$_,65536)' "$1" "$2" "$3"; }
else
  case $1 in localhost|127.*|::1|0.0.0.0) ;; *) echo 'cannot try a port of another host: install one of bash, nc, curl, perl' >&2; exit 96;; esac
  knock() { grep -qi ":$(printf '%04X' "$2") [0-9A-F:]* 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null; }
  hear() { echo 'cannot read from a port: install one of bash, nc, curl, perl' >&2; exit 96; }
fi`;
}

/** Waits until a port is open, or closed. */
export function portScript(host: string, port: number, open: boolean, connectTimeout: number): string {
  const knock = `knock ${quote(host)} ${port} ${Math.max(1, connectTimeout)}`;
  return `set -- ${quote(host)}\n${tcpFunctions()}\nwhile ${open ? '! ' : ''}${knock}; do pause; done`;
}

/** Waits until a path exists, or is gone. What keeps one from looking (no permission) ends the wait. */
export function pathScript(word: string, exists: boolean): string {
  const there = '[ -e "$p" ] || [ -h "$p" ]';
  if (!exists) return `p=${word}\nwhile ${there}; do pause; done`;
  return `p=${word}
while ! [ -e "$p" ]; do
  e=$(stat -L "$p" 2>&1); case $e in *'No such file'*|'') ;; *) printf 'Failed to stat %s\\n' "$e" >&2; exit 91;; esac
  pause
done`;
}

/** Longer files are not read again from their start when they grow. */
const SHORT = 1 << 20;

/** What was seen of a file: its inode, how far it was read, and all that stat said. */
export interface Seen {
  readonly inode: string;
  readonly size: number;
  readonly stamp: string;
}

/**
 * Waits until a file exists and differs from what was read last, then tells where it reads from, inode, size and
 * time of the file, and what is in it: of a long one only what was added since, at most the last `limit` bytes.
 */
export function growthScript(word: string, last: Seen, limit: number): string {
  const added =
    last.size > SHORT
      ? `[ "$1" = ${quote(last.inode)} ] && [ "$2" -ge ${last.size} ] && f=$((${last.size} + 1))`
      : ':';
  return `p=${word}
while :; do
  s=$(stat -L -c '%i %s %y' "$p" 2>/dev/null) && [ -r "$p" ] && [ "$s" != ${quote(last.stamp)} ] && break
  pause
done
set -- $s; f=1
${added}
[ $(($2 - f)) -ge ${limit} ] && f=$(($2 - ${limit} + 1))
field from "$f"; field stamp "$s"; begin added
tail -c "+$f" "$p"`;
}
