import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Value } from '../source/value.ts';
import { type Deployment, hostsOf, type ManagedFiles, nodesOf } from './deployment.ts';
import { HostVariables, type VariableSources } from './variables.ts';

interface Managed {
  readonly path: string;
  readonly role: string;
  readonly on: 'storage' | 'nodes';
  readonly template?: string;
  readonly file?: readonly string[];
  readonly polardbOnly?: boolean;
  /** One file for each export, with `item` and `position` as the role has them. */
  readonly eachExport?: boolean;
}

/** What decides over the next start, and is not judged by what it means elsewhere. */
const FILES: readonly Managed[] = [
  {
    path: '/etc/systemd/system/polar-nbd-server.service',
    role: 'nbd_server',
    on: 'storage',
    template: 'polar-nbd-server.service.j2',
  },
  {
    path: '/etc/systemd/system/polardb.service',
    role: 'polardb_server',
    on: 'nodes',
    template: 'polardb.service.j2',
  },
  { path: '/etc/polar/guard.env', role: 'polardb_server', on: 'nodes', template: 'guard.env.j2' },
  { path: '/usr/local/sbin/polar-guard', role: 'polardb_server', on: 'nodes', file: ['polar-guard'] },
  {
    path: '/etc/systemd/system/polar-nbd@.service',
    role: 'nbd_client',
    on: 'nodes',
    template: 'polar-nbd@.service.j2',
  },
  {
    path: '/usr/local/sbin/polar-nbd',
    role: 'nbd_client',
    on: 'nodes',
    file: ['polar-nbd-fuse', 'polar-nbd-kernel'],
  },
  {
    path: '/etc/polar/nbd/DISK.env',
    role: 'nbd_client',
    on: 'nodes',
    template: 'disk.env.j2',
    eachExport: true,
  },
  {
    path: '/etc/systemd/system/polar-pfsd@.service',
    role: 'pfs',
    on: 'nodes',
    template: 'polar-pfsd@.service.j2',
    polardbOnly: true,
  },
  {
    path: '/etc/tmpfiles.d/polar-pfs.conf',
    role: 'pfs',
    on: 'nodes',
    template: 'polar-pfs.conf.j2',
    polardbOnly: true,
  },
];

const TRANSPORTS = ['fuse', 'kernel'];

/** The same for all hosts of a deployment. Roles that are not there, or other ones, write nothing that is known. */
export function managedFilesOf(
  deployment: Deployment,
  sources: VariableSources,
  rolesDir: string,
): ReadonlyMap<string, ManagedFiles> {
  const { storage, database } = deployment;
  const items = plainList(new HostVariables(sources, storage.host), 'cluster_exports');
  const of = (host: string, group: 'storage' | 'nodes') => {
    const exports = storage.exports.flatMap((disk, position) =>
      disk.nodes.includes(host)
        ? [{ disk: disk.device.replace('/dev/', ''), item: items[position] ?? null, position }]
        : [],
    );
    const about = { host, group, polardb: database === 'polardb', exports };
    return [host, managedFiles(sources, rolesDir, about)] as const;
  };
  return new Map([
    of(storage.host, 'storage'),
    ...hostsOf(nodesOf(deployment)).map(host => of(host, 'nodes')),
  ]);
}

function plainList(variables: HostVariables, name: string): readonly Value[] {
  const value = variables.get(name);
  return Array.isArray(value) ? value : [];
}

/**
 * The files that the roles write on a host, as they would write them today. The templates are the roles' own: this tells
 * what somebody changed since, not whether the roles are right; that is what all other checks are for.
 */
function managedFiles(
  sources: VariableSources,
  rolesDir: string,
  {
    host,
    group,
    polardb,
    exports,
  }: {
    readonly host: string;
    readonly group: 'storage' | 'nodes';
    readonly polardb: boolean;
    readonly exports: readonly { readonly disk: string; readonly item: Value; readonly position: number }[];
  },
): ManagedFiles {
  const read = (role: string, folder: string, name: string) =>
    readFileSync(join(rolesDir, role, folder, name), 'utf8');
  const render = (role: string, template: string, extra: readonly (readonly [string, Value])[]) => {
    const text = read(role, 'templates', template);
    const variants = TRANSPORTS.map(kind => {
      const more = new Map<Value, Value>([...sources.extra, ['nbd_client_kind', kind], ...extra]);
      more.set('ansible_managed', 'Ansible managed');
      return sources.templar.renderFile(text, new HostVariables({ ...sources, extra: more }, host));
    });
    return [...new Set(variants)];
  };
  const files = new Map<string, readonly string[]>();
  for (const { path, role, on, template, file, polardbOnly, eachExport } of FILES) {
    if (on !== group || (polardbOnly && !polardb)) continue;
    if (file)
      files.set(
        path,
        file.map(name => read(role, 'files', name)),
      );
    else if (eachExport)
      for (const { disk, item, position } of exports)
        files.set(
          path.replace('DISK', disk),
          render(role, template!, [
            ['item', item],
            ['position', position],
            ['disk', disk],
          ]),
        );
    else files.set(path, render(role, template!, []));
  }
  return files;
}
