import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'mocha';

/** A copy of this machine to try modules on: its own files (an overlay), mounts, host name and network. */
export interface ScratchSystem {
  /** Words before a command that run it there. */
  readonly enter: readonly string[];
  /** Every file that differs from this machine's, the mounts, the name and the packet filter: all a module may change. */
  state(): readonly string[];
  run(script: string): void;
  end(): void;
}

/** What programs write although they change nothing: caches, locks, logs. */
const NOISE = String.raw`\./(var/(cache/(apt|ldconfig|man)|log|lib/apt)(/.*)?|var/lib/dpkg/(lock.*|triggers(/Lock)?)|root/\.(cache|npm|gnupg)(/.*)?|run(/.*)?|tmp(/.*)?|etc/\.pwd\.lock|.*/__pycache__(/.*)?)`;

const MAKE = `set -e
mount -t tmpfs copy "$1"; cd "$1"; mkdir upper work root
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay root
for d in proc sys dev tmp; do mount --rbind /$d root/$d; done
exec chroot root sh -c 'echo ready; exec sleep 900'`;

/** A folder counts when it is new or other than this machine's: a file that comes and goes leaves one in the copy. */
const LOOK = `PATH=$PATH:/usr/sbin; cd "$1/upper" || exit; quiet() { find . -regextype posix-extended -regex '${NOISE}' -prune -o "$@"; }
quiet ! -type d -printf '%p %m %U:%G %T@ %l\\n' | sort
quiet -type d -print0 >"$1/folders"; xargs -0r stat -c '%n %a %u:%g' <"$1/folders" | sort >"$1/now"
(cd / && xargs -0r stat -c '%n %a %u:%g' <"$1/folders" 2>/dev/null) | sort | comm -13 - "$1/now"
quiet -type f -print0 | sort -z | xargs -0r sha1sum
getcap -r . 2>/dev/null
getfacl -Rsn . 2>/dev/null
uname -n; cut -d' ' -f2- /proc/self/mounts | grep -v ' nsfs '; iptables-save 2>/dev/null | sed -n '/^[-:]/s/ \\[[0-9:]*\\]$//p; /^-/p'`;

/** Makes such a copy; the test is skipped where that is not allowed. */
export async function scratchSystem(test: Context): Promise<ScratchSystem> {
  const base = mkdtempSync(join(tmpdir(), 'polarplay-copy-'));
  const holder = spawn('unshare', [
    '-m',
    '-u',
    '-n',
    '--propagation',
    'private',
    'sh',
    '-c',
    MAKE,
    'sh',
    base,
  ]);
  if (!(await isReady(holder))) {
    rmSync(base, { recursive: true, force: true });
    console.log('      skipped: runs as root where overlays and name spaces are allowed');
    test.skip();
  }
  refuseThisMachine(holder);
  const outside = ['nsenter', '-t', String(holder.pid), '-m', '-u', '-n'];
  const call = (words: readonly string[]) => {
    const [program = '', ...rest] = words;
    const done = spawnSync(program, rest, { encoding: 'utf8', maxBuffer: 64 << 20 });
    if (done.status !== 0) throw new Error(`${words.at(-1)}: ${done.stderr}`);
    return done.stdout;
  };
  const enter = [...outside, '-r', '-w'];
  return {
    enter,
    state: () => call([...outside, 'sh', '-c', LOOK, 'sh', base]).split('\n'),
    run: script => void call([...enter, 'sh', '-ec', `umask 022; ${script}`]),
    end() {
      holder.kill('SIGKILL');
      rmSync(base, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Trials delete and attack: the root directory that they get must not be this machine's. */
function refuseThisMachine({ pid }: ChildProcess): void {
  const theirs = statSync(`/proc/${pid}/root/`);
  const ours = statSync('/');
  if (theirs.dev === ours.dev && theirs.ino === ours.ino)
    throw new Error('the copy of this machine has the root directory of this machine');
}

function isReady(holder: ChildProcess): Promise<boolean> {
  return new Promise(done => {
    holder.stdout?.on('data', () => done(true));
    holder.on('error', () => done(false));
    holder.on('close', () => done(false));
  });
}
