#!/bin/bash
# npm run demo: the main job, from nothing. Makes four throw-away hosts on this machine, deploys the cluster on them,
# deploys again to show that nothing changes, proves that it works, and measures it. Needs root on Debian or Ubuntu.
set -euo pipefail
cd "$(dirname "$0")"
name=${DEMO_LAB:-demo}
began=$SECONDS

polarplay() { node dist/polarplay.js "$@"; }
step() { printf '\n== %s (after %d s)\n' "$1" $((SECONDS - began)); }

[ -f dist/polarplay.js ] || npm run --silent build

step 'Four hosts: st1 exports disks, rw1 is the primary, ro1 and ro2 are replicas'
polarplay lab up --name "$name" --install --var polardb_database=postgresql \
  --prepare-for postgresql,nbd-server,nbd-client,libnbd-bin,fuse3,chrony
hosts=$(polarplay lab inventory --name "$name")

step 'Deploy (with PostgreSQL of the distribution as a stand-in for PolarDB)'
polarplay playbooks/site.yml -i "$hosts"

step 'Deploy again: nothing may change'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
polarplay playbooks/site.yml -i "$hosts" | tee "$log"
unchanged=$(grep -cE ' changed=0 ' "$log" || true)
if [ "$unchanged" -ne 4 ]; then
  echo "the second run changed something: $unchanged of 4 hosts say changed=0" >&2
  exit 1
fi

step 'Verify'
npm run --silent verify -- -i "$hosts"

step 'Measure, briefly'
npm run --silent bench -- -i "$hosts" --profile smoke

step 'Done'
cat <<END
inventory        $hosts
log in           node dist/polarplay.js lab ssh --name $name rw1
try a reboot     node dist/polarplay.js lab reboot ro1 --name $name
run one role     node dist/polarplay.js playbooks/site.yml -i $hosts --role nbd_client --limit ro1
take it down     node dist/polarplay.js lab down --name $name
END
