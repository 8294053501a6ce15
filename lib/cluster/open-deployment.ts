import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { loadInventory } from '../inventory/load-inventory.ts';
import type { Inventory } from '../inventory/types.ts';
import { messageOf, UsageError } from '../source/errors.ts';
import { PACKAGE_ROOT } from '../source/package-root.ts';
import { emptyRecord, entryOf } from '../source/record.ts';
import type { Json, Value } from '../source/value.ts';
import { Vault } from '../source/vault.ts';
import { visible } from '../source/visible.ts';
import { FileReader } from '../source/yaml/read-yaml.ts';
import { createTemplar } from '../templating/index.ts';
import {
  type Become,
  type Connection,
  connectionSettings,
  createPool,
  SshConfigFiles,
} from '../transport/index.ts';
import type { Deployment, ManagedFiles } from './deployment.ts';
import { extraVars, type Reaching } from './flags.ts';
import { findNames } from './found-names.ts';
import { deploymentOf, namesToFind, recordFact, recordPlace } from './from-inventory.ts';
import { Hosts } from './hosts.ts';
import { managedFilesOf } from './managed-files.ts';
import { parseRecord, type RoleRecord } from './role-record.ts';
import { HostVariables, loadRoleDefaults, plain } from './variables.ts';

/** A deployment that can be looked at: what it should be, and the way to its hosts. */
export interface Opened {
  readonly inventory: Inventory;
  readonly deployment: Deployment;
  readonly hosts: Hosts;
  /** The files that the roles write, by host. */
  managedFiles(): ReadonlyMap<string, ManagedFiles>;
  close(): Promise<void>;
}

const CONNECTION_VARIABLES =
  /^ansible_(connection|(ssh_)?(host|port|user|pass|password|private_key_file|args|common_args|extra_args|timeout|retries|host_key_checking)|private_key_file|become_(method|password|pass))$/;

/**
 * Reads the inventory and says what the cluster should be. Contacts each host once, to learn its distribution.
 * `commandMs` is how long a command on a host may take.
 */
export async function openDeployment(flags: Reaching, commandMs?: number): Promise<Opened> {
  if (flags.inventory.length === 0) throw new UsageError('name an inventory with -i', 5);
  const secret = flags['vault-password-file'];
  const vault = new Vault(
    secret ? [{ id: 'default', password: Buffer.from(readFileSync(secret, 'utf8').trim()) }] : [],
  );
  const files = new FileReader(vault);
  const inventory = loadInventory(flags.inventory, files);
  const templar = createTemplar({
    searchPath: () => (inventory.dir === undefined ? [] : [inventory.dir]),
    readFile: path => files.read(path),
    decrypt: text => vault.decrypt(text).toString('utf8'),
    env: process.env,
    readOnly: true,
  });
  const facts = new Map<string, ReadonlyMap<string, Value>>();
  const sources = {
    inventory,
    templar,
    defaults: loadRoleDefaults(flags.roles ?? join(PACKAGE_ROOT, 'roles'), files),
    extra: extraVars(flags['extra-vars'], files),
    playbookDirs: [join(PACKAGE_ROOT, 'playbooks')].filter(dir => existsSync(dir)),
    facts: (host: string) => facts.get(host) ?? new Map(),
  };
  const way = waysTo(flags, host => new HostVariables(sources, host), commandMs);
  try {
    await learnDistributions(inventory, way.hosts, facts);
    const { record, problem } = await readRecord(
      inventory,
      way.hosts,
      host => new HostVariables(sources, host),
    );
    for (const [host, known] of facts) {
      facts.set(host, new Map([...known, ['polar_record', record ? recordFact(record) : NO_RECORD]]));
    }
    const toFind = namesToFind(inventory, host => new HostVariables(sources, host));
    await Promise.all(
      toFind.map(async wanted => {
        const found = await findNames(way.hosts, wanted);
        facts.set(wanted.host, new Map([...(facts.get(wanted.host) ?? []), ...found]));
      }),
    );
    const deployment = deploymentOf(
      inventory,
      cached(host => new HostVariables(sources, host)),
      record,
      problem,
    );
    const rolesDir = flags.roles ?? join(PACKAGE_ROOT, 'roles');
    const managed = () => managedFilesOf(deployment, sources, rolesDir);
    return { inventory, deployment, hosts: way.hosts, managedFiles: managed, close: way.close };
  } catch (error) {
    await way.close();
    throw error;
  }
}

/** Connections as the inventory's variables, the flags and ~/.ssh/config say; each host is logged into once. */
function waysTo(
  flags: Reaching,
  variables: (host: string) => HostVariables,
  commandMs: number | undefined,
): { hosts: Hosts; close(): Promise<void> } {
  const pool = createPool();
  const configFiles = new SshConfigFiles(homedir());
  const settings = cached((host: string) => {
    const known = variables(host);
    const chosen = emptyRecord<Json>();
    for (const name of known.names()) {
      if (!CONNECTION_VARIABLES.test(name)) continue;
      const value = plain(known, name);
      if (value !== undefined) chosen[name] = value;
    }
    const { settings, warnings } = connectionSettings(host, chosen, {
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags['private-key'] === undefined ? {} : { privateKey: flags['private-key'] }),
      acceptNewHostKeys: flags['accept-new-host-keys'],
      configFiles,
    });
    for (const warning of warnings) process.stderr.write(`${host}: ${visible(warning)}\n`);
    return { settings, chosen };
  });
  const connect = (host: string): Connection => pool.connection(settings(host).settings);
  const become = (host: string, user: string): Become | undefined => {
    const { settings: way, chosen } = settings(host);
    const login = way.kind === 'ssh' ? way.user : process.getuid?.() === 0 ? 'root' : process.env.USER;
    if (login === user) return undefined;
    // Root needs no sudo, which a small host may not even have.
    if (login === 'root') return { method: 'su', user };
    const password = chosen.ansible_become_password ?? chosen.ansible_become_pass;
    const method = chosen.ansible_become_method === 'su' ? 'su' : 'sudo';
    return { method, user, ...(password === undefined ? {} : { password: String(password) }) };
  };
  return { hosts: new Hosts(connect, become, commandMs), close: () => pool.close() };
}

/**
 * The few facts that role defaults ask for. A host that does not answer is taken for one like the others, so that the
 * checks, not this, report it; when none answers there is nothing to look at.
 */
async function learnDistributions(
  inventory: Inventory,
  hosts: Hosts,
  facts: Map<string, ReadonlyMap<string, Value>>,
): Promise<void> {
  const names = [...inventory.hosts.keys()];
  const look = `cat /etc/os-release; sed -n "s/^MemTotal: */MemTotal=/p" /proc/meminfo
for disk in /dev/nvme*; do [ -b "$disk" ] && echo "$disk=$(blockdev --getsize64 "$disk")"; done 2>/dev/null`;
  const asked = await Promise.allSettled(names.map(async host => (await hosts.script(host, look)).stdout));
  const failures: string[] = [];
  asked.forEach((answer, i) => {
    if (answer.status === 'fulfilled') facts.set(names[i]!, distributionFacts(answer.value));
    else failures.push(`${names[i]}: ${messageOf(answer.reason)}`);
  });
  const [any] = facts.values();
  if (!any) throw new UnreachableError(failures);
  for (const name of names) if (!facts.has(name)) facts.set(name, any);
}

/** A cluster that was never deployed: the inventory alone says who is who. */
const NO_RECORD: Value = new Map([['record', new Map()]]);

/**
 * The role record, where the storage host has one that can be believed; else what is wrong with it. The checks, not
 * this, complain: whatever the record says, there is a cluster to look at.
 */
async function readRecord(
  inventory: Inventory,
  hosts: Hosts,
  variables: (host: string) => HostVariables,
): Promise<{ record: RoleRecord | undefined; problem: string | undefined }> {
  const { host, file } = recordPlace(inventory, variables);
  const reply = await hosts.command(host, ['cat', file]).catch(() => undefined);
  if (!reply) return { record: undefined, problem: undefined };
  if (reply.rc !== 0) return { record: undefined, problem: `${file} cannot be read: ${reply.stderr.trim()}` };
  try {
    const record = parseRecord(reply.stdout);
    if (!record) return { record, problem: `${file} is empty` };
    if (inventory.hosts.has(record.primary)) return { record, problem: undefined };
    const problem = `${file} names ${record.primary || 'nobody'} as the primary, and the inventory has no such host`;
    return { record: undefined, problem };
  } catch (error) {
    return { record: undefined, problem: `${file}: ${messageOf(error)}` };
  }
}

/** No host of the inventory answered. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';

  constructor(failures: readonly string[]) {
    super(
      failures.length === 0
        ? 'the inventory has no host'
        : `no host of the inventory answers\n${failures.join('\n')}`,
    );
  }
}

const FAMILIES: Readonly<Record<string, string>> = {
  debian: 'Debian',
  ubuntu: 'Debian',
  rhel: 'RedHat',
  fedora: 'RedHat',
  centos: 'RedHat',
};

const DEVICES = '/dev/';

/** Ansible's names for what /etc/os-release says, and the sizes of disks as the roles keep them, in bytes. */
export function distributionFacts(osRelease: string): ReadonlyMap<string, Value> {
  const entries = new Map(
    osRelease.split('\n').map(line => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1).replace(/^["']|["']$/g, '')];
    }),
  );
  const disks = [...entries].filter(([name]) => name.startsWith(DEVICES));
  const id = entries.get('ID') ?? 'linux';
  const version = entries.get('VERSION_ID') ?? '';
  const like = (entries.get('ID_LIKE') ?? '').split(' ');
  const family = [id, ...like].map(name => entryOf(FAMILIES, name)).find(name => name !== undefined) ?? id;
  return new Map<string, Value>([
    ['ansible_os_family', family],
    ['ansible_distribution', id.charAt(0).toUpperCase() + id.slice(1)],
    ['ansible_distribution_version', version],
    ['ansible_distribution_major_version', version.split('.')[0]!],
    [
      'polar_disk_bytes',
      new Map(disks.map(([name, bytes]) => [name.slice(DEVICES.length), Number.parseInt(bytes, 10)])),
    ],
    ['ansible_memtotal_mb', Math.floor(Number.parseInt(entries.get('MemTotal') ?? '0', 10) / 1024)],
  ]);
}

function cached<T>(make: (host: string) => T): (host: string) => T {
  const known = new Map<string, T>();
  return host => {
    const found = known.get(host);
    if (found !== undefined) return found;
    const made = make(host);
    known.set(host, made);
    return made;
  };
}
