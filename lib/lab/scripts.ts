/** Shell that runs where no Node does: in namespaces of its own, in chroots, and inside hosts. */

/**
 * Inside a host at boot: device nodes for loop devices (the kernel makes them in the machine's /dev only), the disks
 * that the lab attached, under their own names, and enough shared memory for PFS and PostgreSQL.
 */
export const DEVICES_SCRIPT = `#!/bin/sh
set -eu
i=0
while [ $i -lt 128 ]; do
  [ -b /dev/loop$i ] || mknod -m 0660 /dev/loop$i b 7 $i
  i=$((i + 1))
done
chgrp disk /dev/loop[0-9]*
if [ -r /etc/lab-disks ]; then
  while read -r name loop; do ln -sfn "$loop" "/dev/$name"; done </etc/lab-disks
fi
mount -o remount,size=1g /dev/shm
`;

export const DEVICES_UNIT = `[Unit]
Description=Device nodes, disks and shared memory of a lab host
DefaultDependencies=no
After=local-fs-pre.target
Before=local-fs.target sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-devices

[Install]
WantedBy=sysinit.target
`;

/** In a mount namespace of its own: BASE UPPER WORK ARCHIVES PACKAGE… */
export const INSTALL_SCRIPT = `set -eu
base=$1 upper=$2 work=$3 archives=$4
shift 4
root=$work/root
mkdir "$work/work" "$root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$archives" "$root/var/cache/apt/archives"
mkdir -p "$archives/partial"
cp /etc/resolv.conf "$root/run/resolv.conf"
ln -s /run/resolv.conf "$root/etc/resolv.conf"
printf '#!/bin/sh\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot "$root" apt-get -q update
chroot "$root" apt-get -qy install --no-install-recommends "$@"
rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"
`;

/**
 * Frees loop devices that a host made and left when it ended: their backing file lives on a file system that no
 * process can see any more (a FUSE mount of the host's), or on the one named by $own (the host's root). Loops that
 * something has mounted are kept, and those whose file still stands where it was.
 */
export const FREE_LOOPS_SCRIPT = `
seen=$(cat /proc/[0-9]*/mountinfo 2>/dev/null | cut -d ' ' -f 3 | grep -vx "\${own:-none}" | sort -u)
losetup --list --noheadings --output NAME,MAJ:MIN,BACK-MAJ:MIN,BACK-INO,BACK-FILE |
  while read -r name self back inode file; do
    case $back in 0:*) ;; *) continue ;; esac
    if printf '%s\\n' "$seen" | grep -qx -e "$back" -e "$self"; then continue; fi
    if [ "$(stat -c %i "$file" 2>/dev/null)" = "$inode" ]; then continue; fi
    losetup -d "$name" || :
  done
`;

/**
 * Keeps one host running, in a mount namespace of its own that holds the host's overlay and a private view of cgroup2.
 * A reboot inside ends nspawn with 133: the host is started again on the same disk.
 */
export const SUPERVISE_SCRIPT = `set -eu
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo $$ >"/sys/fs/cgroup/$LAB_CGROUP/cgroup.procs"
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
cd "$LAB_DIR"
mount -t overlay overlay -o "lowerdir=$LAB_LOWER,upperdir=$LAB_DIR/upper,workdir=$LAB_DIR/work" root
if [ ! -e upper/etc/shadow ]; then
  chroot root chpasswd -c SHA512 <"$LAB_DIR/passwords"
fi
set -- --bind=/dev/loop-control
if [ -e /dev/fuse ]; then set -- "$@" --bind=/dev/fuse; fi
if [ -d disks ]; then set -- "$@" --bind="$LAB_DIR/disks:/srv/disks"; fi
while :; do
  code=0
  SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn --quiet --boot --directory=root \\
    --machine="$LAB_MACHINE" --hostname="$LAB_HOST" --register=no --keep-unit --console=pipe \\
    --network-namespace-path="$LAB_NETNS" --capability=CAP_NET_ADMIN --resolv-conf=off --timezone=off \\
    --link-journal=no --system-call-filter='~kexec_load kexec_file_load' "$@" </dev/null || code=$?
  own=$(mountpoint -d root)
  ${FREE_LOOPS_SCRIPT}
  [ $code -eq 133 ] || exit $code
done
`;
