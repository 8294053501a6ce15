import type { Break } from '../break.ts';

export const blockBreaks: readonly Break[] = [
  {
    id: 'disk-detached',
    what: 'a disk is not attached',
    host: 'ro1',
    breaks: 'systemctl stop polar-nbd@nvmeexport2',
    heals: 'systemctl start polar-nbd@nvmeexport2',
    red: ['block.connected', 'services.active'],
    ci: true,
  },
  {
    id: 'disks-swapped',
    what: 'two disks are swapped on one node',
    host: 'ro1',
    breaks:
      'a=$(readlink /dev/nvmeexport1); b=$(readlink /dev/nvmeexport2); ln -sfn $b /dev/nvmeexport1; ln -sfn $a /dev/nvmeexport2',
    heals:
      'a=$(readlink /dev/nvmeexport1); b=$(readlink /dev/nvmeexport2); ln -sfn $b /dev/nvmeexport1; ln -sfn $a /dev/nvmeexport2',
    red: ['block.connected'],
    says: /export2/,
    ci: true,
  },
  {
    id: 'disk-other-export',
    what: 'a disk is connected to another export',
    host: 'ro2',
    breaks:
      'save /etc/polar/nbd/nvmeexport3.env; sed -i s/^NBD_EXPORT=.*/NBD_EXPORT=export2/ /etc/polar/nbd/nvmeexport3.env; systemctl restart polar-nbd@nvmeexport3',
    heals: 'back /etc/polar/nbd/nvmeexport3.env; systemctl restart polar-nbd@nvmeexport3',
    red: ['block.connected', 'boot.files'],
  },
  {
    id: 'disk-private',
    what: 'a disk is a file of the node itself',
    host: 'ro1',
    breaks:
      'readlink $SCRATCH >/root/was; truncate -s 64M /root/private; l=$(losetup -f); [ -b $l ] || mknod $l b 7 ${l#/dev/loop}; losetup $l /root/private; ln -sfn $l $SCRATCH',
    heals: 'losetup -d $(readlink $SCRATCH); ln -sfn $(cat /root/was) $SCRATCH; rm /root/private',
    red: ['block.connected'],
    says: /a file of the host itself/,
  },
  {
    id: 'disk-name-gone',
    what: 'the name of a disk is gone',
    host: 'ro2',
    breaks: 'readlink /dev/nvmeexport3 >/root/was; rm /dev/nvmeexport3',
    heals: 'ln -sfn $(cat /root/was) /dev/nvmeexport3',
    red: ['block.connected'],
    says: /missing/,
  },
  {
    id: 'disk-read-only',
    what: 'a disk is read-only on one node',
    host: 'ro2',
    breaks: 'blockdev --setro $SCRATCH',
    heals: 'blockdev --setrw $SCRATCH',
    red: ['block.size'],
  },
  {
    id: 'scratch-foreign',
    what: 'the scratch export holds something else',
    host: 'rw1',
    breaks:
      'echo "somebody’s data" | dd of=$SCRATCH bs=4096 count=1 conv=notrunc,fsync,sync oflag=direct status=none iflag=fullblock',
    heals: 'dd if=/dev/zero of=$SCRATCH bs=4096 count=1 conv=notrunc,fsync oflag=direct status=none',
    red: ['block.shared'],
    says: /did not write/,
  },
  {
    id: 'device-mode',
    what: 'everybody may write to a disk of a node',
    host: 'ro1',
    breaks: 'chmod 666 $(readlink -f /dev/nvmeexport1)',
    heals: 'chmod 660 $(readlink -f /dev/nvmeexport1)',
    red: ['block.unused'],
  },
  {
    id: 'disk-mounted',
    what: 'a shared disk is mounted on a node',
    host: 'ro1',
    breaks: 'mkfs.ext4 -q -F /dev/nvmeexport3 && mkdir -p /mnt/x && mount /dev/nvmeexport3 /mnt/x',
    heals: 'umount /mnt/x; dd if=/dev/zero of=/dev/nvmeexport3 bs=1M count=64 status=none oflag=direct; :',
    red: ['block.unused'],
    says: /mounted on/,
  },
  {
    id: 'disk-cached',
    what: 'a disk is read through the page cache',
    host: 'ro1',
    breaks: 'losetup --direct-io=off $(readlink -f /dev/nvmeexport2)',
    heals: 'losetup --direct-io=on $(readlink -f /dev/nvmeexport2)',
    red: ['block.connected'],
    says: /page cache/,
  },
  {
    id: 'split-view',
    what: 'a node was attached to a copy of a disk',
    host: 'st1',
    breaks: `truncate -s $(blockdev --getsize64 /dev/vdd) /srv/copy.img; echo other | dd of=/srv/copy.img conv=notrunc status=none
save $CONF; sed -i 's,= /dev/vdd$,= /srv/copy.img,' $CONF; serve
@ro1
systemctl restart polar-nbd@nvmeexport3
@st1
back $CONF; serve`,
    heals: `@ro1
systemctl restart polar-nbd@nvmeexport3
@st1
rm /srv/copy.img; sleep 0.5`,
    red: ['storage.sessions', 'block.content'],
    says: /ro1: other blocks/,
    alone: true,
  },
  {
    id: 'storage-cut-off',
    what: 'a node sends nothing to the storage host',
    host: 'ro1',
    breaks:
      'ip rule add pref 100 to $(getent ahostsv4 st1 | head -n 1 | cut -d " " -f 1) ipproto tcp dport 1921 blackhole',
    heals: 'ip rule del pref 100; sleep 3',
    red: ['storage.members', 'block.reads'],
    alone: true,
  },
  {
    id: 'fstab-disk',
    what: 'the next boot mounts a shared disk',
    host: 'ro2',
    breaks: 'save /etc/fstab; echo "/dev/nvmeexport2 /data ext4 nofail 0 2" >>/etc/fstab',
    heals: 'back /etc/fstab',
    red: ['block.unused'],
    says: /nvmeexport2 \/data/,
  },
  {
    id: 'udev-rule',
    what: 'a rule of udev gives the name of a disk to another one',
    host: 'rw1',
    breaks: `mkdir -p /etc/udev/rules.d; echo 'KERNEL=="sdb", SYMLINK+="nvmeexport1"' >/etc/udev/rules.d/99-own.rules`,
    heals: 'rm /etc/udev/rules.d/99-own.rules',
    red: ['block.unused'],
  },
];
