import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Reply,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { pathWord } from '../kit/stat.ts';

const flag = (text: string) => A.opt(A.bool(`${text}; as archive says when not given.`));

const args = Type.Object({
  src: A.str('What is copied: a path of the control machine, of the host with mode=pull.'),
  dest: A.str('Where it goes: a path of the host, of the control machine with mode=pull.'),
  mode: A.choice(['pull', 'push'], 'To the host, or from it.', { default: 'push' }),
  archive: A.bool('Folders, links, permissions, times, owner and group.', { default: true }),
  checksum: A.bool('Compare contents, not times and sizes.', { default: false }),
  compress: A.bool('Compress on the way.', { default: true }),
  copy_links: A.bool('Copy what links lead to.', { default: false }),
  delay_updates: A.bool('Put all files in place at the end.', { default: true }),
  delete: A.bool('Remove what the source does not have.', { default: false }),
  dest_port: A.opt(A.int('Port of ssh.')),
  dirs: A.bool('Folders without what is in them.', { default: false }),
  existing_only: A.bool('Make no new files.', { default: false }),
  recursive: flag('Folders with what is in them'),
  links: flag('Links as links'),
  perms: flag('Permissions'),
  times: flag('Times'),
  owner: flag('Owner'),
  group: flag('Group'),
  link_dest: A.opt(A.list('Folders whose files are linked instead of copied.')),
  partial: A.bool('Keep files that came in part.', { default: false }),
  private_key: A.opt(A.path('Key of ssh.')),
  rsync_opts: A.list('Further words for rsync.', { default: [] }),
  rsync_path: A.opt(A.str('rsync on the host.')),
  rsync_timeout: A.int('Seconds without any data after which rsync gives up; 0 for never.', { default: 0 }),
  set_remote_user: A.bool('Log in as the user of the inventory.', { default: true }),
  ssh_connection_multiplexing: A.bool('Accepted; ssh decides.', { default: false }),
  use_ssh_args: A.bool('Accepted; ansible_ssh_common_args always count.', { default: false }),
  verify_host: A.bool('Accepted; the key of the host is always checked.', { default: false }),
});

type Args = Static<typeof args>;

const MARK = '<<CHANGED>>';

const ATTRIBUTES = ['recursive', 'links', 'perms', 'times', 'owner', 'group'] as const;

/** The words before source and destination. Pure. */
export function rsyncWords(args: Args, checkMode: boolean): string[] {
  const attributes = ATTRIBUTES.flatMap(name =>
    args.archive ? (args[name] === false ? [`--no-${name}`] : []) : args[name] === true ? [`--${name}`] : [],
  );
  return [
    ...(args.delay_updates ? ['--delay-updates', '-F'] : []),
    ...(args.compress ? ['--compress'] : []),
    ...(args.rsync_timeout > 0 ? [`--timeout=${args.rsync_timeout}`] : []),
    ...(checkMode ? ['--dry-run'] : []),
    ...(args.delete ? ['--delete-after'] : []),
    ...(args.existing_only ? ['--existing'] : []),
    ...(args.checksum ? ['--checksum'] : []),
    ...(args.copy_links ? ['--copy-links'] : []),
    ...(args.archive ? ['--archive'] : []),
    ...attributes,
    ...(args.dirs ? ['--dirs'] : []),
    ...args.rsync_opts,
    ...(args.partial ? ['--partial'] : []),
    ...(args.link_dest ? ['-H', '-vv', ...args.link_dest.map(path => `--link-dest=${path}`)] : []),
    `--out-format=${MARK}%i %n%L`,
  ];
}

const text = (ctx: ModuleContext, ...names: readonly string[]): string | undefined => {
  const found = names.map(name => ctx.variable(name)).find(value => value !== undefined && value !== null);
  return found === undefined ? undefined : String(found);
};

/** How ssh is called, from the variables that say how to reach the host. */
function sshCommand(args: Args, ctx: ModuleContext): string {
  const key = args.private_key ?? text(ctx, 'ansible_ssh_private_key_file', 'ansible_private_key_file');
  const port = args.dest_port ?? text(ctx, 'ansible_port', 'ansible_ssh_port');
  const more = [text(ctx, 'ansible_ssh_common_args'), text(ctx, 'ansible_ssh_extra_args')];
  return [
    'ssh -S none -o BatchMode=yes',
    ...(key === undefined ? [] : [`-i ${quote(key)}`]),
    ...(port === undefined ? [] : [`-p ${quote(String(port))}`]),
    ...more.filter(words => words !== undefined && words !== ''),
  ].join(' ');
}

function remotePath(path: string, args: Args, ctx: ModuleContext): string {
  if (/^(rsync:\/\/|[^/]*:)/.test(path)) return path;
  const user = args.set_remote_user ? text(ctx, 'ansible_user', 'ansible_ssh_user') : undefined;
  const host = text(ctx, 'ansible_host', 'ansible_ssh_host') ?? ctx.host;
  if (/^-/.test(user ?? host)) throw new ModuleError(`"${user ?? host}" would be an option of ssh`);
  return `${user === undefined ? '' : `${user}@`}${host.includes(':') ? `[${host}]` : host}:${path}`;
}

/** The path on the control machine; one that is not absolute is looked for as those of `copy` are. */
function sourcePath(src: string, ctx: ModuleContext): string {
  const end = src.endsWith('/') ? '/' : '';
  return /^([/~]|rsync:)/.test(src) || src.includes(':')
    ? src
    : ctx.find('files', src.replace(/\/$/, '')) + end;
}

const NEEDS = `${needsProgram('rsync', 'rsync')}\n`;

function* transfer(args: Args, ctx: ModuleContext): Steps<Reply> {
  const { delegate, become } = ctx.reach();
  const line = (words: readonly string[], from: string, to: string) =>
    `${NEEDS}rsync ${words.map(quote).join(' ')} -- ${from} ${to}`;
  const words = rsyncWords(args, ctx.checkMode);
  // Source and destination are on one machine: the one the task works on.
  if (delegate === ctx.host || ctx.connectionKind === 'local') {
    const src = delegate === ctx.host || args.mode === 'pull' ? args.src : sourcePath(args.src, ctx);
    return yield* sh(line(words, pathWord(src), pathWord(args.dest)), { live: true });
  }
  const path = args.rsync_path ?? (become === undefined ? undefined : `sudo -n -u ${become} rsync`);
  const all = [
    ...words,
    ...(args.rsync_opts.some(word => word.startsWith('--rsh')) ? [] : [`--rsh=${sshCommand(args, ctx)}`]),
    ...(path === undefined ? [] : [`--rsync-path=${path}`]),
  ];
  const remote = (where: string) => quote(remotePath(where, args, ctx));
  const script =
    args.mode === 'pull'
      ? line(all, remote(args.src), pathWord(args.dest))
      : line(all, pathWord(delegate === undefined ? sourcePath(args.src, ctx) : args.src), remote(args.dest));
  // A task delegated elsewhere starts rsync there, with the keys that are there.
  return yield delegate === undefined ? { kind: 'control', script } : { kind: 'sh', script, live: true };
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  const reply = yield* transfer(args, ctx);
  if (reply.rc !== 0)
    throw new ModuleError(reply.stderr.trim() || `rsync ended with exit code ${reply.rc}`, { rc: reply.rc });
  const out = reply.stdout;
  const changed = args.link_dest
    ? out.split('\n').some(row => row.startsWith(MARK) && row[MARK.length] !== '.')
    : out.includes(MARK);
  const msg = out.replaceAll(MARK, '');
  return { changed, msg, rc: 0, stdout_lines: msg.split('\n').filter(Boolean) };
}

export const synchronize = defineAction({
  name: 'synchronize',
  aliases: ['ansible.posix.synchronize'],
  summary: 'Copies files with rsync, to the host or from it.',
  examples: `
- name: Bring the configuration in git to the host
  synchronize: {src: config/, dest: /etc/pgbouncer/, delete: false}
`,
  traits: { fetches: true },
  args,
  returns: { msg: 'What rsync says.', stdout_lines: 'The same, by line.' },
  differences: [
    'rsync is needed on the control machine and on the host, and ssh must log in by itself (a key, an agent): passwords are not handed on.',
    "The host's key is always checked.",
  ],
  run: work,
  check: work,
});
