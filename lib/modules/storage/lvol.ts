import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { ask } from '../kit/reply.ts';
import { quotedWords } from '../kit/sh.ts';
import { parseSize, type Space, wantedBytes } from './volume-size.ts';

const args = Type.Object({
  vg: A.str('Volume group.'),
  lv: A.opt(A.str('Name of the volume.')),
  size: A.opt(A.str('Size: 512 (MiB), 10g, 80%VG, 100%FREE; +10g and -10g change it by that much.')),
  state: A.choice(['absent', 'present'], 'Whether the volume should exist.', { default: 'present' }),
  active: A.bool('Whether the volume is active.', { default: true }),
  force: A.bool('Allow removing and shrinking.', { default: false }),
  shrink: A.bool('Make a volume smaller that is larger than asked for; only with force.', { default: true }),
  resizefs: A.bool('Resize the file system with the volume.', { default: false }),
  opts: A.opt(A.str('Further arguments for lvcreate.')),
  pvs: A.opt(A.str('Devices to put the volume on, divided by commas.')),
  snapshot: A.opt(A.str('Name of a snapshot to take of the volume.')),
  thinpool: A.opt(A.str('Thin pool to make, or to make the volume in.')),
});

type Args = Static<typeof args>;

interface Volume {
  readonly name: string;
  readonly size: number;
  readonly active: boolean;
  readonly thinPool: boolean;
  readonly thinVolume: boolean;
}

interface Found {
  readonly group: Space | undefined;
  readonly volumes: readonly Volume[];
}

interface Work {
  readonly commands: readonly string[];
  readonly changes: readonly string[];
  readonly volume: Volume | undefined;
}

const target = (args: Args) =>
  args.snapshot ??
  (args.thinpool !== undefined && args.lv === undefined
    ? args.thinpool
    : defined(args.lv, 'lv, snapshot or thinpool is needed'));

function checkOrigin(found: Found, args: Args): void {
  const named = (name: string | undefined) => found.volumes.find(v => v.name === name);
  if (args.snapshot !== undefined) {
    const origin = named(args.lv);
    if (!origin)
      throw new ModuleError(`Snapshot origin LV ${args.lv} does not exist in volume group ${args.vg}.`);
    if (origin.thinPool || args.thinpool !== undefined)
      throw new ModuleError('Snapshots of thin pool LVs are not supported.');
  } else if (args.thinpool !== undefined && args.lv !== undefined && !named(args.thinpool))
    throw new ModuleError(`Thin pool LV ${args.thinpool} does not exist in volume group ${args.vg}.`);
}

/** What there is to do. Pure. */
function work(found: Found, args: Args): Work {
  const nothing: Work = { commands: [], changes: [], volume: undefined };
  if (!found.group) {
    if (args.state === 'absent') return nothing;
    throw new ModuleError(`Volume group ${args.vg} does not exist.`);
  }
  const name = target(args);
  const volume = found.volumes.find(v => v.name === name || v.name === name.split('/').at(-1));
  const path = (v: string) => quote(`${args.vg}/${v}`);
  if (args.state === 'absent') {
    if (!volume) return nothing;
    if (!args.force)
      throw new ModuleError(`Sorry, no removal of logical volume ${volume.name} without force=true.`);
    return {
      commands: [`lvremove --force ${path(volume.name)}`],
      changes: [`remove volume ${args.vg}/${volume.name}`],
      volume,
    };
  }
  checkOrigin(found, args);
  if (!volume)
    return { commands: [creation(found, args)], changes: [`make volume ${args.vg}/${name}`], volume };
  const resize =
    args.size === undefined || args.snapshot !== undefined ? undefined : resizing(found.group, volume, args);
  const activate =
    volume.active === args.active ? [] : [`lvchange -a${args.active ? 'y' : 'n'} ${path(volume.name)}`];
  return {
    commands: [...(resize ? [resize.command] : []), ...activate],
    changes: [
      ...(resize ? [resize.change] : []),
      ...activate.map(() => `${args.active ? 'activate' : 'deactivate'} ${args.vg}/${volume.name}`),
    ],
    volume,
  };
}

function creation(found: Found, args: Args): string {
  const opts = quotedWords(args.opts ?? '');
  const origin = found.volumes.find(v => v.name === args.lv);
  if (args.size === undefined && !(args.snapshot !== undefined && origin?.thinVolume))
    throw new ModuleError('No size given.');
  const size = args.size === undefined ? undefined : parseSize(args.size);
  if (size?.operator === '-')
    throw new ModuleError(`Bad size specification of '${args.size}' for creating LV`);
  const flag = size === undefined ? '' : size.percent ? `-l ${size.text}` : `-L ${size.text}`;
  const pool = quote(`${args.vg}/${args.thinpool}`);
  if (args.snapshot !== undefined)
    return `lvcreate --yes ${flag} -s -n ${quote(args.snapshot)} ${opts} ${quote(`${args.vg}/${args.lv}`)}`;
  if (args.thinpool !== undefined && args.lv !== undefined) {
    if (size?.percent) throw new ModuleError('Thin volume sizing with percentage not supported.');
    return `lvcreate --yes -n ${quote(args.lv)} -V ${defined(size, 'a thin volume needs a size').text} ${opts} -T ${pool}`;
  }
  if (args.thinpool !== undefined) return `lvcreate --yes ${flag} ${opts} -T ${pool}`;
  const devices = (args.pvs ?? '').split(',').filter(Boolean).map(quote).join(' ');
  return `lvcreate --yes -n ${quote(defined(args.lv, 'lv, snapshot or thinpool is needed'))} ${flag} ${opts} ${quote(args.vg)} ${devices}`.trimEnd();
}

interface Resize {
  readonly command: string;
  readonly change: string;
}

function resizing(group: Space, volume: Volume, args: Args): Resize | undefined {
  const size = parseSize(defined(args.size, 'the caller asked for it'));
  const wanted = wantedBytes(size, group, volume.size);
  const grow = wanted > volume.size;
  // Percentages leave up to an extent over.
  const tooLarge = size.percent ? volume.size > wanted + group.extent : wanted < volume.size;
  const shrink = size.operator === '-' ? wanted < volume.size : args.shrink && tooLarge;
  if (!grow && !shrink) return undefined;
  if (grow && size.percent && group.free < wanted - volume.size)
    throw new ModuleError(
      `Logical Volume ${volume.name} could not be extended. Not enough free space left (${wanted - volume.size} bytes required / ${group.free} bytes available)`,
    );
  if (shrink && wanted < 1) throw new ModuleError(`Sorry, no shrinking of ${volume.name} to 0 permitted.`);
  if (shrink && !args.force)
    throw new ModuleError(`Sorry, no shrinking of ${volume.name} without force=true.`);
  const tool = grow ? 'lvextend' : 'lvreduce --force';
  const devices = grow ? (args.pvs ?? '').split(',').filter(Boolean).map(quote).join(' ') : '';
  const flag = size.percent ? `-l ${size.operator}${size.text}` : `-L ${size.operator}${size.text}`;
  return {
    command:
      `${tool}${args.resizefs ? ' --resizefs' : ''} ${flag} ${quote(`${args.vg}/${volume.name}`)} ${devices}`.trimEnd(),
    change: `resize ${args.vg}/${volume.name}: ${volume.size} → ${wanted} bytes`,
  };
}

export const lvol = defineState({
  name: 'lvol',
  aliases: ['community.general.lvol'],
  summary: 'Keeps LVM logical volumes.',
  examples: `
- name: Make a volume for backups
  lvol: {vg: data, lv: backups, size: 500G}
`,
  args,
  rules: { requiredOneOf: [['lv', 'thinpool']] },
  returns: { vg: 'Volume group.', lv: 'Name of the volume.', size: 'Its size before, in MiB.' },
  differences: [
    'A new volume overwrites signatures of earlier ones in the same place without asking, as there.',
    'Activation that is as wanted runs no command.',
    'Sizes with + and - are a change each time the task runs, as there.',
  ],
  touches: args => [`vg:${args.vg}`],

  *probe(args): Steps<Found> {
    if (args.size !== undefined) parseSize(args.size);
    const vg = quote(args.vg);
    const reply = yield* ask(`PATH=$PATH:/usr/sbin:/sbin
${needsProgram('vgs', 'lvm2')}
begin group; vgs --noheadings --nosuffix --units b --separator ';' -o size,free,vg_extent_size ${vg} 2>/dev/null || exit 0
begin volumes; lvs -a --noheadings --nosuffix --units b --separator ';' -o lv_name,size,lv_attr ${vg}`);
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim(), { rc: reply.rc });
    const [group, lvs] = [reply.text('group') ?? '', reply.text('volumes') ?? ''];
    const [size, free, extent] = group.trim().split(';').map(Number);
    if (size === undefined || extent === undefined) return { group: undefined, volumes: [] };
    const volumes = lvs.split('\n').flatMap(row => {
      const [name, bytes, attributes = ''] = row.trim().split(';');
      if (!name || bytes === undefined) return [];
      return [
        {
          name: name.replace(/^\[|\]$/g, ''),
          size: Number(bytes),
          active: attributes[4] === 'a',
          thinPool: attributes[0] === 't',
          thinVolume: attributes[0] === 'V',
        },
      ];
    });
    return { group: { size, free: free ?? 0, extent }, volumes };
  },

  diff(found, args) {
    const { changes, volume } = work(found, args);
    const fields: Record<string, Json> =
      volume && args.state === 'present' ? { vg: args.vg, lv: volume.name, size: volume.size / 2 ** 20 } : {};
    return { changes, result: fields };
  },

  *apply(found, args) {
    const reply = yield* sh(
      ['PATH=$PATH:/usr/sbin:/sbin', ...work(found, args).commands.map(c => `${c} || exit $?`)].join('\n'),
    );
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `lvm failed with exit code ${reply.rc}`, { rc: reply.rc });
    return {};
  },
});
