# What play.yml does, as one script: the least work that leaves the same files and touches nothing that is right already.
# $1 is the inventory's name of the host, $2 the first host's. The files of the play are in $files (see the harness).
set -eu
base=/opt/runner-bench
owners='ada grace edsger barbara donald tony leslie frances john radia'
umask 022
changed=0

dir() { # MODE PATH
  [ -d "$2" ] || { mkdir "$2"; changed=1; }
  mode "$1" "$2"
}
mode() { # MODE PATH
  [ "$(stat -c %a "$2")" = "$1" ] || { chmod "$1" "$2"; changed=1; }
}
put() { # MODE PATH, content on stdin
  cat >"$2.new"
  if cmp -s "$2.new" "$2"; then rm "$2.new"; mode "$1" "$2"; return 1; fi
  chmod "$1" "$2.new"
  mv "$2.new" "$2"
  changed=1
}
line() { # PATTERN LINE
  grep -qxF "$2" "$base/etc/tuning.conf" && return 0
  { grep -v "$1" "$base/etc/tuning.conf" || :; echo "$2"; } >"$base/etc/tuning.conf.new"
  mv "$base/etc/tuning.conf.new" "$base/etc/tuning.conf"
  changed=1
}

dir 755 $base
dir 750 $base/etc
dir 755 $base/var
dir 755 $base/bin
for owner in $owners; do dir 700 $base/var/$owner; done
put 644 $base/etc/banner.txt <<'X' || :
@banner.txt@
X
put 640 $base/etc/words.txt <<'X' || :
@words.txt@
X
put 755 $base/bin/serve <<'X' || :
@serve.sh@
X
echo 'orders on 8080' | put 644 $base/etc/service || :
echo 'not really' | put 600 $base/etc/secret || :
for owner in $owners; do echo "owned by $owner" | put 600 $base/var/$owner/note || :; done
notified=0
put 644 $base/etc/main.conf <<X && notified=1 || :
# orders
host = $(hostname)
port = 8080
admin_port = 8081
owners = 10
cache = on
X
put 644 $base/etc/owners.conf <<'X' && notified=1 || :
1 ada ADA
2 barbara BARBARA
3 donald DONALD
4 edsger EDSGER
5 frances FRANCES
6 grace GRACE
7 john JOHN
8 leslie LESLIE
9 radia RADIA
10 tony TONY
X
put 644 $base/etc/limits.conf <<'X' || :
orders soft nofile 1024
orders hard nofile 4096
X
put 640 $base/etc/features.conf <<'X' || :
cache = on
metrics = on
trace = off
X
family=$(. /etc/os-release; case " $ID ${ID_LIKE:-} " in *" debian "*) echo debian ;; *) echo "$ID" ;; esac)
put 644 $base/etc/identity.conf <<X || :
name = $1
family = $family
first = $2
X
[ -e $base/etc/tuning.conf ] || : >$base/etc/tuning.conf
mode 644 $base/etc/tuning.conf
line '^workers' 'workers = 4'
line '^backlog' 'backlog = 512'
line '^timeout' 'timeout = 30'
! grep -q '^debug' $base/etc/tuning.conf
put 644 $base/etc/hosts.list <<'X' || :
# BEGIN ANSIBLE MANAGED BLOCK
127.0.0.1 orders.local
127.0.0.2 orders-admin.local
# END ANSIBLE MANAGED BLOCK
# BEGIN extra
127.0.0.3 orders-extra.local
# END extra
X
[ "$(readlink $base/etc/current.conf)" = main.conf ] || { ln -sfn main.conf $base/etc/current.conf; changed=1; }
[ -e $base/var/banner.sum ] || { sha256sum $base/etc/banner.txt >$base/var/banner.sum; changed=1; }
[ "$(cat $base/etc/service)" = 'orders on 8080' ]
echo seen | put 644 $base/var/seen || :
[ "$(wc -l <$base/etc/words.txt)" -eq 400 ]
[ "$(stat -c %a $base/bin/serve)" = 755 ]
[ $notified = 0 ] || date +%s.%N
echo "changed=$changed"
