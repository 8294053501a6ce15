/**
 * Helpers of the faults' scripts, POSIX sh as root on a host. A heal may run twice, or where nothing is broken, and does
 * no harm then: the host runs it by itself when the runner is gone.
 */
export const PRELUDE = `set -u
cd /
say() { echo "$*" >&2; exit 1; }
signal() { systemctl kill --kill-who=all -s "$1" "$2"; }
# A process of a unit whose title holds the words: the server's children have titles.
child() {
  main=$(systemctl show -p MainPID --value "$1")
  for status in /proc/[0-9]*/status; do
    grep -qs "^PPid:[[:space:]]*$main$" "$status" || continue
    dir=\${status%/status}
    ! tr '\\0' ' ' <"$dir/cmdline" | grep -q "$2" || { echo "\${dir#/proc/}"; return; }
  done
  say "no process of $1 is a $2"
}
# The way out to an address, by name of its interface.
way_to() { ip -o route get "$1" 2>/dev/null | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p'; }
# Whether this kernel can hold back what goes to an address; tried in a network of its own.
shaping() {
  unshare --net sh -c "ip link set lo up && tc qdisc add dev lo root handle 1: htb &&
    tc class add dev lo parent 1: classid 1:1 htb rate 1gbit quantum 60000 && tc filter add dev lo parent 1: protocol ip prio 1 u32 match ip dst 127.0.0.9 flowid 1:1 && tc qdisc add dev lo parent 1:1 $1" >/dev/null 2>&1
}
# shape HOW ADDRESS…: what this host sends to the addresses is held back in that way; all else goes on as before.
shape() {
  how=$1
  shift
  for address; do
    dev=$(way_to "$address")
    [ -n "$dev" ] || say "no route to $address"
    if ! tc qdisc show dev "$dev" root | grep -q 'htb fa17:'; then
      tc qdisc add dev "$dev" root handle fa17: htb || tc qdisc replace dev "$dev" root handle fa17: htb || exit 1
      rate=10gbit
      case $how in rate\\ *) rate=\${how#rate } ;; esac
      tc class add dev "$dev" parent fa17: classid fa17:1 htb rate "$rate" quantum 60000 || exit 1
      # shellcheck disable=SC2086
      case $how in rate\\ *) ;; *) tc qdisc add dev "$dev" parent fa17:1 $how || exit 1 ;; esac
    fi
    case $address in
    *:*) tc filter add dev "$dev" parent fa17: protocol ipv6 prio 2 u32 match ip6 dst "$address" flowid fa17:1 || exit 1 ;;
    *) tc filter add dev "$dev" parent fa17: protocol ip prio 1 u32 match ip dst "$address" flowid fa17:1 || exit 1 ;;
    esac
  done
}
unshape() {
  for address; do
    dev=$(way_to "$address")
    ! tc qdisc show dev "$dev" root | grep -q 'htb fa17:' || tc qdisc del dev "$dev" root
  done
}
`;
