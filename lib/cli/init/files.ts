import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { UsageError } from '../../source/errors.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { inventorySchema } from '../reference/inventory-schema.ts';
import type { ClusterAnswers, HostAnswer } from './answers.ts';

/** The inventory of a new cluster, short, as a start for a person. */
export function inventoryText(answers: ClusterAnswers): string {
  const { storage, disks, primary, replicas, database } = answers;
  const nodes = [primary, ...replicas];
  const node = (host: HostAnswer) => ({ ...hostVars(host), polar_hostid: nodes.indexOf(host) + 1 });
  const hosts = (list: readonly HostAnswer[], vars: (host: HostAnswer) => object) => ({
    hosts: Object.fromEntries(list.map(host => [host.name, vars(host)])),
  });
  const inventory = {
    all: {
      vars: {
        ...(answers.user !== undefined && { ansible_user: answers.user }),
        ...(answers.privateKey !== undefined && { ansible_ssh_private_key_file: answers.privateKey }),
        ...(answers.sshArgs !== undefined && { ansible_ssh_common_args: answers.sshArgs }),
        ...(database === 'stand-in'
          ? { polardb_database: 'postgresql' }
          : { polardb_version: Number(database) }),
      },
      children: {
        cluster: {
          children: {
            storage: hosts([storage], host => ({
              ...hostVars(host),
              nbd_server_exports: disks.map((device, i) => ({ name: `export${i + 1}`, device })),
            })),
            nodes: {
              children: {
                primary: hosts([primary], node),
                ...(replicas.length > 0 && { replicas: hosts(replicas, node) }),
              },
            },
          },
        },
      },
    },
  };
  return `${HEAD}${stringify(inventory)}`;
}

const HEAD = `# yaml-language-server: $schema=.polarplay/inventory.schema.json
# The hosts of the cluster, written by polarplay init. Every variable: polarplay doc --variables
# A node keeps its polar_hostid for ever: give a new node a new one. Who is primary is kept on the storage host: the group
# "primary" counts for the first deployment only.
`;

const SITE = `# Deploys the cluster, or brings it back to what hosts.yaml says: polarplay site.yml -i hosts.yaml
# The plays come with polarplay. Yours can stand before or after them.
- import_playbook: polarplay.polardb.site
`;

/** Each copy of the folder makes its own: polarplay schema inventory > .polarplay/inventory.schema.json */
const SCHEMA = join('.polarplay', 'inventory.schema.json');

const IGNORED = ['credentials/', '.polarplay/'];

function hostVars({ address, port }: HostAnswer): object {
  return { ansible_host: address, ...(port !== undefined && { ansible_port: port }) };
}

/** Writes the files of a new cluster. Of existing files only .gitignore changes, and it only grows. */
export function writeFiles(folder: string, answers: ClusterAnswers): readonly string[] {
  const files: readonly [string, string][] = [
    ['hosts.yaml', inventoryText(answers)],
    ['site.yml', SITE],
  ];
  refuseExisting(folder);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, name), text, { flag: 'wx' });
  mkdirSync(join(folder, '.polarplay'), { recursive: true });
  writeFileSync(join(folder, SCHEMA), JSON.stringify(inventorySchema(join(PACKAGE_ROOT, 'roles'))));
  return [...files.map(([name]) => name), ...ignoreSecrets(folder)];
}

/** Runs first, so that nobody answers questions in vain. */
export function refuseExisting(folder: string): void {
  const there = ['hosts.yaml', 'site.yml'].find(name => existsSync(join(folder, name)));
  if (there) throw new UsageError(`${join(folder, there)} exists already: name another folder`, 5);
}

function ignoreSecrets(folder: string): readonly string[] {
  const file = join(folder, '.gitignore');
  const known = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const missing = IGNORED.filter(line => !known.split('\n').includes(line));
  if (missing.length === 0) return [];
  writeFileSync(file, `${known}${known === '' || known.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`);
  return ['.gitignore'];
}
