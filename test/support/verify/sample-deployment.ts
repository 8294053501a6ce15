import { join } from 'node:path';
import type { DatabaseNode, Deployment } from '../../../lib/cluster/deployment.ts';
import { deploymentOf, recordFact } from '../../../lib/cluster/from-inventory.ts';
import { managedFilesOf } from '../../../lib/cluster/managed-files.ts';
import { distributionFacts } from '../../../lib/cluster/open-deployment.ts';
import type { RoleRecord } from '../../../lib/cluster/role-record.ts';
import { HostVariables, loadRoleDefaults } from '../../../lib/cluster/variables.ts';
import { loadInventory } from '../../../lib/inventory/load-inventory.ts';
import { PACKAGE_ROOT } from '../../../lib/source/package-root.ts';
import type { Value } from '../../../lib/source/value.ts';
import { FileReader } from '../../../lib/source/yaml/read-yaml.ts';
import { createTemplar } from '../../../lib/templating/index.ts';

/** The deployment that an inventory file describes, on Debian 12 with 2 GiB, as the roles' defaults have it. */
export function deploymentFrom(
  file: string,
  record?: RoleRecord,
  extra: Iterable<[Value, Value]> = [],
): Deployment {
  const reader = new FileReader();
  const inventory = loadInventory([file], reader);
  const templar = createTemplar({
    searchPath: () => [],
    readFile: path => reader.read(path),
    decrypt: text => text,
    env: {},
    readOnly: true,
  });
  const debian = distributionFacts('ID=debian\nVERSION_ID="12"\nMemTotal=2097152 kB\n');
  const roles = join(PACKAGE_ROOT, 'roles');
  const sources = {
    inventory,
    templar,
    defaults: loadRoleDefaults(roles),
    extra: new Map<Value, Value>(extra),
    playbookDirs: [],
    facts: () => (record ? new Map([...debian, ['polar_record', recordFact(record)]]) : debian),
  };
  const deployment = deploymentOf(inventory, host => new HostVariables(sources, host), record);
  return { ...deployment, files: managedFilesOf(deployment, sources, roles) };
}

const samples = new Map<string, Deployment>();

/** The sample inventory of the stand-in, or of PolarDB; read once, as it takes a while. */
export function sampleDeployment(name: 'standin' | 'hosts' = 'standin'): Deployment {
  const known = samples.get(name) ?? deploymentFrom(join(PACKAGE_ROOT, 'inventory', `${name}.yaml`));
  samples.set(name, known);
  return known;
}

/** A deployment whose servers are those of a test: a primary and a replica on this machine, without disks. */
export function localDeployment(
  server: {
    readonly primaryPort: number;
    readonly replicaPort: number;
    readonly password: string;
    readonly dir: string;
    readonly bin: string;
  },
  change: Partial<Deployment> = {},
): Deployment {
  const sample = sampleDeployment();
  const [replica] = sample.replicas;
  const at = (node: DatabaseNode, port: number): DatabaseNode => ({
    ...node,
    // What the replica of a test connects to.
    address: server.dir,
    bin: server.bin,
    diskServices: [],
    services: [],
    sql: {
      host: node.host,
      address: '127.0.0.1',
      port,
      database: 'postgres',
      user: 'postgres',
      password: server.password,
      osUser: 'postgres',
      socketDir: server.dir,
      psql: `${server.bin}/psql`,
    },
  });
  return {
    ...sample,
    version: server.bin.split('/').at(-2)!,
    storage: { ...sample.storage, exports: [] },
    primary: at(sample.primary, server.primaryPort),
    replicas: [at(replica!, server.replicaPort)],
    sync: 'off',
    ...change,
  };
}
