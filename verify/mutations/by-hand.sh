#!/bin/bash
# A cluster that somebody set up by hand, as the guide does, with names of their own: other units, other folders, no role
# record, no guard; one server runs without any unit. `polarplay verify` must accept it, say what it could not look at, and
# still find what is broken. Makes and ends a lab of throw-away hosts; needs root on Debian or Ubuntu.
# usage: bash verify/mutations/by-hand.sh [LAB]
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
lab=${1:-byhand}
polarplay() { node "$here/dist/polarplay.js" "$@"; }
on() { polarplay lab ssh --name "$lab" "$1" "set -eu
cd /
$(cat)"; }

trap 'polarplay lab down --name "$lab" >/dev/null' EXIT
polarplay lab up --name "$lab" --packages postgresql-15,nbd-server,libnbd-bin,nbdfuse,iproute2 \
  --var verify_guard=false --var polardb_database=postgresql --var polardb_user=postgres \
  --var polardb_data=/srv/pg/node --var polardb_password=by-hand-only --var polardb_sync=first1
inventory=$(polarplay lab inventory --name "$lab")
address() { polarplay lab ssh --name "$lab" "$1" "hostname -I" | tr -d ' \n'; }
st=$(address st1) rw=$(address rw1) ro1=$(address ro1) ro2=$(address ro2)

# Steps 3 and 4: the server with a file and a unit of its own, and the disks by loop devices.
on st1 <<END
printf '%s\n' $rw $ro1 $ro2 >/etc/nbd-server/nodes
{
  printf '[generic]\nlistenaddr = $st\nport = 1921\n'
  for disk in export1=vdb export2=vdc export3=vdd scratch=vde; do
    printf '[%s]\nexportname = /dev/%s\nauthfile = /etc/nbd-server/nodes\n' \${disk%=*} \${disk#*=}
    printf 'readonly = false\nmultifile = false\ncopyonwrite = false\nflush = true\nfua = true\nsync = true\n'
  done
} >/etc/nbd-server/disks.conf
systemctl disable -q --now nbd-server
cat >/etc/systemd/system/shared-disks.service <<UNIT
[Service]
Type=forking
ExecStart=/usr/bin/nbd-server -C /etc/nbd-server/disks.conf
KillMode=process
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable -q --now shared-disks
END
for node in rw1 ro1 ro2; do
  on $node <<END
systemctl disable -q --now postgresql
cat >/usr/local/bin/attach-disk <<'SH'
#!/bin/sh
until [ -e /srv/disks/\$1/nbd ]; do sleep 0.1; done
l=\$(losetup -f)
[ -b \$l ] || mknod \$l b 7 \${l#/dev/loop}
losetup --direct-io=on \$l /srv/disks/\$1/nbd && blockdev --setrw \$l && ln -sfn \$l /dev/nvme\$1
SH
printf '#!/bin/sh\nlosetup -d \$(readlink -f /dev/nvme\$1)\n' >/usr/local/bin/detach-disk
chmod 755 /usr/local/bin/attach-disk /usr/local/bin/detach-disk
for disk in export1 export2 export3 scratch; do
  cat >/etc/systemd/system/attach-\$disk.service <<UNIT
[Service]
ExecStartPre=/bin/mkdir -p /srv/disks/\$disk
ExecStart=/usr/bin/nbdfuse /srv/disks/\$disk nbd://$st:1921/\$disk
ExecStartPost=/usr/local/bin/attach-disk \$disk
ExecStop=-/usr/local/bin/detach-disk \$disk
[Install]
WantedBy=multi-user.target
UNIT
  systemctl enable -q --now attach-\$disk
done
install -d -o postgres -g postgres -m 700 /srv/pg
END
done

# Steps 8 to 10: the primary, its settings and slots.
settings="listen_addresses = '0.0.0.0'
unix_socket_directories = '/tmp'
max_connections = 300
logging_collector = on
password_encryption = scram-sha-256"
rules="local all postgres peer
local replication postgres peer
host replication postgres $rw/32 scram-sha-256
host replication postgres $ro1/32 scram-sha-256
host replication postgres $ro2/32 scram-sha-256
host all all 0.0.0.0/0 scram-sha-256"
unit="[Service]
Type=forking
User=postgres
ExecStart=/usr/lib/postgresql/15/bin/pg_ctl -D /srv/pg/node -w start
[Install]
WantedBy=multi-user.target"
on rw1 <<END
bin=/usr/lib/postgresql/15/bin
echo by-hand-only >/run/word && chmod 644 /run/word
runuser -u postgres -- \$bin/initdb -D /srv/pg/node -E UTF8 --locale=C.UTF-8 -k -A scram-sha-256 --pwfile=/run/word >/dev/null
rm /run/word
cat >>/srv/pg/node/postgresql.conf <<CONF
$settings
synchronous_standby_names = 'replica1, replica2'
CONF
echo '$rules' >/srv/pg/node/pg_hba.conf
echo '$unit' >/etc/systemd/system/pg-node.service
systemctl enable -q --now pg-node
cd / && runuser -u postgres -- psql -XAtq -h /tmp -c "set synchronous_commit = local; select pg_create_physical_replication_slot('replica1', true), pg_create_physical_replication_slot('replica2', true)" >/dev/null
END

# Steps 12 and 13: the replicas; the second one is started by hand, as in the guide, so that no unit runs it.
for n in 1 2; do
  on ro$n <<END
bin=/usr/lib/postgresql/15/bin
install -m 600 -o postgres -g postgres /dev/null /var/lib/postgresql/.pgpass
echo '*:*:*:postgres:by-hand-only' >/var/lib/postgresql/.pgpass
cd / && runuser -u postgres -- \$bin/pg_basebackup -D /srv/pg/node -h $rw -U postgres -X stream -S replica$n -w
touch /srv/pg/node/standby.signal && chown postgres /srv/pg/node/standby.signal
sed -i '/^synchronous_standby_names/d' /srv/pg/node/postgresql.conf
cat >>/srv/pg/node/postgresql.conf <<CONF
primary_conninfo = 'host=$rw port=5432 user=postgres dbname=postgres application_name=replica$n passfile=/var/lib/postgresql/.pgpass'
primary_slot_name = 'replica$n'
CONF
if [ $n = 1 ]; then
  echo '$unit' >/etc/systemd/system/pg-node.service
  systemctl enable -q --now pg-node
else
  runuser -u postgres -- \$bin/pg_ctl -D /srv/pg/node -w -l /dev/null start >/dev/null
fi
END
done

echo '== verify'
polarplay verify -i "$inventory"

# What is broken is found all the same, under the names that these hosts have.
red() { polarplay verify -i "$inventory" --format json --within 1 --skip data.delay |
  node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).findings.filter(f => f.verdict === "failed").map(f => f.id).join(" "))'; }
expect() {
  found=$(red || true)
  [ "$found" = "$1" ] || { echo "✗ $2: expected $1, red: ${found:-nothing}" >&2; exit 1; }
  echo "✓ $2: $1"
}
on st1 <<<'systemctl stop shared-disks'
expect storage.service 'the NBD server is stopped'
on st1 <<<'systemctl start shared-disks'
# The server has ended its sessions, and nbdfuse opens no new one by itself.
for node in rw1 ro1 ro2; do
  on $node <<<'for disk in export1 export2 export3 scratch; do systemctl restart attach-$disk; done'
done
on ro1 <<<'systemctl disable -q pg-node'
expect boot.units 'the database does not start at boot'
on ro1 <<<'systemctl enable -q pg-node'
on ro2 <<<'runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_ctl -D /srv/pg/node -w stop >/dev/null'
expect services.active 'a server that no unit runs is stopped'
on ro2 <<<'runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_ctl -D /srv/pg/node -w -l /dev/null start >/dev/null'
on rw1 <<<"sed -i '1i host all all 0.0.0.0/0 trust' /srv/pg/node/pg_hba.conf; systemctl kill -s HUP pg-node; sleep 0.5"
expect 'security.hba security.password' 'everybody is trusted'
echo 'the cluster that was set up by hand is judged like one of the roles'
