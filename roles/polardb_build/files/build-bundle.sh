#!/bin/bash
# build-bundle.sh: builds zlog, PFS and PolarDB from the sources below $WORK and packs them into $WORK/bundle.tar.gz.
# Runs as an unprivileged user. Environment: WORK, VERSION (17, 15 or 11), JOBS, OPTIONS (of configure), KEY,
# EXTENSIONS (folders of PolarDB's external/). Folders $WORK/extension-* are extensions from elsewhere.
#
# The sources' own build scripts are not used: they use all processors, build for debugging by default, stop running
# servers, and remove the user's shared memory segments (ipcrm -a).
set -euo pipefail
: "${WORK:?}" "${VERSION:?}" "${JOBS:?}" "${KEY:?}"
PREFIX=/opt/polardb/current
STAGE=$WORK/stage
TREE=$STAGE$PREFIX
PFS=$TREE/polarstore/pfsd
export LC_ALL=C.UTF-8
# CentOS 7: its own compiler is too old for version 15.
for toolset in /opt/rh/devtoolset-*/enable; do
  if [ -r "$toolset" ]; then set +u; . "$toolset"; set -u; fi
done

# Runs make and prints only the current object: whole commands would be megabytes, and no output looks like a hang.
compile() { make "$@" | sed -u -n 's/.* -o \([^ ]*\.o\) .*/\1/p'; }

step() { echo "=== $* ($SECONDS s)"; }

rm -rf "$STAGE" "$WORK/bundle.tar.gz"
mkdir -p "$PFS"/{bin,lib,conf,include}

step zlog
make -s -C "$WORK/zlog" -j "$JOBS" PREFIX="$STAGE/zlog"
make -s -C "$WORK/zlog" PREFIX="$STAGE/zlog" install
cp -a "$STAGE"/zlog/lib/libzlog.so* "$PFS/lib/"

# PFS asks for -march=native. Its log entries claim an alignment that malloc does not give, so vector moves of 32 bytes
# crash the daemon; without vectorizing for a plain x86-64 none are made, and the binaries run on every machine.
# It also asks for -Werror, but a new warning of a newer compiler (GCC 14: the arguments of calloc) is no error.
step PFS
[ "$(uname -m)" = x86_64 ] && plain='-march=x86-64 -mtune=generic' || plain=
mkdir -p "$WORK/pfs/build"
(
  cd "$WORK/pfs/build"
  export CFLAGS="$plain -fno-tree-vectorize -Wno-error" CXXFLAGS="$plain -fno-tree-vectorize -Wno-error"
  export CPATH=$STAGE/zlog/include LIBRARY_PATH=$STAGE/zlog/lib
  cmake .. -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON '-DCMAKE_INSTALL_RPATH=$ORIGIN/../lib' >cmake.log || { tail -n 30 cmake.log; exit 1; }
  make -s -j "$JOBS" pfsdaemon pfsd pfs-tools pfsd_shm_tool
)
for name in pfsdaemon pfsd_shm_tool pfs pfsadm; do install -m 0755 "$WORK/pfs/bin/$name" "$PFS/bin/"; done
install -m 0644 "$WORK/pfs/lib/libpfsd.a" "$PFS/lib/"
install -m 0644 "$WORK/pfs/src/pfs_sdk/pfsd_sdk.h" "$PFS/include/"
install -m 0644 "$WORK/pfs/conf/pfsd_logger.conf" "$WORK/pfs/etc/polarfs.conf" "$PFS/conf/"

# Both versions look for PFS below /usr/local/polarstore only; the search paths point to the new build.
step "PolarDB $VERSION, configure"
cd "$WORK/polardb"
export CFLAGS="-g -pipe -Wall -fno-omit-frame-pointer -fsigned-char -O2"
export CXXFLAGS=$CFLAGS CPPFLAGS="-I$PFS/include"
export LDFLAGS="-L$PFS/lib -Wl,-rpath,'\$\$ORIGIN/../lib:\$\$ORIGIN/..',--build-id=sha1"
case $VERSION in
15 | 17) options="--enable-depend --with-uuid=e2fs --with-segsize=128 --enable-minimal" ;;
11) options="--enable-polar-minimal" ;;
*) echo "no recipe for version $VERSION"; exit 1 ;;
esac
# An archive has no git history for the text of version().
[ -z "${COMMIT:-}" ] || sed -i "s/^POLAR_COMMIT=.*/POLAR_COMMIT=$COMMIT/" configure
# shellcheck disable=SC2086
./configure -q --prefix=$PREFIX --disable-rpath --with-pfsd $options ${OPTIONS:-}
step "PolarDB $VERSION, compile"
if [ "$VERSION" -ge 15 ]; then
  compile -j "$JOBS" world-bin
  step "PolarDB $VERSION, install"
  make -s DESTDIR="$STAGE" install-world-bin
else
  # The minimal build omits polar_worker, which replicas need.
  for part in . contrib external external/polar_worker; do
    compile -j "$JOBS" -C $part
    make -s -C $part DESTDIR="$STAGE" install
  done
fi

for name in ${EXTENSIONS:-}; do
  step "extension $name"
  if [ ! -d "external/$name" ]; then
    echo "PolarDB $VERSION has no external/$name; it has $(cd external && echo */)"
    exit 1
  fi
  compile -j "$JOBS" -C "external/$name"
  make -s -C "external/$name" DESTDIR="$STAGE" install
done
# pg_config finds its own tree, so extensions install there.
for folder in "$WORK"/extension-*/; do
  [ -d "$folder" ] || continue
  step "${folder#"$WORK/"}"
  compile -j "$JOBS" -C "$folder" USE_PGXS=1 PG_CONFIG="$TREE/bin/pg_config"
  make -s -C "$folder" USE_PGXS=1 PG_CONFIG="$TREE/bin/pg_config" install
done

step check
grep -q -- --with-pfsd <("$TREE/bin/pg_config" --configure)
if grep -q -- --enable-cassert <("$TREE/bin/pg_config" --configure); then echo 'this is a debug build'; exit 1; fi
# Programs for the tests of extensions, which find libpq only in an installed PolarDB.
rm -rf "$STAGE/zlog" "$TREE/lib/postgresql/pgxs/src/test"
find "$TREE" -name '*.a' ! -name libpfsd.a -delete
find "$TREE" -type f \( -perm -u+x -o -name '*.so*' \) -exec sh -c '
  for file; do [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] && strip --strip-unneeded "$file"; done; :' - {} +
missing=$(find "$TREE" -type f \( -perm -u+x -o -name '*.so*' \) -exec sh -c '
  for file; do [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] && ldd "$file" | sed -n "/not found/s,^,$file:,p"; done; :' - {} +)
[ -z "$missing" ] || { echo "$missing"; exit 1; }

step pack
echo "$KEY" >"$TREE/polar-bundle"
# The mark of completeness comes last: an interrupted unpacking has none.
tar -C "$TREE" --owner=0 --group=0 -cf - bin include lib polarstore share polar-bundle | gzip -6 >"$WORK/bundle.tar.gz.new"
mv "$WORK/bundle.tar.gz.new" "$WORK/bundle.tar.gz"
step "done: $(du -h "$WORK/bundle.tar.gz" | cut -f 1)"
