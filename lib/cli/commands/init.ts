import { homedir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { FoundDisk } from '../../cluster/modules/polardb_preflight.ts';
import { bytes } from '../../cluster/status/status-view.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, oneOf, type Parsed, parseFlags } from '../../source/flags.ts';
import { didYouMean } from '../../source/suggest.ts';
import {
  type ClusterAnswers,
  checkDisk,
  checkDistinct,
  DATABASES,
  type Hosts,
  parseHost,
  readHostsFile,
} from '../init/answers.ts';
import { refuseExisting, writeFiles } from '../init/files.ts';
import { lookForDisks } from '../init/look.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';

const FLAGS = {
  from: {
    value: 'FILE',
    help: 'Hosts, one a line: PART NAME ADDRESS[:PORT] [DISK…]; PART is storage, primary or replica.',
  },
  storage: { value: 'HOST', help: 'The storage host: ADDRESS or NAME=ADDRESS[:PORT].' },
  disk: {
    value: 'PATH',
    multiple: true,
    help: 'A disk of the storage host; may be repeated. The first holds the database.',
  },
  primary: { value: 'HOST', help: 'The read-write node.' },
  replica: { value: 'HOST', multiple: true, help: 'A read-only node; may be repeated.' },
  database: {
    value: 'WHICH',
    help: '15 (default) or 11: the version of PolarDB; stand-in: PostgreSQL, to try things out.',
  },
  user: { short: 'u', value: 'NAME', help: 'The user to log in as (default: root).' },
  'private-key': { value: 'FILE', help: 'The key to log in with.' },
  'ssh-common-args': {
    value: 'ARGS',
    help: 'Options in the form of ssh(1), such as "-o ProxyJump=bastion".',
  },
  'accept-new-host-keys': {
    help: 'Trust hosts that are not in known_hosts at the first login, and record their keys.',
  },
  'ask-become-pass': { short: 'K', help: 'Ask for the password of sudo.' },
  'ask-pass': { short: 'k', help: 'Ask for the password of the login.' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay init [FOLDER]: the files of a new cluster

${flagsHelp(FLAGS)}

Writes hosts.yaml, site.yml and .gitignore. On a terminal it asks for what no flag says. It looks at the disks of the
storage host and changes nothing there. A disk that holds something is refused.

  polarplay init prod --storage st1=10.0.0.1 --disk /dev/vdb --primary rw1=10.0.0.2 --replica ro1=10.0.0.3
  polarplay init prod --from hosts.txt
`;

/** `polarplay init`: from four addresses to an inventory that `check` and `site.yml` take. */
export async function runInitCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  if (flags.has('help')) {
    process.stdout.write(HELP);
    return 0;
  }
  if (flags.positionals.length > 1)
    throw new UsageError(`one folder, not ${flags.positionals.join(', ')}`, 5);
  const folder = resolve(flags.positionals[0] ?? '.');
  refuseExisting(folder);
  const asker = process.stdin.isTTY === true ? await import('../init/ask.ts') : undefined;
  const given = await complete(givenHosts(flags), flags, asker);
  checkDistinct(given);
  const found = await lookForDisks(given, HOST_FLAGS, loginFlags(flags));
  const disks = given.disks.length > 0 || !asker ? given.disks : await asker.askDisks(found);
  refuseDisks(disks, found);
  const written = writeFiles(folder, { ...given, disks });
  const here = relative(process.cwd(), folder);
  process.stdout.write(nextSteps(here === '' ? '.' : here, written));
  return 0;
}

function givenHosts(flags: Parsed): Hosts {
  const file = flags.text('from');
  const hosts: Hosts = file === undefined ? { replicas: [], disks: [] } : readHostsFile(file);
  const one = (flag: 'storage' | 'primary', usual: string) => {
    const text = flags.text(flag);
    return text === undefined ? hosts[flag] : parseHost(text, usual);
  };
  const replicas = flags
    .texts('replica')
    .map((text, i) => parseHost(text, `ro${hosts.replicas.length + i + 1}`));
  return {
    storage: one('storage', 'st1'),
    primary: one('primary', 'rw1'),
    replicas: [...hosts.replicas, ...replicas],
    disks: [...hosts.disks, ...flags.texts('disk').map(checkDisk)],
  };
}

type Asker = typeof import('../init/ask.ts');

/** Values of the flags, and answers to questions for the rest. Without a terminal a missing value is an error that names the flag. */
async function complete(hosts: Hosts, flags: Parsed, asker: Asker | undefined): Promise<ClusterAnswers> {
  const missing = (flag: string): never => {
    throw new UsageError(`--${flag} is missing (there is no terminal to ask on)`, 5);
  };
  const storage = hosts.storage ?? (await asker?.askHost('The storage host', 'st1')) ?? missing('storage');
  const primary =
    hosts.primary ?? (await asker?.askHost('The read-write node (primary)', 'rw1')) ?? missing('primary');
  const askReplicas = hosts.primary === undefined && hosts.replicas.length === 0;
  const replicas =
    askReplicas && asker
      ? await asker.askHosts('Read-only nodes (replicas), separated by commas', 'ro')
      : hosts.replicas;
  const user = flags.text('user') ?? (asker ? await asker.askText('Log in as', 'root') : 'root');
  const named = flags.text('database') ?? (asker ? await asker.askDatabase() : '15');
  const database = oneOf('database', DATABASES, named);
  if (hosts.disks.length === 0 && !asker) missing('disk');
  const key = flags.text('private-key');
  return {
    storage,
    primary,
    replicas,
    disks: hosts.disks,
    database,
    user,
    privateKey: key === undefined ? undefined : resolve(key.replace(/^~(?=\/)/, homedir())),
    sshArgs: flags.text('ssh-common-args'),
  };
}

/** The flags that concern the login; the draft of the inventory holds the others. */
function loginFlags(flags: Parsed): readonly string[] {
  return (['accept-new-host-keys', 'ask-become-pass', 'ask-pass'] as const)
    .filter(name => flags.has(name))
    .map(name => `--${name}`);
}

/** Accepts blank disks only: data on the others belongs to somebody. */
function refuseDisks(disks: readonly string[], found: readonly FoundDisk[]): void {
  if (disks.length === 0) throw new UsageError('no disk was chosen', 5);
  for (const path of disks) {
    const disk = found.find(one => one.path === path);
    if (disk === undefined && !path.startsWith('/dev/disk/') && !path.startsWith('/dev/mapper/')) {
      const hint = didYouMean(
        path,
        found.map(one => one.path),
      );
      throw new UsageError(
        `the storage host has no disk ${path}${hint ? `, ${hint}` : ''}\n${diskList(found)}`,
        5,
      );
    }
    if (disk && disk.content !== '')
      throw new UsageError(
        `${path} is not blank (${disk.content.trim()}): name another disk\n${diskList(found)}`,
        5,
      );
  }
}

const diskList = (disks: readonly FoundDisk[]): string =>
  disks.map(({ path, size, content }) => `  ${path}  ${bytes(size)}  ${content || 'blank'}`).join('\n');

const nextSteps = (
  folder: string,
  written: readonly string[],
): string => `wrote ${written.map(name => join(folder, name)).join(', ')}

Next${folder === '.' ? '' : ` (cd ${folder})`}:
  polarplay check -i hosts.yaml              # can the cluster be deployed?
  polarplay site.yml -i hosts.yaml           # deploy
  polarplay verify -i hosts.yaml             # prove that it works
  polarplay status -i hosts.yaml             # the cluster at a glance
`;
