import { A, Type } from '../../modules/kit/arguments.ts';
import { defineAction, quote, type Steps } from '../../modules/kit/define.ts';
import { mustAsk, type Records } from '../../modules/kit/reply.ts';
import { textOf } from '../../source/bytes.ts';
import { asJson } from '../../source/json.ts';
import { probeDisk } from './pfs/pfs_probe.ts';
import type { DiskProbe } from './pfs/pfs-disk.ts';

/** What a host can tell before anything is installed on it. */
export interface HostSurvey {
  readonly system: string;
  readonly architecture: string;
  readonly systemd: boolean;
  /** `systemd-detect-virt --container`, or empty. */
  readonly container: string;
  readonly machineId: string;
  readonly addresses: readonly string[];
  /** Seconds since 1970, and whether somebody keeps the clock right. */
  readonly time: number;
  readonly synchronised: boolean;
  readonly memoryMib: number;
  readonly processors: number;
  /** Free MiB of the file system that will hold each folder. */
  readonly freeMib: Readonly<Record<string, number>>;
  /** How a shared disk can be attached: `kernel`, `fuse`, or neither. */
  readonly transports: readonly string[];
  /** Who listens on the ports that were asked for: `5432 postgres`. */
  readonly listeners: readonly { readonly port: number; readonly program: string }[];
  /** Packages that are neither installed nor offered by a repository. */
  readonly missingPackages: readonly string[];
  /** Name of an active firewall, or empty. */
  readonly firewall: string;
  /** What an earlier deployment left: `storage`, `node`. */
  readonly deployed: readonly string[];
}

export interface FoundDisk {
  readonly path: string;
  readonly size: number;
  readonly model: string;
  /** What it holds, in a few words; empty when nothing was found on it. */
  readonly content: string;
}

const args = Type.Object({
  devices: A.list('Disks or files to look at closely.', { default: [] }),
  packages: A.list('Packages that must be installed or offered by a repository.', { default: [] }),
  kernel_packages: A.list('The same, on hosts whose kernel has the nbd module.', { default: [] }),
  fuse_packages: A.list('The same, on hosts whose kernel has none.', { default: [] }),
  ports: A.list('Ports that must be free.', { default: [] }),
  folders: A.list('Folders whose free space counts; they need not exist.', { default: [] }),
  wanted: A.dict('Handed back as it is: what the answers are compared with.', { default: {} }),
  list_disks: A.bool('Lists all disks of the host, with what they hold.', { default: false }),
});
type Args = Type.Static<typeof args>;

export const polardbPreflight = defineAction({
  name: 'polardb_preflight',
  summary:
    'Looks at a host before a deployment: system, clock, space, ports, packages and disks; changes nothing.',
  examples: `
- name: See whether the host can become a node
  polardb_preflight: {ports: [5432], devices: [], packages: [fuse3]}
  register: preflight
`,
  args,
  returns: {
    wanted: 'The argument of this name.',
    survey: 'What the host told.',
    probes: 'What is known of each of the devices, as pfs_probe tells it.',
    disks: 'All disks of the host, with list_disks.',
  },
  readOnly: true,

  *run(args, ctx) {
    const answers = yield* mustAsk('cannot look', surveyScript(args), { timeout: 120 });
    const probes: DiskProbe[] = [];
    for (const path of args.devices) probes.push(yield* probe(path, ctx.host));
    return {
      changed: false,
      wanted: args.wanted,
      survey: asJson(surveyOf(answers)),
      probes: asJson(probes),
      disks: asJson(disksOf(answers)),
    };
  },
});

/** On the storage host nbd-server holds what it exports. */
const probe = (path: string, host: string): Steps<DiskProbe> =>
  probeDisk(
    { path, look_inside: false, cluster: 'disk', shared: 'shared_data', ignore_processes: ['nbd-server'] },
    host,
  );

function surveyScript(args: Args): string {
  const words = (list: readonly string[]) => list.map(quote).join(' ');
  return `
cd /
have() { command -v "$1" >/dev/null 2>&1; }
field system "$( . /etc/os-release 2>/dev/null; echo "\${PRETTY_NAME:-unknown}")"
field architecture "$(uname -m)"
[ ! -d /run/systemd/system ] || field systemd yes
field container "$(systemd-detect-virt --container 2>/dev/null | grep -v '^none$')"
field machine "$(cat /etc/machine-id 2>/dev/null)"
for address in $(ip -o addr show scope global 2>/dev/null | awk '{ sub(/\\/.*/, "", $4); print $4 }'); do field address "$address"; done
field time "$(date +%s)"
[ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)" != yes ] || field synchronised yes
field memory "$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)"
field processors "$(getconf _NPROCESSORS_ONLN)"
for folder in ${words(args.folders)}; do
  there=$folder
  while [ ! -e "$there" ]; do there=$(dirname "$there"); done
  field free "$(df -Pm "$there" | awk 'NR == 2 { print $4 }') $folder"
done
wanted=${quote(words(args.fuse_packages))}
if [ -d /sys/module/nbd ] || { have modprobe && modprobe -n -q nbd; }; then
  field transport kernel
  wanted=${quote(words(args.kernel_packages))}
fi
if [ -e /dev/fuse ] || { have modprobe && modprobe -n -q fuse; }; then field transport fuse; fi
for port in ${words(args.ports)}; do
  listener=$(ss -Hltnp "sport = :$port" 2>/dev/null | head -n 1)
  [ -z "$listener" ] || field listener "$port $(printf '%s' "$listener" | sed -n 's/.*users:(("\\([^"]*\\)".*/\\1/p')"
done
eval "set -- $wanted"
set -- ${words(args.packages)} "$@"
for package do
  if have dpkg-query; then
    dpkg-query -W -f '\${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
      apt-cache policy "$package" 2>/dev/null | grep -q '^  Candidate: [^(]' || field missing "$package"
  elif have rpm; then
    rpm -q --quiet "$package" || timeout 60 "$(command -v dnf || command -v yum)" -q list "$package" >/dev/null 2>&1 || field missing "$package"
  fi
done
if have ufw && ufw status 2>/dev/null | grep -q '^Status: active'; then field firewall ufw; fi
if have firewall-cmd && firewall-cmd -q --state 2>/dev/null; then field firewall firewalld; fi
[ ! -e /etc/polar/nbd-server.conf ] || field deployed storage
[ ! -e /etc/polar/guard.env ] || field deployed node
${args.list_disks ? LIST_DISKS : ''}
exit 0
`;
}

/** Whole disks that are not empty drives; what lies on one is told by the first of its children too. */
const LIST_DISKS = `
for disk in $(lsblk -dnpro NAME,TYPE,RO 2>/dev/null | awk '$2 == "disk" && $3 == 0 && $1 !~ "/dev/(zram|nbd|ram)" { print $1 }') /dev/vd[b-z] /dev/sd[b-z]; do
  [ -b "$disk" ] || continue
  case " $seen " in *" $disk "*) continue ;; esac
  seen="$seen $disk"
  size=$(blockdev --getsize64 "$disk" 2>/dev/null) || continue
  [ "$size" -gt 0 ] || continue
  content=$( { lsblk -nro FSTYPE,MOUNTPOINT "$disk" | awk '{ print $1, $2 }'; blkid -p -o value -s TYPE -s PTTYPE "$disk"; } 2>/dev/null | tr ' ' '\\n' | sed '/^$/d' | awk '!seen[$0]++' | head -n 4 | tr '\\n' ' ')
  [ -n "$content" ] || [ -z "$(head -c 1048576 "$disk" 2>/dev/null | tr -d '\\000' | head -c 1)" ] || content='data without a known name'
  field disk "$size $disk $content"
  field model "$disk $(lsblk -dnro MODEL "$disk" 2>/dev/null)"
done`;

const allOf = (answers: Records, name: string): string[] =>
  answers.all(name).map(bytes => textOf(bytes).trim());

function surveyOf(answers: Records): HostSurvey {
  const all = (name: string) => allOf(answers, name);
  const one = (name: string) => all(name)[0] ?? '';
  const firstWord = (line: string): [string, string] => {
    const [word = '', ...rest] = line.split(' ');
    return [word, rest.join(' ')];
  };
  return {
    system: one('system'),
    architecture: one('architecture'),
    systemd: one('systemd') === 'yes',
    container: one('container'),
    machineId: one('machine'),
    addresses: all('address'),
    time: Number(one('time')),
    synchronised: one('synchronised') === 'yes',
    memoryMib: Number(one('memory')),
    processors: Number(one('processors')),
    freeMib: Object.fromEntries(
      all('free').map(line => {
        const [free, folder] = firstWord(line);
        return [folder, Number(free)];
      }),
    ),
    transports: all('transport'),
    listeners: all('listener').map(line => {
      const [port, program] = firstWord(line);
      return { port: Number(port), program };
    }),
    missingPackages: all('missing'),
    firewall: one('firewall'),
    deployed: all('deployed'),
  };
}

function disksOf(answers: Records): readonly FoundDisk[] {
  const models = new Map(
    allOf(answers, 'model').map(line => {
      const [path = '', ...model] = line.split(' ');
      return [path, model.join(' ')];
    }),
  );
  return allOf(answers, 'disk').map(line => {
    const [size = '', path = '', ...content] = line.split(' ');
    return { path, size: Number(size), model: models.get(path) ?? '', content: content.join(' ') };
  });
}
