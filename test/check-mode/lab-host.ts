import { driveOn } from '../../lib/engine/module-call/run-module.ts';
import { attempt } from '../../lib/lab/command.ts';
import type { UpResult } from '../../lib/lab/lab.ts';
import { hostDir, labDir } from '../../lib/lab/record.ts';
import type { Module, Result } from '../../lib/modules/kit/define.ts';
import { callSteps, failureResult } from '../../lib/modules/kit/drive.ts';
import { type Connection, connectionSettings, createPool, OUTPUT_LIMIT } from '../../lib/transport/index.ts';
import { finishedArguments, testContext } from '../support/run-module.ts';
import type { Host } from './prove.ts';

/** A host of a lab on which modules run as the engine runs them, over ssh. */
export interface LabHost extends Host {
  close(): Promise<void>;
}

/** What programs write although they change nothing: caches, locks, logs; and what a running systemd does by itself. */
const NOISE = String.raw`/(proc|sys|dev|run|tmp|var/tmp|var/log|var/cache/(apt|dnf|ldconfig|man|firewalld)|root/\.(cache|gnupg))(/.*)?|/var/lib/(dpkg/lock.*|systemd/(timers|timesync|random-seed)(/.*)?|rpm/\.rpm\.lock|dbus/.*|selinux/.*\.LOCK)|/etc/\.pwd\.lock|/var/lib/dnf/history\.sqlite|.*\.sqlite-(shm|wal)|.*/__pycache__(/.*)?`;

/** Services that come and go by themselves. */
const PASSING = String.raw`(apt-.*|dpkg-.*|lvm-activate-.*|systemd-(tmpfiles-clean|hostnamed|timedated|localed)|polkit)\.service`;

const find = (top: string) =>
  String.raw`find ${top} -xdev -regextype posix-extended -regex '\.?(${NOISE})' -prune -o ! -type d -printf '%C@ %p %m %U:%G %s %l\n' -o -printf '- %p %m %U:%G\n' | sort -k 2`;

/**
 * Every file by mode, owner, size and the time of its last change: those changed since $start, and a sum of all. Where a
 * kernel of its own makes each file cost much, without those of programs.
 */
const FILES = `all=/tmp/truth.$$; ${find('/boot /etc /home /opt /root /srv /usr/local /var')} >$all; awk -v start=$start '$1 > start' $all; sha1sum <$all; rm $all`;

/** What is in no file: mounts, the name, the packet filter, kernel modules, services with their processes. */
const REST = String.raw`PATH=$PATH:/usr/sbin:/sbin; export LC_ALL=C
cut -d' ' -f2- /proc/self/mounts; uname -n; sed 's/ .*//; s/^/module /' /proc/modules
{ iptables-save; ip6tables-save; } 2>/dev/null | sed -n '/^[-:]/s/ \[[0-9:]*\]$//p; /^-/p'; nft -s list ruleset 2>/dev/null
systemctl list-units --no-legend --plain --type=service,socket,timer --state=active,failed | cut -d' ' -f1 | grep -vxE '${PASSING}'
for unit in /sys/fs/cgroup/system.slice/*.service; do read -r pid <"$unit/cgroup.procs" && echo "$unit $pid"; done 2>/dev/null |
  grep -vE '/(${PASSING}) '`;

/** Logs in to the one host of a lab. */
export function labHost({ lab }: UpResult): LabHost {
  const host = lab.hosts[0]!;
  const dir = labDir(lab.root, lab.name);
  const pool = createPool();
  const { settings } = connectionSettings(host.name, {
    ansible_host: host.address,
    ansible_user: 'root',
    ansible_ssh_private_key_file: `${dir}/id_ed25519`,
    ansible_ssh_common_args: `-o UserKnownHostsFile=${dir}/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes`,
    ansible_timeout: 60,
  });
  const connection = pool.connection(settings);
  const shell = async (script: string) => {
    const reply = await connection.run({ script });
    if (reply.rc !== 0) throw new Error(`${script}\n${reply.stdout}${reply.stderr}`);
    return reply.stdout.toString();
  };
  let start: string | undefined;
  const state = async (look = ':') => {
    start ??= (await shell('date +%s')).trim();
    // All that a container changed lies in one small folder of this machine.
    const upper = `${hostDir(lab.root, lab.name, host.name)}/upper`;
    const ours =
      lab.kind === 'nspawn' ? (await attempt(['sh', '-c', `cd ${upper}; ${find('.')}`])).stdout : '';
    const theirs = lab.kind === 'nspawn' ? '' : `start=${start}; ${FILES}`;
    return `${ours}${await shell(`${REST}\n${theirs}\n${look}`)}`.split('\n');
  };
  return {
    prepare: async script => void (await shell(`set -e; umask 022; ${script}`)),
    state,
    run: (module, args, checkMode) => runOn(connection, module, finishedArguments(module, args), checkMode),
    close: () => pool.close(),
  };
}

async function runOn(
  connection: Connection,
  module: Module,
  args: ReturnType<typeof finishedArguments>,
  checkMode: boolean,
): Promise<Result> {
  if (module.kind === 'control') throw new Error(`${module.name} is work of the engine`);
  const ctx = testContext({ checkMode, diffMode: true, context: { connectionKind: 'ssh' } });
  const channel = {
    connection,
    env: {},
    deadline: undefined,
    signal: new AbortController().signal,
    onLine: () => undefined,
    output: { limit: OUTPUT_LIMIT, toFiles: undefined },
    atEnd: () => undefined,
  };
  try {
    const result = await driveOn(channel, callSteps({ module, args, ctx }));
    return result.unknown !== undefined ? { changed: false, skipped: true } : result;
  } catch (error) {
    return failureResult(error);
  }
}
