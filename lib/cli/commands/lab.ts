import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { readFlagsAndWords } from '../../cluster/flags.ts';
import { LabError } from '../../lab/command.ts';
import * as lab from '../../lab/lab.ts';
import { parseDisks, parseHosts, parseSize, parseVars } from '../../lab/plan.ts';
import {
  checkName,
  checkRelease,
  type DiskKind,
  type LabKind,
  labDir,
  requireLab,
  stateRoot,
} from '../../lab/record.ts';
import { UsageError } from '../../source/errors.ts';
import { didYouMean } from '../../source/suggest.ts';

export interface LabIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

export const LAB_USAGE = `usage: polarplay lab COMMAND [--name LAB] …

Throw-away hosts on this machine, each with systemd, sshd and an address of its own (Linux, as root).

  up [--hosts N | --hosts a,b,c] [--disk 3x15G] [--scratch 64M|none] [--disk-kind loop|file]
     [--release CODENAME] [--kind nspawn|uml|vm] [--kernel-args 'a b=c'] [--memory 1G] [--var NAME=VALUE]…
     [--packages a,b] [--prepare-for a,b] [--install]
                      makes the lab, or what is missing of it, and writes its inventory;
                      without --hosts: st1 (storage), rw1 (primary), ro1 and ro2 (replicas)
  down                ends the lab; nothing of it stays
  status              hosts, addresses, states
  ssh HOST [CMD…]     a shell, or one command, on a host
  reboot HOST         restarts a host through its own systemd and waits until it is back
  kill HOST           cuts its power; its disks stay
  start HOST          powers it on again
  clean               removes base images and downloaded packages, when no lab is left
  inventory           prints the path of the lab's inventory

--release makes hosts of another release of the machine's distribution: trixie on a machine with bookworm. The machine
must have the keys of that release.
--kind vm makes virtual machines, --kind uml User Mode Linux: a kernel of their own with the real nbd module. A virtual
machine has the kernel that servers run, but is slow without KVM; User Mode Linux needs none, but takes no release newer
than the machine's, on whose libraries it runs. --kernel-args goes to either's kernel, --memory
is what each of its hosts has.
--var puts a variable into the inventory. --packages gives the hosts Debian packages from the start, --prepare-for what
the named ones depend on, so that playbooks install them faster (both kept for the next lab). --name LAB chooses one of several labs (default: lab). --install lets up install missing Debian packages.
State is kept in /var/lib/polarplay, or in $POLARPLAY_STATE_DIR.
`;

const COMMANDS = ['up', 'down', 'status', 'ssh', 'reboot', 'kill', 'start', 'clean', 'inventory'];

const OPTIONS = {
  name: { type: 'string', default: 'lab' },
  kind: { type: 'string', default: 'nspawn' },
  hosts: { type: 'string' },
  disk: { type: 'string', default: '3x15G' },
  scratch: { type: 'string', default: '64M' },
  'disk-kind': { type: 'string', default: 'loop' },
  packages: { type: 'string', default: '' },
  'prepare-for': { type: 'string', default: '' },
  release: { type: 'string' },
  'kernel-args': { type: 'string' },
  memory: { type: 'string' },
  var: { type: 'string', multiple: true, default: [] as string[] },
  install: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** `polarplay lab …`: returns the exit code. Mistakes of the user are UsageErrors. */
export async function runLab(argv: readonly string[], io: LabIo): Promise<number> {
  try {
    return await runCommand(argv, io);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') {
      io.stderr.write(`polarplay: ${path ?? 'the lab'} belongs to root: run "sudo polarplay lab …"\n`);
      return 1;
    }
    if (!(error instanceof LabError)) throw error;
    io.stderr.write(`polarplay: ${error.message}\n`);
    return 1;
  }
}

async function runCommand(argv: readonly string[], io: LabIo): Promise<number> {
  const { flags, words, rest } = parse(argv);
  const [command, host] = words;
  const say = (line: string) => void io.stdout.write(`${line}\n`);
  if (flags.help || command === undefined) {
    io.stdout.write(LAB_USAGE);
    return flags.help ? 0 : 5;
  }
  const root = stateRoot();
  const name = checkName('lab name', flags.name);
  switch (command) {
    case 'up':
      return up(root, name, flags, say);
    case 'down':
      say((await lab.down(root, name)) ? `lab "${name}" is gone` : `there was no lab "${name}"`);
      return 0;
    case 'clean':
      await lab.clean(root);
      say('base images and packages are gone');
      return 0;
    case 'status':
      say(table(await lab.status(root, name)));
      return 0;
    case 'inventory':
      await requireLab(root, name);
      say(join(labDir(root, name), 'hosts.yaml'));
      return 0;
    case 'ssh':
      await lab.requireHost(root, name, needHost(command, host));
      return ssh(root, name, needHost(command, host), rest);
    case 'reboot':
      await lab.reboot(root, name, needHost(command, host));
      say(`${host} is back`);
      return 0;
    case 'kill':
      await lab.kill(root, name, needHost(command, host));
      say(`${host} is off`);
      return 0;
    case 'start':
      say(
        (await lab.start(root, name, needHost(command, host))) ? `${host} is up` : `${host} was on already`,
      );
      return 0;
    default: {
      const hint = didYouMean(command, COMMANDS);
      throw new UsageError(
        `no lab command "${command}"${hint ? `, ${hint}` : '; polarplay lab --help lists them'}`,
        5,
      );
    }
  }
}

type Flags = ReturnType<typeof parse>['flags'];

/** Flags and words. All that follows the host of `ssh` is the remote command, even when it looks like a flag. */
function parse(argv: readonly string[]) {
  const { own, rest } = splitRemote(argv);
  const { values, words } = readFlagsAndWords(own, OPTIONS);
  return { flags: values, words, rest };
}

/** Parts `ssh HOST CMD…` where our own words end. */
export function splitRemote(argv: readonly string[]): { own: readonly string[]; rest: readonly string[] } {
  const words: number[] = [];
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--name') i++;
    else if (!argv[i]!.startsWith('-')) words.push(i);
    if (words.length === 1 && argv[words[0]!] !== 'ssh') break;
    if (words.length === 2) return { own: argv.slice(0, i + 1), rest: argv.slice(i + 1) };
  }
  return { own: argv, rest: [] };
}

async function up(root: string, name: string, flags: Flags, say: (line: string) => void): Promise<number> {
  const began = Date.now();
  const result = await lab.up(
    root,
    {
      name,
      kind: labKind(flags.kind),
      hosts: parseHosts(flags.hosts),
      disks: parseDisks(flags.disk, flags.scratch),
      diskKind: diskKind(flags['disk-kind']),
      vars: parseVars(flags.var),
      extra: {
        release: checkRelease(flags.release),
        packages: words(flags.packages),
        prepareFor: words(flags['prepare-for']),
      },
      kernelArguments: kernelArguments(flags.kind, flags['kernel-args']),
      memoryBytes: memoryBytes(flags.kind, flags.memory),
      install: flags.install,
    },
    say,
  );
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  const all = result.lab.hosts.map(host => `${host.name} ${host.address}`).join(', ');
  say(
    result.started.length === 0
      ? `lab "${name}" is up already: ${all}`
      : `lab "${name}" is up in ${seconds} s: ${all}`,
  );
  say(`inventory: ${result.inventory}`);
  return 0;
}

function labKind(text: string): LabKind {
  if (text === 'nspawn' || text === 'uml' || text === 'vm') return text;
  throw new UsageError(`--kind ${text}: nspawn, uml or vm`, 5);
}

function kernelArguments(kind: string, text: string | undefined): string[] {
  if (text !== undefined) needOwnKernel('--kernel-args', kind);
  return (text ?? '').split(/\s+/).filter(word => word !== '');
}

/** Less is a mistake: the system boots, and has no room for anything else. */
const LEAST_MEMORY = 512 * 2 ** 20;

function memoryBytes(kind: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  needOwnKernel('--memory', kind);
  const bytes = parseSize('--memory', text);
  if (bytes >= LEAST_MEMORY) return bytes;
  throw new UsageError(`--memory ${text}: a host needs at least 512M`, 5);
}

function needOwnKernel(option: string, kind: string): void {
  if (kind === 'nspawn') throw new UsageError(`${option} needs a kernel of its own: --kind uml or vm`, 5);
}

const words = (text: string): string[] => [...new Set(text.split(',').filter(word => word !== ''))].sort();

function diskKind(text: string): DiskKind {
  if (text === 'loop' || text === 'file') return text;
  throw new UsageError(`--disk-kind ${text}: loop or file`, 5);
}

function needHost(command: string, host: string | undefined): string {
  if (host !== undefined) return host;
  throw new UsageError(`lab ${command} needs a host: polarplay lab ${command} HOST`, 5);
}

/** Hands the terminal over to ssh; its exit code is ours. */
function ssh(root: string, name: string, host: string, command: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', ['-F', join(labDir(root, name), 'ssh_config'), host, ...command], {
      stdio: 'inherit',
    });
    child.on('error', reject);
    child.on('close', code => resolve(code ?? 255));
  });
}

function table(rows: readonly lab.HostStatus[]): string {
  const cells = rows.map(row => [
    row.host.name,
    row.host.address,
    row.state,
    row.uptimeSeconds === undefined ? '-' : duration(row.uptimeSeconds),
    `${Math.round(row.memoryBytes / 2 ** 20)} MiB`,
  ]);
  const lines = [['HOST', 'ADDRESS', 'STATE', 'UPTIME', 'MEMORY'], ...cells];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map(line => line[column]!.length)));
  return lines
    .map(line =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
