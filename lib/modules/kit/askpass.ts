/**
 * Shell functions for programs that ask for a passphrase. `with_passphrase COMMAND…` answers with $PASSPHRASE: through
 * a program of its own, since an argument list can be read by everyone on the host. Where no directory lets a program
 * run it fails; ssh-keygen by itself would take the missing answer for an empty passphrase. `needs_passphrase FILE`
 * makes sure of a key that was made.
 */
export const ASKPASS = `with_passphrase() (
  export PASSPHRASE; ask=
  for t in "\${TMPDIR:-/tmp}" /run /var/tmp /dev/shm "$HOME"; do
    ask=$(umask 077; mktemp "$t/.polarplay-ask.XXXXXXXX" 2>/dev/null) || continue
    printf '#!/bin/sh\\nprintf "%%s\\\\n" "$PASSPHRASE"\\n' >"$ask" && chmod 700 "$ask"
    [ "$("$ask" 2>/dev/null)" = "$PASSPHRASE" ] && break
    rm -f "$ask"; ask=
  done
  [ -n "$ask" ] || { echo 'the passphrase cannot be handed over: no directory lets a program run (noexec)' >&2; exit 1; }
  trap 'rm -f "$ask"' 0; trap 'exit 143' HUP INT PIPE TERM
  SSH_ASKPASS=$ask SSH_ASKPASS_REQUIRE=force DISPLAY=:0 "$@" </dev/null
)
needs_passphrase() {
  ssh-keygen -q -y -P '' -f "$1" </dev/null >/dev/null 2>&1 || return 0
  echo 'the key was made without the passphrase' >&2; return 1
}`;
