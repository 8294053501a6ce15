import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { diskPath } from './disks.ts';
import { groupOf } from './plan.ts';
import { hostDir, type Lab, type LabHost, type LabRecord, labDir } from './record.ts';

/** Writes known_hosts, ssh_config and hosts.yaml of a lab, and gives the inventory's path. */
export async function writeInventory(lab: Lab): Promise<string> {
  const dir = labDir(lab.root, lab.name);
  const known = join(dir, 'known_hosts');
  const key = join(dir, 'id_ed25519');
  await writeFile(known, (await Promise.all(lab.hosts.map(host => knownHost(lab, host)))).join(''));
  await writeFile(join(dir, 'ssh_config'), sshConfig(lab, known, key));
  const file = join(dir, 'hosts.yaml');
  await writeFile(
    file,
    `# Written by: polarplay lab up --name ${lab.name}\n${stringify(inventory(lab, known, key))}`,
  );
  return file;
}

async function knownHost(lab: Lab, host: LabHost): Promise<string> {
  const key = await readFile(
    join(hostDir(lab.root, lab.name, host.name), 'ssh_host_ed25519_key.pub'),
    'utf8',
  );
  const [type, data] = key.split(' ');
  return `${host.name},${host.address} ${type} ${data?.trim()}\n`;
}

function sshConfig(lab: LabRecord, known: string, key: string): string {
  const hosts = lab.hosts.map(host => `Host ${host.name}\n  HostName ${host.address}\n`);
  const common = [
    'Host *',
    '  User root',
    `  IdentityFile ${key}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${known}`,
    '  StrictHostKeyChecking yes',
    // Emulated machines take long to greet when they have much to do.
    '  ConnectTimeout 60',
  ];
  return `${hosts.join('')}${common.join('\n')}\n`;
}

/** The inventory as Ansible writes it: storage, primary and replicas, `nodes` for both databases, `cluster` for all. */
export function inventory(lab: LabRecord, known: string, key: string): object {
  const members = (group: string | undefined) =>
    Object.fromEntries(lab.hosts.filter(h => groupOf(h.name) === group).map(h => [h.name, hostVars(lab, h)]));
  const roles = ['storage', 'primary', 'replicas'] as const;
  const present = roles.filter(group => lab.hosts.some(host => groupOf(host.name) === group));
  const databases = present.filter(group => group !== 'storage');
  const plain = members(undefined);
  return {
    all: {
      vars: {
        ansible_user: 'root',
        ansible_ssh_private_key_file: key,
        ansible_ssh_common_args: `-o UserKnownHostsFile=${known} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes`,
        ...scratchVars(lab),
        ...lab.vars,
      },
      ...(Object.keys(plain).length > 0 ? { hosts: plain } : {}),
      ...(present.length > 0
        ? {
            children: {
              ...Object.fromEntries(present.map(group => [group, { hosts: members(group) }])),
              ...(databases.length > 0 ? { nodes: { children: named(databases) } } : {}),
              cluster: {
                children: named(
                  databases.length > 0 ? [...present.filter(g => g === 'storage'), 'nodes'] : present,
                ),
              },
            },
          }
        : {}),
    },
  };
}

const named = (groups: readonly string[]): object => Object.fromEntries(groups.map(group => [group, {}]));

function hostVars(lab: LabRecord, host: LabHost): object {
  const exports = host.disks.map(disk => ({
    name: disk.exportName,
    device: diskPath(disk.device, lab.diskKind),
  }));
  return { ansible_host: host.address, ...(exports.length > 0 ? { nbd_server_exports: exports } : {}) };
}

/** The export that checks may write to. */
function scratchVars(lab: LabRecord): object {
  const scratch = lab.hosts.flatMap(host => host.disks).find(disk => disk.exportName === 'scratch');
  return scratch ? { scratch_export: scratch.exportName } : {};
}
