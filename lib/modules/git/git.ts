import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote } from '../kit/define.ts';
import { ask, type Records } from '../kit/reply.ts';
import { quotedWords } from '../kit/sh.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({
  repo: A.str('Address of the repository: git, ssh, http or a path of the host.', { aliases: ['name'] }),
  dest: A.path('Directory of the working copy (or of the bare repository).'),
  version: A.str('Branch, tag or commit; HEAD is the default branch of the repository.', { default: 'HEAD' }),
  remote: A.str('Name of the remote.', { default: 'origin' }),
  clone: A.bool('Make a working copy if there is none; else only tell what would be there.', {
    default: true,
  }),
  update: A.bool('Bring an existing working copy to the version.', { default: true }),
  force: A.bool('Throw away local modifications; else they fail the task.', { default: false }),
  bare: A.bool('The repository has no working copy.', { default: false }),
  depth: A.opt(A.int('Fetch only so many commits.')),
  single_branch: A.bool('Fetch only the branch of the version.', { default: false }),
  recursive: A.bool('Submodules, too.', { default: true }),
  track_submodules: A.bool('Submodules follow their branches.', { default: false }),
  refspec: A.opt(A.str('Another refspec to fetch.')),
  reference: A.opt(A.path('Repository of the host to take objects from.')),
  verify_commit: A.bool('The signature of the version must be valid.', { default: false }),
  key_file: A.opt(A.path('SSH key, on the host.')),
  accept_hostkey: A.bool('Accept any host key.', { default: false }),
  accept_newhostkey: A.bool('Accept the host key of an unknown server.', { default: false }),
  ssh_opts: A.opt(A.str('Options for ssh.')),
  executable: A.path('The git program.', { default: 'git' }),
  umask: A.opt(A.str('Umask for what is checked out, such as "0022".')),
});

type Args = Static<typeof args>;

interface Found {
  readonly dest: string;
  /** Commit of the working copy; undefined without one. */
  readonly before: string | undefined;
  readonly modified: boolean;
  readonly remoteUrl: string | undefined;
  /** Commit that the version stands for; undefined when the remote does not know it. */
  readonly wanted: string | undefined;
  readonly submodules: boolean;
}

/** git: a working copy of a repository. */
export const git = defineState<typeof args.properties, Found>({
  name: 'git',
  summary: 'Keeps a working copy of a git repository at a version.',
  examples: `
- name: Check out the schema of the application
  git:
    repo: git@git.example.com:app/schema.git
    dest: /srv/schema
    version: v2.4
    depth: 1
`,
  args,
  returns: {
    before: 'The commit before.',
    after: 'The commit now.',
    remote_url_changed: 'Whether the address of the remote was another.',
    msg: 'What else happened.',
  },
  differences: [
    'archive, archive_prefix, separate_git_dir and gpg_whitelist are not known.',
    'With clone=false and no working copy, the task is not changed.',
  ],
  touches: args => [args.dest],
  *probe(args) {
    refuseOptions(args);
    return parseProbe(args, yield* ask(probeScript(args), { live: true }));
  },
  diff(found, args) {
    const { before, dest } = found;
    if (before === undefined)
      return {
        changes: args.clone ? [`${dest}: absent → ${found.wanted ?? args.version}`] : [],
        result: { before: null, after: found.wanted ?? null },
      };
    if (!args.update) return { changes: [], result: { before, after: before } };
    if (found.modified && !args.force)
      throw new ModuleError(`Local modifications exist in the destination: ${dest} (force=no).`, { before });
    const urlChanged = found.remoteUrl !== undefined && found.remoteUrl !== address(args.repo);
    return {
      changes: [
        ...(urlChanged ? [`${dest}: remote ${found.remoteUrl} → ${address(args.repo)}`] : []),
        ...(found.modified ? [`${dest}: local modifications thrown away`] : []),
        ...(found.wanted === before ? [] : [`${dest}: ${before} → ${found.wanted ?? args.version}`]),
      ],
      result: {
        before,
        after: found.wanted ?? before,
        remote_url_changed: urlChanged,
        ...(found.modified && { msg: `Local modifications exist in the destination: ${dest}` }),
      },
    };
  },
  *apply(found, args) {
    const records = yield* ask(applyScript(found, args), { live: true });
    if (records.rc !== 0) throw gitFailure(records, args);
    const after = records.output('after');
    return !after ? {} : { after };
  },
});

/** Paths get a scheme, since `--depth` has no meaning without. */
const address = (repo: string) => (repo.startsWith('/') ? `file://${repo}` : repo);

const isCommit = (version: string) => /^[0-9a-f]{40}$/.test(version);

function environment(args: Args): string {
  const options = [
    ...(args.key_file === undefined ? [] : [`-i ${pathWord(args.key_file)}`, '-o IdentitiesOnly=yes']),
    ...(args.ssh_opts === undefined ? [] : [quotedWords(args.ssh_opts)]),
    ...(args.accept_hostkey ? ['-o StrictHostKeyChecking=no'] : []),
    ...(args.accept_newhostkey ? ['-o StrictHostKeyChecking=accept-new'] : []),
    '-o BatchMode=yes',
  ];
  return [
    'export GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0',
    `export GIT_SSH_COMMAND=${quote(`ssh ${options.join(' ')}`)}`,
    args.umask === undefined ? '' : `umask ${quote(args.umask)}`,
    `d=${pathWord(args.dest)}; g() { ${pathWord(args.executable)} "$@"; }`,
    `command -v ${pathWord(args.executable)} >/dev/null 2>&1 || fail 'Failed to find required executable "git" on the host'`,
  ]
    .filter(Boolean)
    .join('\n');
}

/** The commit here, modifications, the address of the remote, and what the remote has: at most four programs. */
function probeScript(args: Args): string {
  const { version, update, bare } = args;
  const remote = quote(address(args.repo));
  const refs =
    version === 'HEAD'
      ? 'HEAD'
      : `${quote(`refs/heads/${version}`)} ${quote(`refs/tags/${version}`)} ${quote(`refs/tags/${version}^{}`)} ${quote(version)}`;
  return [
    environment(args),
    `field dest "$d"`,
    `if [ -e "$d/${bare ? 'config' : '.git'}" ]; then`,
    `h=$(g -C "$d" rev-parse HEAD 2>/dev/null); field before "$h"`,
    bare ? '' : `begin status; g -C "$d" status --porcelain --untracked-files=no`,
    `begin url; g -C "$d" config --get ${quote(`remote.${args.remote}.url`)}`,
    `[ -e "$d/.gitmodules" ] && field submodules`,
    'fi',
    update
      ? `${isCommit(version) ? `[ "$h" = ${version} ] || { ` : ''}begin refs; g ls-remote ${remote} ${refs} || fail "cannot read the repository"${isCommit(version) ? '; }' : ''}`
      : `if [ -z "$h" ]; then begin refs; g ls-remote ${remote} ${refs} || fail "cannot read the repository"; fi`,
    ':',
  ]
    .filter(Boolean)
    .join('\n');
}

function parseProbe(args: Args, records: Records): Found {
  if (records.rc !== 0) throw gitFailure(records, args);
  const text = (name: string) => records.text(name)?.trim();
  const before = text('before');
  return {
    dest: text('dest') ?? args.dest,
    before: before === undefined ? undefined : before || '0'.repeat(40),
    modified: (text('status') ?? '') !== '',
    remoteUrl: text('url'),
    wanted: wantedCommit(args.version, text('refs') ?? '', before),
    submodules: records.has('submodules'),
  };
}

function wantedCommit(version: string, refs: string, before: string | undefined): string | undefined {
  if (isCommit(version)) return version;
  const commits = new Map(
    refs.split('\n').map(line => [line.split('\t')[1] ?? '', line.split('\t')[0] ?? '']),
  );
  const names = [`refs/heads/${version}`, `refs/tags/${version}^{}`, `refs/tags/${version}`, version];
  const found = names.map(name => commits.get(name)).find(commit => commit !== undefined);
  // A short commit that is there already need not be known as a name.
  return found ?? (/^[0-9a-f]{7,39}$/.test(version) && before?.startsWith(version) ? before : undefined);
}

function gitFailure({ rc, stderr, complaint }: Records, args: Args): ModuleError {
  const msg = [complaint, stderr.trim()].filter(Boolean).join(': ');
  return new ModuleError(msg || `git failed with exit code ${rc}`, {
    rc: complaint === undefined ? rc : 1,
    stderr,
    dest: args.dest,
  });
}

function applyScript(found: Found, args: Args): string {
  return [
    environment(args),
    found.before === undefined ? cloneScript(args) : fetchScript(found, args),
    args.bare ? '' : checkoutScript(args),
    args.recursive && !args.bare ? submoduleScript(args) : '',
    `begin after; g -C "$d" rev-parse HEAD`,
  ]
    .filter(Boolean)
    .join('\n');
}

function cloneScript(args: Args): string {
  const { version, depth } = args;
  const named = version !== 'HEAD' && !isCommit(version);
  const flags = [
    args.bare ? '--bare' : '--no-checkout',
    `--origin ${quote(args.remote)}`,
    depth === undefined ? '' : `--depth ${depth}`,
    args.single_branch ? '--single-branch' : depth === undefined ? '' : '--no-single-branch',
    args.single_branch && named ? `--branch ${quote(version)}` : '',
    args.reference === undefined ? '' : `--reference ${pathWord(args.reference)}`,
  ];
  const target = `${quote(address(args.repo))} "$d"`;
  return [
    `mkdir -p "\${d%/*}/" || fail "cannot make the directory above $d"`,
    `g clone -q ${flags.filter(Boolean).join(' ')} ${target} || fail "Failed to clone"`,
    args.refspec === undefined
      ? ''
      : `g -C "$d" fetch -q ${quote(args.remote)} ${quote(args.refspec)} || fail "Failed to fetch"`,
  ]
    .filter(Boolean)
    .join('\n');
}

function fetchScript(found: Found, args: Args): string {
  const remote = quote(args.remote);
  const depth = args.depth === undefined ? '' : `--depth ${args.depth}`;
  const force = args.force ? '--force' : '';
  const refspec = args.refspec === undefined ? '' : quote(args.refspec);
  const all = args.bare ? `'+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'` : '';
  return [
    found.modified ? 'g -C "$d" reset -q --hard HEAD || fail "Failed to reset"' : '',
    found.remoteUrl === undefined
      ? `g -C "$d" remote add ${remote} ${quote(address(args.repo))} || fail "Failed to set the remote"`
      : `g -C "$d" remote set-url ${remote} ${quote(address(args.repo))} || fail "Failed to set the remote"`,
    `g -C "$d" fetch -q --tags ${depth} ${force} ${remote} ${all} || fail "Failed to download remote objects and refs"`,
    refspec === '' ? '' : `g -C "$d" fetch -q ${depth} ${remote} ${refspec} || fail "Failed to fetch"`,
  ]
    .filter(Boolean)
    .map(line => line.replace(/ +/g, ' '))
    .join('\n');
}

/** A branch follows that of the remote; a tag or commit is checked out without a branch. */
function checkoutScript(args: Args): string {
  const remote = quote(args.remote);
  const version = quote(args.version);
  const depth = args.depth === undefined ? '' : `--depth ${args.depth} `;
  const branch =
    args.version === 'HEAD'
      ? `g -C "$d" remote set-head ${remote} --auto >/dev/null 2>&1; b=$(g -C "$d" symbolic-ref --short refs/remotes/${remote}/HEAD 2>/dev/null); b=\${b#${remote}/}; [ -n "$b" ] || fail "Failed to determine the default branch of the remote"`
      : `b=; g -C "$d" show-ref -q --verify ${quote(`refs/remotes/${args.remote}/${args.version}`)} && b=${version}`;
  return [
    branch,
    `if [ -n "$b" ]; then g -C "$d" checkout -q --force -B "$b" --track ${remote}/"$b" || fail "Failed to checkout branch $b"`,
    'else',
    `g -C "$d" rev-parse -q --verify ${quote(`${args.version}^{commit}`)} >/dev/null || g -C "$d" fetch -q ${depth}${remote} ${version} 2>/dev/null`,
    `g -C "$d" checkout -q --force --detach ${version} || fail "Failed to checkout "${version}`,
    'fi',
    args.verify_commit
      ? `g -C "$d" verify-commit HEAD 2>&1 || g -C "$d" verify-tag ${version} 2>&1 || fail "Failed to verify GPG signature of commit/tag "${quote(`"${args.version}"`)}`
      : '',
  ]
    .filter(Boolean)
    .join('\n');
}

function submoduleScript(args: Args): string {
  const track = args.track_submodules ? '--remote ' : '';
  const force = args.force ? '--force ' : '';
  return `if [ -e "$d/.gitmodules" ]; then g -C "$d" submodule -q sync --recursive && g -C "$d" submodule -q update --init --recursive ${track}${force}|| fail "Failed to init/update submodules"; fi`;
}

/** Words that would be options of git, some of which name a program to run. */
function refuseOptions({ repo, version, refspec, remote }: Args): void {
  for (const [name, text] of Object.entries({ repo, version, refspec, remote }))
    if (text?.startsWith('-')) throw new ModuleError(`${name} cannot begin with a hyphen: ${text}`);
}
