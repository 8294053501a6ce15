import { fileURLToPath } from 'node:url';
import type { Json } from '../../lib/source/value.ts';

type Tasks = readonly Readonly<Record<string, Json>>[];

/** A file of the control machine that tasks send. */
const HERE = fileURLToPath(import.meta.url);
const PROBE: Json = { disk: { host: 'other', kind: 'block', path: '/dev/nvmeexport1', size: 16106127360 } };

/** Tasks of modules that have no scenario of check mode: what they work on is a server, the control machine or a cluster. */
export const FUZZED_TASKS: Readonly<Record<string, Tasks>> = {
  docker_container: [
    { name: 'c', image: 'img', state: 'started', env: { A: 'b' }, volumes: ['~t/v:/v'], pull: true },
    { name: 'c', image: 'img', state: 'present', recreate: true, published_ports: ['80:80'] },
    { name: 'c', state: 'absent', keep_volumes: false },
    { name: 'c', state: 'stopped' },
  ],
  docker_image: [
    { name: 'img', source: 'pull' },
    { name: 'img', source: 'build', build: { path: '~t/b' } },
    { name: 'img', source: 'load', load_path: '~t/i.tar' },
    { name: 'img', state: 'absent' },
    { name: 'img', source: 'local', archive_path: '~t/i.tar', repository: 'r/i', push: true },
  ],
  fetch: [
    { src: '~t/f', dest: '~t/kept/' },
    { src: '~t/f', dest: '~t/kept/', flat: true },
  ],
  get_url: [
    { url: 'http://127.0.0.1/f', dest: '~t/f', backup: true },
    { url: 'http://127.0.0.1/f', dest: '~t', checksum: 'sha256:http://127.0.0.1/sums' },
    { url: 'file:///srv/asked/g', dest: '~t/f', force: true, mode: '0600' },
  ],
  mysql_db: [
    { name: ['d'], encoding: 'utf8mb4' },
    { name: ['d'], state: 'absent' },
    { name: ['d'], state: 'dump', target: '~t/d.sql.gz' },
    { name: ['d'], state: 'import', target: '~t/d.sql' },
  ],
  mysql_query: [
    { query: ['select 1', 'update t set a = 1'], login_db: 'd' },
    { query: ['select %s'], positional_args: ['x'], single_transaction: true },
  ],
  mysql_user: [
    { name: 'u', password: 'secret', priv: { 'd.*': 'SELECT' } },
    { name: 'u', host_all: true, state: 'absent' },
    { name: 'u', append_privs: true, priv: { 'd.*': 'ALL' }, resource_limits: { MAX_QUERIES_PER_HOUR: 1 } },
  ],
  pfs_format: [{ disk: 'nvmeexport1', probes: [PROBE] }],
  pfs_grow: [{ disk: 'nvmeexport1' }],
  pfs_probe: [{ path: '/dev/nvmeexport1', look_inside: true }],
  polardb_fence: [
    { address: '10.0.0.1', fenced: true, authfile: '~t/allow' },
    { address: '10.0.0.1', fenced: false, authfile: '~t/allow' },
  ],
  polardb_init: [
    { role: 'primary', bin: '~t/bin', data: '~t/data', user: 'u', database: 'postgresql', version: 15 },
    {
      role: 'replica',
      bin: '~t/bin',
      data: '~t/data',
      user: 'u',
      database: 'postgresql',
      version: 15,
      primary_host: '10.0.0.2',
      slot: 'replica1',
    },
  ],
  polardb_deployed: [
    {
      cluster: 'c',
      node: 'n',
      hostid: 1,
      database: 'polardb',
      version: 15,
      disk: 'nvme1',
      data: '~t/data',
      user: 'u',
      port: 5432,
      password: 'p',
    },
  ],
  polardb_lock: [{ state: 'held' }, { state: 'free' }],
  polardb_preflight: [
    { devices: ['/dev/vdb'], packages: ['fuse3'], ports: [1921], folders: ['~t'], list_disks: true },
  ],
  polardb_promote: [{ bin: '~t/bin', data: '~t/data', signals: ['standby.signal'], tries: 1, within: 1 }],
  polardb_record: [
    { path: '~t/record' },
    { path: '~t/record', cluster: 'c', initial_primary: 'a', nodes: { a: 1 } },
  ],
  polardb_restart: [
    { bin: '~t/bin', wait: 1 },
    { bin: '~t/bin', wait: 1, lowered: 'wait', force: true },
  ],
  polardb_slots: [{ bin: '~t/bin', names: ['replica1'], absent: ['replica2'] }],
  polardb_sql: [
    { bin: '~t/bin', query: 'select 1' },
    { bin: '~t/bin', query: 'select 1', until: 't', within: 1 },
  ],
  polardb_status: [{}],
  postgresql_db: [
    { name: 'd', owner: 'o', encoding: 'UTF8', conn_limit: '5' },
    { name: 'd', state: 'absent', force: true },
    { name: 'd', state: 'dump', target: '~t/d.sql.gz' },
    { name: 'd', state: 'restore', target: '~t/d.sql' },
  ],
  postgresql_ext: [
    { name: 'e', db: 'd', version: 'latest' },
    { name: 'e', db: 'd', state: 'absent', cascade: true },
  ],
  postgresql_ping: [{ db: 'd' }],
  postgresql_privs: [
    { database: 'd', roles: 'r', privs: 'SELECT', type: 'table', objs: 'ALL_IN_SCHEMA' },
    { database: 'd', roles: 'r', objs: 'admins', type: 'group', state: 'absent' },
    { database: 'd', roles: 'r', privs: 'SELECT', type: 'default_privs', objs: 'TABLES', target_roles: 'o' },
  ],
  postgresql_query: [{ query: ['select 1', 'select %s'], positional_args: [1], db: 'd' }],
  postgresql_user: [
    { name: 'u', password: 'secret', role_attr_flags: ['LOGIN'], groups: ['g'], comment: 'c' },
    { name: 'u', state: 'absent', db: 'd' },
  ],
  raw: [{ cmd: 'true' }],
  reboot: [
    { reboot_command: '/sbin/reboot -f', reboot_timeout: 1 },
    { msg: 'm', reboot_timeout: 1 },
  ],
  script: [{ cmd: HERE }, { cmd: HERE, creates: '~t/made', chdir: '~t' }],
  synchronize: [
    { src: `${HERE}`, dest: '~t/s' },
    { src: '~t/s', dest: '~t/kept', mode: 'pull' },
  ],
  tempfile: [{ path: '~t' }, { path: '~t', state: 'directory' }],
  template: [{ src: HERE, dest: '~t/t', backup: true, validate: 'true %s' }],
  uri: [
    { url: 'http://127.0.0.1/', return_content: true },
    { url: 'http://127.0.0.1/f', dest: '~t', follow_redirects: 'all' },
    {
      url: 'http://127.0.0.1/f',
      method: 'POST',
      body: { a: 1 },
      body_format: 'json',
      status_code: [200, 201],
    },
  ],
  wait_for: [
    { port: 1, timeout: 0 },
    { path: '~t/f', search_regex: 'a(b)', timeout: 0 },
    { port: 1, state: 'drained', timeout: 0 },
  ],
  wait_for_connection: [{ timeout: 0 }],
};
