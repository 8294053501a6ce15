/** Shell that runs where no Node does: in namespaces of its own, in chroots, and inside hosts. */

/**
 * Inside a host at boot: device nodes for loop devices (the kernel makes them in the machine's /dev only), the disks
 * that the lab attached, under their own names, and enough shared memory for PFS and PostgreSQL.
 */
export const DEVICES_SCRIPT = `#!/bin/sh
set -eu
if systemd-detect-virt --quiet --container; then
  i=0
  while [ $i -lt 128 ]; do
    [ -b /dev/loop$i ] || mknod -m 0660 /dev/loop$i b 7 $i
    i=$((i + 1))
  done
  chgrp disk /dev/loop[0-9]*
fi
if [ -r /etc/lab-disks ]; then
  while read -r name loop; do
    [ -b "$loop" ] || mknod -m 0660 "$loop" b 7 "\${loop#/dev/loop}"
    ln -sfn "$loop" "/dev/$name"
  done </etc/lab-disks
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

/** In a mount namespace of its own, with $lower, $upper, $work and $archives: an image in which packages can be installed. */
const OPEN_IMAGE = `
root=$work/root
mkdir "$work/work" "$root"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work/work" "$root"
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
install() { chroot "$root" apt-get -qy install --no-install-recommends "$@"; }
chroot "$root" apt-get -q update
`;

const CLOSE_IMAGE = `
rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"
umount "$root/proc" "$root/run" "$root/tmp" "$root/var/cache/apt/archives"
`;

/**
 * LOWER UPPER WORK ARCHIVES PACKAGES PREPARE-FOR (lists with blanks): installs packages in a layer above the base, and
 * what others depend on, but not those, nor what is named after them (postgresql-15 after postgresql). No service of
 * theirs starts at boot: a server nobody has set up yet would fail, or take the place of the one a playbook starts.
 */
export const INSTALL_SCRIPT = `set -eu
lower=$1 upper=$2 work=$3 archives=$4 packages=$5 prepare=$6
${OPEN_IMAGE}
needed=
if [ -n "$prepare" ]; then
  not=$(printf '%s' "$prepare" | tr ' ' '|')
  needed=$(chroot "$root" apt-get -qs install --no-install-recommends $prepare |
    sed -n 's/^Inst \\([^ ]*\\).*/\\1/p' | grep -vxE "($not)(-.*)?" || :)
fi
services() { find "$root/etc/systemd/system/multi-user.target.wants" -type l | sort; }
services >"$work/before"
install $packages $needed
services | comm -13 "$work/before" - | while read -r link; do
  chroot "$root" systemctl --quiet disable "\${link##*/}"
done
${CLOSE_IMAGE}
`;

/**
 * In a host with a kernel of its own: what makes this host out of the common image comes, at the first boot, from qemu's
 * firmware configuration or User Mode Linux's second disk; the network is set up at each.
 */
export const SEED_SCRIPT = `#!/bin/sh
set -eu
if [ ! -e /var/lib/lab-seeded ]; then
  seed=/sys/firmware/qemu_fw_cfg/by_name/opt/polarplay/seed/raw
  [ -e $seed ] || seed=/dev/ubdb
  tar -xf $seed -C /
  chpasswd -c SHA512 </etc/lab-passwords
  rm /etc/lab-passwords
  touch /var/lib/lab-seeded
fi
read -r address gateway </etc/lab-network
ip link set lo up
ip addr add "$address/24" broadcast + dev eth0
ip link set eth0 up
ip route add default via "$gateway" mtu 1400
`;

export const SEED_UNIT = `[Unit]
Description=Name, keys and network of a lab host
DefaultDependencies=no
After=systemd-remount-fs.service
Before=lab-devices.service sysinit.target network-pre.target
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-seed

[Install]
WantedBy=sysinit.target
`;

/**
 * LOWER OUT WORK ARCHIVES KERNEL PREPARE-FOR: writes root.img and the kernel (vmlinuz with initrd, or User Mode Linux's
 * program) into OUT. The packages that playbooks will install lie in apt's cache.
 */
export const GUEST_IMAGE_SCRIPT = `set -eu
lower=$1 out=$2 work=$3 archives=$4 kernel=$5 prepare=$6
upper=$work/upper
mkdir "$upper"
${OPEN_IMAGE}
if [ "$kernel" = user-mode-linux ]; then
  install kmod "$kernel"
  mkdir -p "$root/lib/modules"
  mv "$root/usr/bin/linux.uml" "$out/linux"
  mv "$root"/usr/lib/uml/modules/* "$root/lib/modules/"
  chroot "$root" depmod "$(ls "$root/lib/modules")"
else
  install initramfs-tools lz4
  printf 'MODULES=list\\nCOMPRESS=lz4\\n' >"$root/etc/initramfs-tools/conf.d/lab"
  printf '%s\\n' virtio_pci virtio_blk virtio_net qemu_fw_cfg >>"$root/etc/initramfs-tools/modules"
  install "$kernel"
  cp "$root"/boot/vmlinuz-* "$out/vmlinuz"
  cp "$root"/boot/initrd.img-* "$out/initrd"
fi
cached=
if [ -n "$prepare" ]; then
  install --download-only $prepare
  cached=$(chroot "$root" apt-get -qs install --no-install-recommends $prepare | sed -n 's/^Inst \\([^ ]*\\).*/\\1/p')
fi
cat >"$root/usr/local/sbin/lab-seed" <<'SEED'
${SEED_SCRIPT}SEED
chmod 755 "$root/usr/local/sbin/lab-seed"
cat >"$root/etc/systemd/system/lab-seed.service" <<'UNIT'
${SEED_UNIT}UNIT
chroot "$root" systemctl --quiet enable lab-seed.service
# What costs an emulated machine minutes, and a lab has no use for.
chroot "$root" systemctl --quiet mask e2scrub_reap.service e2scrub_all.timer apt-daily.timer \\
  apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer systemd-update-utmp.service \\
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount dev-hugepages.mount
# An empty one is not a first boot, so systemd takes the units as they are.
: >"$root/etc/machine-id"
${CLOSE_IMAGE}
for name in $cached; do cp "$archives/$name"_*.deb "$root/var/cache/apt/archives/"; done
mke2fs -q -t ext4 -d "$root" "$out/root.img" 16G
`;

/**
 * Frees loop devices that a host made and left when it ended. Their backing file lives on a file system that no
 * process can see any more, or that does not answer (a FUSE mount of the host's), or on the one named by $own (the host's
 * root). Loops that something has mounted are kept, and those whose file still stands where it was. What is seen is
 * asked last, so that a loop made meanwhile on a new file system is not taken for a left one.
 */
export const FREE_LOOPS_SCRIPT = `
loops=$(for loop in /sys/block/loop*/loop; do
  [ -e "$loop/backing_file" ] || continue
  node=\${loop#/sys/block/} node=/dev/\${node%/loop}
  set -- $(losetup --noheadings --output BACK-MAJ:MIN,BACK-INO "$node" 2>/dev/null)
  echo "$node $(cat "\${loop%/loop}/dev") \${1:-lost} \${2:-lost} $(cat "$loop/backing_file")"
done)
seen=$(cat /proc/[0-9]*/mountinfo 2>/dev/null | cut -d ' ' -f 3 | grep -vx "\${own:-none}" | sort -u)
printf '%s\\n' "$loops" | while read -r node self back inode file; do
  case $back in 0:* | lost) ;; *) continue ;; esac
  if printf '%s\\n' "$seen" | grep -qx -e "$back" -e "$self"; then continue; fi
  if [ "$(stat -c %i "$file" 2>/dev/null)" = "$inode" ]; then continue; fi
  losetup -d "$node" 2>/dev/null || :
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
