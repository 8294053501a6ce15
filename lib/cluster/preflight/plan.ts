/**
 * What each host is asked, as a play: its values are those that site.yml will use, of the inventory, the command line and
 * the roles' defaults, so that both can never disagree. The roles are there for their defaults alone.
 */
export const PREFLIGHT_PLAY = {
  gather_facts: true,
  gather_subset: ['!all', '!min', 'platform', 'distribution', 'pkg_mgr', 'service_mgr', 'hardware'],
  roles: ['common', 'nbd_server', 'nbd_client', 'polardb_build', 'polardb_server'].map(role => ({
    role,
    when: false,
  })),
};

const onStorage = 'inventory_hostname == cluster_storage';
const builds = "polardb_database == 'polardb' and polardb_build_method == 'source'";

export const PREFLIGHT_ARGS = {
  devices: `{{ (nbd_server_volume_group.devices | default([]) or cluster_exports | selectattr('device', 'defined') | map(attribute='device') | list) if ${onStorage} else [] }}`,
  packages: `{{ common_packages + (nbd_server_packages if ${onStorage} else polardb_build_postgresql_packages if polardb_database == 'postgresql' else polardb_build_runtime + (polardb_build_packages if ${builds} and inventory_hostname == polardb_build_host else [])) }}`,
  kernel_packages: `{{ [] if ${onStorage} else nbd_client_packages[nbd_client_transport | replace('auto', 'kernel')] }}`,
  fuse_packages: `{{ [] if ${onStorage} else nbd_client_packages[nbd_client_transport | replace('auto', 'fuse')] }}`,
  ports: `{{ [cluster_nbd_port if ${onStorage} else polardb_port] | map('string') | list }}`,
  folders: `{{ ['/opt', '/var/lib'] + (cluster_exports | selectattr('file', 'defined') | map(attribute='file') | map('dirname') | list if ${onStorage} else [polardb_data] + ([polardb_build_directory] if ${builds} and inventory_hostname == polardb_build_host else [])) }}`,
  list_disks: `{{ ${onStorage} }}`,
  wanted: {
    database: '{{ polardb_database }}',
    version: '{{ polardb_version | int }}',
    hostid: `{{ 0 if ${onStorage} else polar_hostid | int }}`,
    address: '{{ cluster_address }}',
    transport: '{{ nbd_client_transport }}',
    memory:
      "{{ (polardb_shared_buffers | human_to_bytes // 1048576) if polardb_database == 'polardb' else 128 }}",
    disk: `{% for export in cluster_exports if (export.disk | default('nvme' ~ export.name)) == polardb_disk %}{{ export.device | default('') }}{% endfor %}`,
    build: `{{ polardb_build_directory if ${builds} and inventory_hostname == polardb_build_host else '' }}`,
    files: `{{ cluster_exports | selectattr('file', 'defined') | list if ${onStorage} else [] }}`,
  },
};

/** What the inventory asks of a host. */
export interface Wanted {
  readonly database: 'polardb' | 'postgresql';
  readonly version: number;
  /** 0 on the storage host. */
  readonly hostid: number;
  readonly address: string;
  readonly transport: 'auto' | 'kernel' | 'fuse';
  /** MiB that the server takes for itself. */
  readonly memory: number;
  /** The device that will carry the database's PFS. */
  readonly disk: string;
  /** Folder of the build, on the host that builds. */
  readonly build: string;
  readonly files: readonly { readonly name: string; readonly file: string; readonly size?: string }[];
}
