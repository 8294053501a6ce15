import type { Static } from 'typebox';
import { withoutSlashes } from '../../source/strip-end.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, type ModuleContext, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';
import { dropEntry, type FstabEntry, keepEntry, type Mounted, parseMounts, sourceMatches } from './fstab.ts';

const args = Type.Object({
  path: A.path('The mount point.', { aliases: ['name'] }),
  state: A.choice(
    ['absent', 'absent_from_fstab', 'mounted', 'present', 'unmounted', 'remounted', 'ephemeral'],
    'present: in fstab; mounted: in fstab and mounted; ephemeral: mounted only; unmounted: fstab is left alone; absent: neither, and the directory is removed; absent_from_fstab: not in fstab; remounted: mounted again with its options.',
  ),
  src: A.opt(A.path('What to mount: a device, UUID=…, host:/export and the like.')),
  fstype: A.opt(A.str('Type of the file system.')),
  opts: A.opt(A.str('Mount options.')),
  dump: A.str('Fifth field of fstab.', { default: '0' }),
  passno: A.str('Sixth field of fstab: order of checks at boot.', { default: '0' }),
  fstab: A.opt(A.path('File to use instead of /etc/fstab.')),
  boot: A.bool('Mount at boot; false adds noauto.', { default: true }),
  backup: A.bool('Keep a copy of fstab as it was.', { default: false }),
});

type Args = Static<typeof args>;

interface Found extends TextFile {
  readonly exists: boolean;
  readonly realPath: string;
  readonly mounted: Mounted | undefined;
}

const entryOf = (args: Args): FstabEntry => {
  const opts = (args.opts ?? 'defaults').split(',');
  const noauto = !args.boot && !opts.includes('noauto') && !opts.includes('defaults');
  return {
    src: toBytes(args.src ?? ''),
    name: toBytes(args.path),
    fstype: toBytes(args.fstype ?? ''),
    opts: toBytes([...opts, ...(noauto ? ['noauto'] : [])].join(',')),
    dump: args.dump,
    passno: args.passno,
  };
};

interface Work {
  /** New text of fstab; undefined when it stays. */
  readonly after: string | undefined;
  readonly act: 'mount' | 'remount' | 'unmount' | undefined;
  readonly removeDirectory: boolean;
}

/** What there is to do. Pure. */
function work(found: Found, args: Args): Work {
  const text = found.text ?? '';
  const after = (edited: string) => (edited === text ? undefined : edited);
  const nothing = { after: undefined, act: undefined, removeDirectory: false };
  const mounted = found.mounted !== undefined;
  switch (args.state) {
    case 'present':
      return { ...nothing, after: after(keepEntry(text, entryOf(args))) };
    case 'absent_from_fstab':
      return { ...nothing, after: after(dropEntry(text, toBytes(args.path))) };
    case 'absent': {
      const edited = after(dropEntry(text, toBytes(args.path)));
      if (edited === undefined) return nothing;
      return { after: edited, act: mounted ? 'unmount' : undefined, removeDirectory: found.exists };
    }
    case 'unmounted':
      return { ...nothing, act: mounted ? 'unmount' : undefined };
    case 'remounted':
      return { ...nothing, act: 'remount' };
    case 'mounted': {
      const edited = after(keepEntry(text, entryOf(args)));
      return {
        ...nothing,
        after: edited,
        act: !mounted ? 'mount' : edited === undefined ? undefined : 'remount',
      };
    }
    case 'ephemeral':
      if (found.mounted && !sourceMatches(found.mounted, args.src ?? ''))
        throw new ModuleError(
          `Ephemeral mount point ${args.path} is already mounted with a different source (${found.mounted.source}) than the specified one. Unmount it first, or use another path.`,
        );
      return { ...nothing, act: mounted ? 'remount' : 'mount' };
  }
}

function fields(args: Args): Record<string, Json> {
  const entry = entryOf(args);
  return {
    name: args.path,
    src: args.src ?? null,
    fstype: args.fstype ?? null,
    opts: entry.opts,
    dump: args.dump,
    passno: args.passno,
    fstab: args.fstab ?? '/etc/fstab',
    boot: args.boot ? 'yes' : 'no',
  };
}

function warningsOf(args: Args): string[] {
  const opts = (args.opts ?? 'defaults').split(',');
  if (opts.includes('noauto')) return ["Ignore the 'boot' due to 'opts' contains 'noauto'."];
  return !args.boot && opts.includes('defaults')
    ? ["Ignore the 'boot' due to 'opts' contains 'defaults'."]
    : [];
}

export const mount = defineState({
  name: 'mount',
  aliases: ['ansible.posix.mount'],
  summary: 'Keeps entries of fstab, and mounts and unmounts file systems.',
  examples: `
- name: Mount the disk for backups, now and at each boot
  mount:
    src: LABEL=backups
    path: /srv/backups
    fstype: xfs
    opts: noatime,nofail
    state: mounted
`,
  args,
  rules: {
    requiredIf: [
      ['state', 'mounted', ['src', 'fstype']],
      ['state', 'present', ['src', 'fstype']],
      ['state', 'ephemeral', ['src', 'fstype']],
    ],
  },
  returns: {
    name: 'The mount point.',
    src: 'What is mounted.',
    fstype: 'Type.',
    opts: 'Options, as in fstab.',
    fstab: 'The file.',
    backup_file: 'Name of the copy.',
  },
  differences: ['fstab is replaced atomically, and comes back as it was when mounting fails.'],
  touches: args => [args.path, `mount:${args.path}`, args.fstab ?? '/etc/fstab'],

  *probe(args): Steps<Found> {
    const p = quote(args.path);
    const found = yield* readText(
      args.fstab ?? '/etc/fstab',
      `p=${p}; if [ -e "$p" ]; then begin point; readlink -fn "$p"; fi; begin mounts; cat /proc/self/mountinfo`,
    );
    const { records } = found;
    const point = withoutSlashes(records.text('point') ?? args.path);
    return {
      ...found,
      exists: records.has('point'),
      realPath: point,
      mounted: parseMounts((records.text('mounts') ?? '').split('\n')).findLast(m => m.point === point),
    };
  },

  diff(found, args) {
    const { after, act, removeDirectory } = work(found, args);
    const verbs = { mount: 'mount', remount: 'mount again', unmount: 'unmount' };
    return {
      changes: [
        ...(after === undefined ? [] : [`${found.file.path}: ${args.path}`]),
        ...(act ? [`${verbs[act]} ${args.path}`] : []),
        ...(removeDirectory ? [`remove ${args.path}`] : []),
      ],
      ...(after !== undefined && { diff: [textDiff(found.text, after, found.file.path)] }),
      result: { ...fields(args), ...(warningsOf(args).length > 0 && { warnings: warningsOf(args) }) },
    };
  },

  *apply(found, args, ctx) {
    const { after, act, removeDirectory } = work(found, args);
    let backup: Json = '';
    if (after !== undefined)
      backup =
        (yield* writeText(found, after, {
          backup: args.backup && found.file.status !== undefined,
          makeParents: true,
        })).backup_file ?? '';
    const script = actScript(args, act, removeDirectory);
    if (script === '') return { backup_file: backup };
    const reply = yield* sh(script);
    if (reply.rc === 0) return { backup_file: backup };
    // A broken entry in fstab may keep the host from booting.
    if (after !== undefined && args.state === 'mounted') yield* restore(found, args, ctx);
    const verb = { mount: 'mounting', remount: 'remounting', unmount: 'unmounting' }[act ?? 'unmount'];
    throw new ModuleError(`Error ${verb} ${args.path}: ${reply.stderr.trim()}`, fields(args));
  },
});

/** Puts fstab back as it was. */
function* restore(found: Found, args: Args, _ctx: ModuleContext): Steps<void> {
  const now = yield* readText(args.fstab ?? '/etc/fstab');
  if (found.text === undefined) yield* sh(`rm -f ${quote(found.file.realPath)}`);
  else yield* writeText(now, found.text);
}

function actScript(args: Args, act: Work['act'], removeDirectory: boolean): string {
  const path = quote(args.path);
  const opts = args.opts === undefined || args.opts === 'defaults' ? undefined : args.opts;
  const table = args.fstab === undefined || args.fstab === '/etc/fstab' ? '' : ` -T ${quote(args.fstab)}`;
  const temporary = ` -t ${quote(args.fstype ?? '')}${opts === undefined ? '' : ` -o ${quote(opts)}`} ${quote(args.src ?? '')}`;
  const how = args.state === 'ephemeral' ? temporary : table;
  const lines: string[] = [];
  if (act === 'mount')
    // Directories made for nothing go again, innermost first.
    lines.push(`made=; d=${path}; while [ ! -e "$d" ] && [ -n "$d" ]; do made="$made
$d"; d=\${d%/*}; done
mkdir -p ${path} || exit $?
mount${how} ${path} || { rc=$?; printf '%s\\n' "$made" | while IFS= read -r d; do [ -z "$d" ] || rmdir "$d" 2>/dev/null; done; exit $rc; }`);
  if (act === 'remount') {
    const remount = args.state === 'remounted' && opts !== undefined ? `remount,${opts}` : 'remount';
    const again =
      args.state === 'remounted' && opts !== undefined
        ? 'exit 1'
        : `umount ${path} && mount${how} ${path} || exit $?`;
    // Some file systems cannot be remounted: then they are unmounted and mounted.
    lines.push(`mount -o ${quote(remount)}${how} ${path} || { ${again}; }`);
  }
  if (act === 'unmount') lines.push(`umount ${path} || exit $?`);
  if (removeDirectory) lines.push(`rmdir ${path} || exit $?`);
  return lines.join('\n');
}
