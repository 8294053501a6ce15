import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { ask } from '../kit/reply.ts';
import { quotedWords } from '../kit/sh.ts';
import { type DeviceFound, deviceScript, parseDevice } from './signatures.ts';

const args = Type.Object({
  vg: A.str('Name of the volume group.'),
  pvs: A.opt(A.list('Its devices, all of them.')),
  state: A.choice(['absent', 'present'], 'Whether the group should exist.', { default: 'present' }),
  pesize: A.str('Size of an extent, in MiB unless a unit is given.', { default: '4' }),
  pv_options: A.str('Further arguments for pvcreate.', { default: '' }),
  vg_options: A.str('Further arguments for vgcreate.', { default: '' }),
  pvresize: A.bool('Let the group use devices that have grown.', { default: false }),
  force: A.bool('Remove a group that has volumes; use devices that hold something else.', { default: false }),
});

type Args = Static<typeof args>;

interface PhysicalVolume {
  /** Without symbolic links: LVM calls a device by whichever of its names it likes best. */
  readonly name: string;
  readonly vg: string;
  /** Bytes the device has beyond what the group uses of it. */
  readonly spare: number;
  readonly extent: number;
}

interface Found {
  readonly devices: readonly (DeviceFound & { readonly real: string })[];
  readonly volumes: readonly PhysicalVolume[];
  /** Number of logical volumes; undefined when there is no such group. */
  readonly logical: number | undefined;
}

interface Work {
  readonly create: boolean;
  readonly remove: boolean;
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly grow: readonly string[];
}

/** What there is to do. Pure. */
function work(found: Found, args: Args): Work {
  const nothing: Work = { create: false, remove: false, add: [], drop: [], grow: [] };
  if (args.state === 'absent') {
    if (found.logical === undefined) return nothing;
    if (found.logical > 0 && !args.force)
      throw new ModuleError(`Refuse to remove non-empty volume group ${args.vg} without force=true`);
    return { ...nothing, remove: true };
  }
  for (const device of found.devices) {
    if (!device.exists) throw new ModuleError(`Device ${device.path} not found.`);
    const owner = found.volumes.find(v => v.name === device.real && v.vg !== '' && v.vg !== args.vg);
    if (owner) throw new ModuleError(`Device ${device.real} is already in ${owner.vg} volume group.`);
  }
  const wanted = found.devices.map(d => d.real);
  const now = found.volumes.filter(v => v.vg === args.vg).map(v => v.name);
  const add = wanted.filter(d => !now.includes(d));
  for (const device of found.devices.filter(d => add.includes(d.real))) {
    if (device.mountedAt !== undefined)
      throw new ModuleError(`Device ${device.path} is mounted at ${device.mountedAt}`);
    if (device.signature !== undefined && device.signature !== 'LVM2_member' && !args.force)
      throw new ModuleError(
        `Device ${device.path} holds ${device.signature}: use force=true to overwrite it`,
      );
  }
  if (found.logical === undefined) return { ...nothing, create: true, add };
  const drop = now.filter(d => !wanted.includes(d));
  const grow = args.pvresize
    ? found.volumes.filter(v => v.vg === args.vg && v.spare > v.extent).map(v => v.name)
    : [];
  return { ...nothing, add, drop, grow };
}

export const lvg = defineState({
  name: 'lvg',
  aliases: ['community.general.lvg'],
  summary: 'Keeps LVM volume groups.',
  examples: `
- name: Make a volume group of two disks
  lvg: {vg: data, pvs: [/dev/disk/by-id/virtio-d1, /dev/disk/by-id/virtio-d2]}
`,
  args,
  differences: ['A device that holds a file system or anything else is refused without force.'],
  touches: args => [`vg:${args.vg}`, ...(args.pvs ?? [])],

  *probe(args): Steps<Found> {
    if (args.state === 'present' && (args.pvs ?? []).length === 0)
      throw new ModuleError('No physical volumes given.');
    const devices = (args.pvs ?? []).map((p, i) => `part d${i}; ${deviceScript(p)}\nfield real "$r"`);
    const reply = yield* ask(`PATH=$PATH:/usr/sbin:/sbin
${needsProgram('vgs', 'lvm2')}
${devices.join('\n')}
part lvm; begin pvs; pvs --noheadings --nosuffix --units b --separator ';' -o pv_name,vg_name,dev_size,pv_size,pe_start,vg_extent_size |
  while IFS=' ;' read -r name rest; do printf '%s;%s\\n' "$(readlink -e -- "$name" || printf %s "$name")" "$rest"; done
begin vgs; vgs --noheadings --separator ';' -o vg_name,lv_count`);
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || 'Failed executing vgs command.', { rc: reply.rc });
    const lvm = reply.part('lvm');
    const [pvs, vgs] = [lvm.text('pvs') ?? '', lvm.text('vgs') ?? ''];
    const rows = (text: string) =>
      text
        .split('\n')
        .map(row => row.trim().split(';'))
        .filter(row => row.length > 1);
    return {
      devices: (args.pvs ?? []).map((_, i) => {
        const device = parseDevice(reply.part(`d${i}`));
        return { ...device, real: reply.part(`d${i}`).text('real') ?? device.path };
      }),
      volumes: rows(pvs).map(([name = '', vg = '', device, size, start, extent]) => ({
        name,
        vg,
        spare: Number(device) - Number(size) - Number(start),
        extent: Number(extent),
      })),
      logical: rows(vgs)
        .filter(([name]) => name === args.vg)
        .map(([, count]) => Number(count))[0],
    };
  },

  diff(found, args) {
    const { create, remove, add, drop, grow } = work(found, args);
    return {
      changes: [
        ...(create ? [`make volume group ${args.vg} of ${add.join(', ')}`] : []),
        ...(remove ? [`remove volume group ${args.vg}`] : []),
        ...(!create && add.length > 0 ? [`${args.vg}: add ${add.join(', ')}`] : []),
        ...(drop.length > 0 ? [`${args.vg}: take out ${drop.join(', ')}`] : []),
        ...grow.map(device => `${args.vg}: grow onto ${device}`),
      ],
    };
  },

  *apply(found, args) {
    const { create, remove, add, drop, grow } = work(found, args);
    const vg = quote(args.vg);
    const list = (devices: readonly string[]) => devices.map(quote).join(' ');
    const failing = (command: string, message: string) =>
      `e=$(${command} 2>&1) || { printf '%s: %s\\n' ${quote(message)} "$e" >&2; exit 95; }`;
    const lines = [
      'PATH=$PATH:/usr/sbin:/sbin',
      ...(remove ? [failing(`vgremove --force ${vg}`, `Failed to remove volume group ${args.vg}`)] : []),
      ...grow.map(d => failing(`pvresize ${quote(d)}`, 'Failed executing pvresize command')),
      ...add.map(d =>
        failing(
          `pvcreate ${quotedWords(args.pv_options)} -f -y ${quote(d)}`,
          `Creating physical volume '${d}' failed`,
        ),
      ),
      ...(create
        ? [
            failing(
              `vgcreate ${quotedWords(args.vg_options)} -s ${quote(args.pesize)} ${vg} ${list(add)}`,
              `Creating volume group '${args.vg}' failed`,
            ),
          ]
        : []),
      ...(!create && add.length > 0
        ? [failing(`vgextend ${vg} ${list(add)}`, `Unable to extend ${args.vg} by ${add.join(' ')}`)]
        : []),
      ...(drop.length > 0
        ? [
            failing(
              `vgreduce --force ${vg} ${list(drop)}`,
              `Unable to reduce ${args.vg} by ${drop.join(' ')}`,
            ),
          ]
        : []),
    ];
    const reply = yield* sh(lines.join('\n'));
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim(), { rc: reply.rc });
    return {};
  },
});
