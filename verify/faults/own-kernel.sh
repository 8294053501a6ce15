#!/bin/bash
# npm run test:vm [-- uml|vm [-e VARIABLES]…]: what only hosts with a kernel of their own can show. Deploys on four of them
# through the kernel's nbd module, from a striped logical volume; looks at devices, names and stripes; deploys again; asks
# for a file system on the hosts' own root disks; kills the server's processes; reboots every host; adds a disk and grows;
# verifies. Without variables that say where PolarDB comes from, PostgreSQL stands in for it. RELEASE=trixie takes another
# release of Debian, MEMORY=3G gives each host more than a gigabyte (PolarDB 11 needs it). Takes a quarter of an hour and
# more; takes the lab down at the end. Needs root on Debian or Ubuntu.
set -euo pipefail
cd "$(dirname "$0")/../.."
kind=${1:-uml}
work=$(mktemp -d)
variables=("${@:2}")
lab=own-kernel
nodes=(rw1 ro1 ro2)
hosts=(st1 "${nodes[@]}")
release=(${RELEASE:+--release "$RELEASE"})
memory=(${MEMORY:+--memory "$MEMORY"})
[ ${#variables[@]} -gt 0 ] || variables=(-e polardb_database=postgresql)
# The hosts are small and slow; an idle pfsdaemon would keep much of a processor, which they share.
variables=(-e @inventory/small.yaml -e ansible_timeout=60 -e pfs_poll_interval=1000 -e "@$work/vars.yml" "${variables[@]}")
began=$SECONDS

polarplay() { timeout 1800 node dist/polarplay.js "$@"; }
step() { printf '\n== %s (after %d s)\n' "$1" $((SECONDS - began)); }
fail() { echo "NOT ACCEPTED: $*" >&2; exit 2; }
on() { polarplay lab ssh --name $lab "$1" "$2"; }
finish() {
  polarplay lab down --name $lab
  rm -rf "$work"
}
trap finish EXIT

[ -f dist/polarplay.js ] || npm run --silent build

step "Four hosts of kind $kind"
polarplay lab up --name $lab --kind "$kind" "${release[@]}" "${memory[@]}" --install \
  --packages chrony,libnbd-bin,lvm2,nbd-client,nbd-server,postgresql --prepare-for libaio-dev
inventory=$(polarplay lab inventory --name $lab)

settings() { # DEVICES
  cat >"$work/vars.yml" <<END
nbd_client_transport: kernel
nbd_server_exports:
  - {name: export1, device: /dev/polar/data}
  - {name: scratch, device: /dev/vde}
nbd_server_volume_group: {name: polar, devices: [$1], volume: data}
END
}
play() { # PLAYBOOK…
  polarplay "$@" -i "$inventory" "${variables[@]}" | tee "$work/log"
}
unchanged() {
  [ "$(grep -cE ' changed=0 .* failed=0 ' "$work/log")" -eq ${#hosts[@]} ] || fail "$1: something had to be changed"
}
# The shared disk is served by nbd.ko under the name that udev gave it, within two minutes.
attached() {
  for node in "${nodes[@]}"; do
    on "$node" 'for try in $(seq 60); do
        [ "$(readlink -f /dev/nvmeexport1)" = /dev/nbd0 ] &&
          [ "$(cat /sys/block/nbd0/pid)" = "$(systemctl show -p MainPID --value polar-nbd@nvmeexport1)" ] &&
          udevadm info -q symlink /dev/nbd0 | grep -qw nvmeexport1 &&
          dd if=/dev/nvmeexport1 of=/dev/null bs=4096 count=1 iflag=direct status=none && exit 0
        sleep 2
      done
      exit 1' || fail "$node: the disk is not attached by nbd.ko under its name"
  done
}
verified() { npm run --silent verify -- -i "$inventory" "${variables[@]}" --within 120 --timeout 60; }

step 'Deploy'
settings /dev/vdb,/dev/vdc
play playbooks/site.yml
attached
on st1 'lvs --noheadings -o stripes polar/data' | grep -qx ' *2' || fail 'the volume is not striped over two disks'

step 'Deploy again, and look what a run would change: nothing'
play playbooks/site.yml
unchanged 'the second run'
play playbooks/site.yml --check
unchanged 'check mode'

step 'Verify'
verified

step 'Ask for a file system on the disk that each host runs from: refused, nothing written'
play verify/faults/root-disk.yml

step 'Kill every process of the server: the nodes attach the disk again'
on st1 'systemctl kill -s KILL polar-nbd-server'
attached

for host in "${hosts[@]}"; do
  step "Reboot $host"
  polarplay lab reboot "$host" --name $lab
  attached
done
verified
play playbooks/site.yml --check
unchanged 'check mode after the reboots'

step 'Add a disk to the volume group and grow'
settings /dev/vdb,/dev/vdc,/dev/vdd
play playbooks/grow.yml
attached
sizes=$(
  on st1 'blockdev --getsize64 /dev/polar/data'
  for node in "${nodes[@]}"; do on "$node" 'blockdev --getsize64 /dev/nvmeexport1'; done
)
echo "$sizes"
[ "$(sort -u <<<"$sizes" | wc -l)" -eq 1 ] && [ "$(head -1 <<<"$sizes")" -gt 40000000000 ] || fail 'not every host sees the larger disk'
verified

step Accepted
