#!/bin/bash
# npm test: type check, lint, then unit and integration tests. Ends with one line: N passed, N failed, N skipped.
# As root on Debian or Ubuntu it first installs what the integration tests need; elsewhere these tests say why they skip.
set -uo pipefail
cd "$(dirname "$0")"

needs=(
  systemd-nspawn:systemd-container mmdebstrap:mmdebstrap slirp4netns:slirp4netns ip:iproute2 iptables:iptables
  shellcheck:shellcheck ssh:openssh-client /usr/sbin/sshd:openssh-server sudo:sudo doas:opendoas busybox:busybox psql:postgresql
  ansible-playbook:ansible-core /usr/lib/python3/dist-packages/ansible_collections/community:ansible
  /usr/lib/python3/dist-packages/jinja2:python3-jinja2
  nbd-server:nbd-server nbdfuse:libnbd-bin fusermount3:fuse3
  setfacl:acl crontab:cron rsync:rsync /usr/lib/python3/dist-packages/psycopg2:python3-psycopg2
  /usr/lib/python3/dist-packages/jmespath:python3-jmespath /usr/lib/python3/dist-packages/netaddr:python3-netaddr
  /usr/lib/python3/dist-packages/passlib:python3-passlib
  zsh:zsh fish:fish /usr/sbin/haproxy:haproxy mariadbd:mariadb-server-core mariadb:mariadb-client-core
)
missing=()
for need in "${needs[@]}"; do
  tool=${need%%:*}
  [ -e "$tool" ] || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("${need#*:}")
done
install() {
  export DEBIAN_FRONTEND=noninteractive
  local hold=/usr/sbin/policy-rc.d
  # The tests start what they need on ports of their own: no service of the machine is to start for them.
  if [ ! -e $hold ]; then
    printf '#!/bin/sh\nexit 101\n' >$hold
    chmod 755 $hold
    trap "rm -f $hold" RETURN
  fi
  apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null &&
    apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" >/dev/null
}
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing for the tests: ${missing[*]}"
  install "${missing[@]}" || echo 'not all of them could be installed; the tests that need them say so'
fi

passed=0 failed=0 skipped=0
check() { # NAME COMMAND…
  local name=$1
  shift
  echo "== $name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
check 'type check' npx tsc --noEmit
check lint npx biome check .
check 'dead code' npx knip --no-progress

echo '== tests'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
[ $# -gt 0 ] || set -- '{lib,verify,bench,test}/**/*.test.ts'
npx mocha --no-color --forbid-only --parallel --jobs 2 "$@" 2>&1 | tee "$log"
code=${PIPESTATUS[0]}
count() { sed -nE "s/^ +([0-9]+) $1.*/\1/p" "$log" | tail -1; }
tests_passed=$(count passing) tests_failed=$(count failing) tests_skipped=$(count pending)
# Tests that never came to a count are a failure too.
if [ "$code" -ne 0 ] && [ -z "$tests_failed" ]; then tests_failed=1; fi
echo 'skipped: the kernel transport, LVM, udev names and reboots; they need hosts with a kernel of their own: npm run test:vm'
passed=$((passed + ${tests_passed:-0})) failed=$((failed + ${tests_failed:-0})) skipped=$((${tests_skipped:-0} + 1))
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
