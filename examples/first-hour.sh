#!/bin/bash
# The first hour (npm run demo), from nothing. Makes four throw-away hosts on this machine, writes the files of a cluster,
# looks at the hosts, deploys, deploys again to show that nothing changes, proves that it works, and measures it. Needs
# root on Debian or Ubuntu. POLARPLAY is the command to try, such as an installed one.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
name=${DEMO_LAB:-demo}
command=${POLARPLAY:-node $here/dist/polarplay.js}
began=$SECONDS

polarplay() { $command "$@"; }
step() { printf '\n== %s (after %d s)\n' "$1" $((SECONDS - began)); }

[ -n "${POLARPLAY:-}" ] || [ -f "$here/dist/polarplay.js" ] || npm --prefix "$here" run --silent build

step 'Four hosts: st1 exports disks, rw1 is the primary, ro1 and ro2 are replicas'
polarplay lab up --name "$name" --install --prepare-for postgresql,nbd-server,nbd-client,libnbd-bin,fuse3,chrony
lab=$(dirname "$(polarplay lab inventory --name "$name")")
address() { sed -n "/^Host $1\$/,/HostName/s/ *HostName //p" "$lab/ssh_config"; }

step 'The files of the cluster'
cluster=$lab/cluster
rm -rf "$cluster"
polarplay init "$cluster" --database stand-in \
  --storage "st1=$(address st1)" --disk /dev/vdb --disk /dev/vdc --disk /dev/vdd --disk /dev/vde \
  --primary "rw1=$(address rw1)" --replica "ro1=$(address ro1)" --replica "ro2=$(address ro2)" \
  --private-key "$lab/id_ed25519" --ssh-common-args "-o UserKnownHostsFile=$lab/known_hosts"
cd "$cluster"
# The last disk is for the acceptance test: what one node writes there, the others must read.
sed -i 's/^  vars:$/&\n    scratch_export: export4/' hosts.yaml

step 'Can the cluster be deployed?'
polarplay check -i hosts.yaml

step 'Deploy (with PostgreSQL of the distribution as a stand-in for PolarDB)'
polarplay site.yml -i hosts.yaml

step 'Deploy again: nothing may change'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
polarplay site.yml -i hosts.yaml | tee "$log"
unchanged=$(grep -cE ' changed=0 ' "$log" || true)
if [ "$unchanged" -ne 4 ]; then
  echo "the second run changed something: $unchanged of 4 hosts say changed=0" >&2
  exit 1
fi

step 'Verify'
polarplay verify -i hosts.yaml

step 'Measure, briefly'
polarplay bench -i hosts.yaml --profile smoke

step 'The cluster at a glance'
polarplay status -i hosts.yaml

step 'Done'
cat <<END
the cluster      cd $cluster
log in           $command lab ssh --name $name rw1
try a reboot     $command lab reboot ro1 --name $name
run one role     $command site.yml -i hosts.yaml --role nbd_client --limit ro1
take it down     $command lab down --name $name
END
