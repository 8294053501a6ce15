import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The hosts of one measurement and the files that lead to them. */
export interface HostSet {
  readonly hosts: readonly string[];
  readonly inventory: string;
  readonly sshConfig: string;
  readonly playDir: string;
  /** A directory of this run that a runner may write to. */
  readonly workDir: string;
}

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One way to do the thirty tasks. */
export interface Runner {
  readonly name: string;
  readonly title: string;
  /** What makes it different from the next one, for the report. */
  readonly settings: string;
  command(hostSet: HostSet): Command;
  /** How many hosts of the field the output says were changed; undefined when it does not say for all of them. */
  changedHosts(output: string, hostSet: HostSet): number | undefined;
  /** What must be installed, and the Debian package that has it; nothing where the machine always has it. */
  readonly needs?: { readonly path: string; readonly debian: string };
  /** Prints the version. */
  readonly version: readonly string[];
}

/** `h1 : ok=31 changed=0 …`, the recap that both runners print. */
function changedInRecap(output: string, { hosts }: HostSet): number | undefined {
  const recap = [...output.matchAll(/^(\S+)\s+: ok=\d+\s+changed=(\d+)\s.*$/gm)];
  if (new Set(recap.map(([, host]) => host)).size !== hosts.length) return undefined;
  return recap.filter(([, , changed]) => Number(changed) > 0).length;
}

const ANSIBLE_COMMON = {
  ANSIBLE_NOCOLOR: '1',
  ANSIBLE_RETRY_FILES_ENABLED: '0',
  ANSIBLE_DEPRECATION_WARNINGS: '0',
  ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3',
};

const ANSIBLE = { path: '/usr/bin/ansible-playbook', debian: 'ansible-core' };
const MITOGEN = {
  path: '/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy',
  debian: 'ansible-mitogen',
};

function ansible(
  name: string,
  title: string,
  settings: string,
  env: Record<string, string>,
  needs = ANSIBLE,
): Runner {
  return {
    needs,
    name,
    title,
    settings,
    command: ({ inventory, playDir, workDir }) => ({
      argv: [ANSIBLE.path, '-i', inventory, join(playDir, 'play.yml')],
      env: {
        ...ANSIBLE_COMMON,
        ANSIBLE_LOCAL_TEMP: join(workDir, 'ansible'),
        ANSIBLE_SSH_CONTROL_PATH_DIR: join(workDir, 'cp'),
        ...env,
      },
    }),
    changedHosts: changedInRecap,
    version: [ANSIBLE.path, '--version'],
  };
}

function floor(name: string, title: string, settings: string, sshOptions: readonly string[]): Runner {
  return {
    name,
    title,
    settings,
    command: ({ hosts, sshConfig, playDir }) => {
      const script = floorScript(playDir);
      const ssh = ['ssh', '-F', sshConfig, '-T', ...sshOptions];
      // One session per host, all at once; every host's last line says whether it changed anything.
      const program = [
        'script=$1 first=$2; shift 2',
        `for host; do printf "%s" "$script" | ${ssh.join(' ')} "$host" "sh -s $host $first" | sed "s/^/$host /" & done`,
        'wait',
      ].join('\n');
      return { argv: ['sh', '-c', program, 'floor', script, hosts[0]!, ...hosts] };
    },
    changedHosts: (output, { hosts }) => {
      const lines = [...output.matchAll(/^(\S+) changed=([01])$/gm)];
      return lines.length === hosts.length
        ? lines.filter(([, , changed]) => changed === '1').length
        : undefined;
    },
    version: ['ssh', '-V'],
  };
}

/** The script with the play's files put in, so that it travels as one message. */
export function floorScript(playDir: string): string {
  return readFileSync(join(playDir, 'floor.sh'), 'utf8').replace(/^@(.+)@\n/gm, (_, file: string) =>
    readFileSync(join(playDir, 'files', file), 'utf8'),
  );
}

function polarplayOf(program: string, name: string, title: string, settings: string): Runner {
  return {
    name,
    title,
    settings,
    command: ({ inventory, playDir }) => ({
      argv: [process.execPath, program, join(playDir, 'play.yml'), '-i', inventory],
    }),
    changedHosts: changedInRecap,
    version: [process.execPath, program, '--version'],
  };
}

/** Everyone who is measured; `polarplay` is the program's bundle, `before` that of an earlier build to compare it with. */
export function runners(polarplay: string, before?: string): readonly Runner[] {
  return [
    polarplayOf(polarplay, 'polarplay', 'polarplay', 'as it comes'),
    ...(before === undefined ? [] : [polarplayOf(before, 'before', 'polarplay before', before)]),
    ansible('ansible-tuned', 'Ansible, tuned', 'forks=64, pipelining, ControlPersist', {
      ANSIBLE_FORKS: '64',
      ANSIBLE_PIPELINING: '1',
      ANSIBLE_SSH_ARGS: '-o ControlMaster=auto -o ControlPersist=60s',
    }),
    ansible('ansible', 'Ansible, default', 'forks=5, no pipelining, ControlPersist', {}),
    ansible(
      'ansible-mitogen',
      'Ansible with Mitogen',
      'forks=64, strategy mitogen_linear',
      {
        ANSIBLE_FORKS: '64',
        ANSIBLE_STRATEGY_PLUGINS: MITOGEN.path,
        ANSIBLE_STRATEGY: 'mitogen_linear',
      },
      MITOGEN,
    ),
    floor('floor', 'One script over ssh', "OpenSSH's own key exchange", []),
    floor('floor-fast', 'One script over ssh, fast key exchange', 'curve25519-sha256', [
      '-o',
      'KexAlgorithms=curve25519-sha256',
    ]),
  ];
}
