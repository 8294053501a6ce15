import type { Scenario } from './prove.ts';

const DEB = `mkdir -p d/DEBIAN; printf 'Package: pptest\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@y>\\nDescription: x\\n' >d/DEBIAN/control; dpkg-deb -b d pptest.deb >/dev/null`;
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSw4HjNSP2dQDSzr3LDhBMOuDnQGHTNGiEyrQ4hCAXx x';
const RSA = 'openssl genrsa -out k 1024 2>/dev/null';

/** A registry with two versions of a package; it ends by itself. */
const REGISTRY = `for v in 1.0.0 2.0.0; do
  mkdir -p package; echo "{\\"name\\": \\"pptest\\", \\"version\\": \\"$v\\"}" >package/package.json; tar czf pptest-$v.tgz package
done
cat >registry.mjs <<'END'
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const version = v => ({ name: 'pptest', version: v, dist: { tarball: \`http://127.0.0.1:4873/pptest-\${v}.tgz\` } });
const versions = { '1.0.0': version('1.0.0'), '2.0.0': version('2.0.0') };
const pptest = JSON.stringify({ name: 'pptest', 'dist-tags': { latest: '2.0.0' }, versions });
createServer(({ url }, reply) => {
  if (url === '/pptest') reply.end(pptest);
  else if (url.endsWith('.tgz')) reply.end(readFileSync('.' + url));
  else reply.writeHead(404).end('{}');
}).listen(4873, '127.0.0.1', () => console.log('listening'));
END
PATH=$PATH:/usr/sbin:/sbin ip link set lo up
mkfifo said; timeout 900 node registry.mjs >said 2>&1 & read -r line <said; rm said`;

/** What can be tried on a throw-away copy of this machine. */
export const ON_A_COPY: Readonly<Record<string, Scenario>> = {
  acl: {
    args: { path: '~t/f', entry: 'user:games:r', state: 'present' },
    setup: 'touch f',
    needs: ['setfacl'],
    next: [
      { permissions: 'rw', entry: null, entity: 'games', etype: 'user' },
      { state: 'absent', entry: 'user:games' },
    ],
  },
  alternatives: {
    args: { name: 'pptest', path: '~t/a', link: '~t/link' },
    setup: 'touch a; chmod 755 a',
    needs: ['update-alternatives'],
    next: [{ priority: 70 }, { name: 'pptest', state: 'absent' }],
  },
  apt: {
    args: { deb: '~t/pptest.deb' },
    setup: DEB,
    needs: ['apt-get', 'dpkg-deb'],
  },
  apt_key: {
    args: { file: '~t/key' },
    setup: `mkdir -m 700 g; export GNUPGHOME=$PWD/g; gpg --batch -q --passphrase '' --quick-gen-key pptest rsa1024 2>/dev/null; gpg --export -a >key; gpgconf --kill all`,
    needs: ['apt-key', 'gpg'],
  },
  apt_repository: {
    args: { repo: 'deb http://pp.test/ stable main', filename: 'pptest', update_cache: false },
    needs: ['apt-get'],
    next: [{ state: 'absent' }],
  },
  archive: {
    args: { path: '~t/f', dest: '~t/f.tar.gz' },
    setup: 'echo x >f',
    needs: ['tar'],
    next: [{ remove: true, dest: '~t/g.tar.gz' }],
  },
  assemble: {
    args: { src: '~t/parts', dest: '~t/all' },
    setup: 'mkdir parts; echo a >parts/a; echo b >parts/b',
    next: [{ delimiter: '#' }, { mode: '0600', delimiter: '#' }],
  },
  authorized_key: {
    args: { user: 'root', key: KEY, path: '~t/keys' },
    next: [{ key_options: 'no-pty' }, { state: 'absent' }],
  },
  blockinfile: {
    args: { path: '~t/f', block: 'x' },
    setup: 'echo y >f',
    next: [{ block: 'z' }, { state: 'absent' }],
  },
  capabilities: {
    args: { path: '~t/p', capability: 'cap_chown+ep' },
    setup: 'cp /bin/true p',
    needs: ['setcap'],
    next: [{ state: 'absent' }],
  },
  command: {
    args: { cmd: 'touch made', creates: '~t/made', chdir: '~t' },
    next: [{ cmd: 'rm made', creates: null, removes: '~t/made' }],
  },
  copy: {
    args: { content: 'x', dest: '~t/f', mode: '0600' },
    next: [{ content: 'y' }, { mode: '0644', content: 'y' }, { content: 'z', backup: true }],
  },
  cron: {
    args: { name: 'pptest', job: 'true', cron_file: 'pptest', user: 'root' },
    next: [{ job: 'false', hour: '3' }, { disabled: true, job: 'false', hour: '3' }, { state: 'absent' }],
  },
  deb822_repository: {
    args: { name: 'pptest', uris: 'http://pp.test', suites: 'stable', components: 'main' },
    next: [{ suites: 'testing' }, { state: 'absent' }],
  },
  debconf: {
    args: { name: 'tzdata', question: 'tzdata/Zones/Asia', vtype: 'select', value: 'Tokyo' },
    needs: ['debconf-show'],
    next: [{ value: 'Seoul' }],
  },
  dpkg_selections: {
    args: { name: 'bash', selection: 'hold' },
    needs: ['dpkg'],
    next: [{ selection: 'install' }],
  },
  file: {
    args: { path: '~t/a/b', state: 'directory', mode: '0700' },
    next: [
      { mode: '0755' },
      { owner: 'games', recurse: true },
      { path: '~t/l', src: 'a', state: 'link', mode: null },
      { path: '~t/t', state: 'touch', access_time: 'preserve', modification_time: 'preserve' },
      { path: '~t/h', src: '~t/t', state: 'hard', mode: null },
      { path: '~t/a', state: 'absent' },
    ],
  },
  filesystem: {
    args: { dev: '~t/disk', fstype: 'ext4' },
    setup: 'truncate -s 16M disk',
    needs: ['mkfs.ext4'],
    next: [{ state: 'absent' }],
  },
  find: { args: { paths: '/etc', patterns: '*.conf' }, looks: true },
  getent: { args: { database: 'passwd' }, looks: true },
  git: {
    args: { repo: '~t/origin', dest: '~t/clone' },
    setup: 'git init -q origin; git -C origin -c user.name=x -c user.email=x commit -q --allow-empty -m x',
    needs: ['git'],
    next: [[{}, { before: 'git -C origin -c user.name=x -c user.email=x commit -q --allow-empty -m y' }]],
  },
  git_config: {
    args: { name: 'user.name', value: 'x', scope: 'file', file: '~t/f' },
    needs: ['git'],
    next: [{ value: 'y' }, { value: null, state: 'absent' }],
  },
  group: {
    args: { name: 'pptest', gid: 7654 },
    needs: ['groupadd'],
    next: [{ gid: 7655 }, { state: 'absent' }],
  },
  hostname: { args: { name: 'pptest', use: 'debian' }, next: [{ name: 'other' }] },
  htpasswd: {
    args: { path: '~t/f', name: 'bob', password: 'x' },
    needs: ['openssl'],
    next: [{ password: 'y' }, { state: 'absent' }],
  },
  ini_file: {
    args: { path: '~t/f', section: 'a', option: 'b', value: 'c' },
    next: [{ value: 'd' }, { value: null, state: 'absent' }],
  },
  iptables: {
    args: { chain: 'INPUT', protocol: 'tcp', destination_port: '8080', jump: 'ACCEPT' },
    needs: ['iptables'],
    next: [
      { source: '10.0.0.0/8', action: 'insert' },
      { state: 'absent' },
      { chain: 'FORWARD', policy: 'DROP', protocol: null, destination_port: null, jump: null },
      { chain: 'PP', chain_management: true, protocol: null, destination_port: null, jump: null },
    ],
  },
  kernel_blacklist: {
    args: { name: 'x', blacklist_file: '~t/list' },
    setup: 'touch list',
    next: [{ state: 'absent' }],
  },
  known_hosts: {
    args: { name: 'pp.test', key: `pp.test ${KEY}`, path: '~t/known' },
    needs: ['ssh-keygen'],
    next: [{ state: 'absent' }],
  },
  lineinfile: {
    args: { path: '~t/f', line: 'x', create: true },
    next: [
      { line: 'y', regexp: '^x' },
      { state: 'absent', line: 'y' },
    ],
  },
  locale_gen: { args: { name: 'de_DE.UTF-8' }, needs: ['locale-gen'], next: [{ state: 'absent' }] },
  make: {
    args: { chdir: '~t' },
    setup: "printf 'all: out\\nout:\\n\\ttouch out\\n' >Makefile",
    needs: ['make'],
  },
  mount: {
    args: { path: '~t/m', src: 'tmpfs', fstype: 'tmpfs', state: 'mounted', fstab: '~t/fstab' },
    next: [
      { opts: 'size=1m', state: 'present' },
      { state: 'unmounted' },
      { state: 'mounted', opts: 'size=1m' },
      { state: 'absent' },
    ],
  },
  npm: {
    args: { name: 'pptest', version: '1.0.0', path: '~t/plain', registry: 'http://127.0.0.1:4873' },
    setup: REGISTRY,
    needs: ['npm'],
    next: [
      { version: null, state: 'latest' },
      { version: null, state: 'absent' },
    ],
  },
  openssh_keypair: {
    args: { path: '~t/k', type: 'ed25519' },
    needs: ['ssh-keygen'],
    next: [{ comment: 'x' }, { state: 'absent' }],
  },
  openssl_csr: {
    args: { path: '~t/r', privatekey_path: '~t/k' },
    setup: RSA,
    needs: ['openssl'],
    next: [{ common_name: 'pp.test' }, { state: 'absent' }],
  },
  openssl_dhparam: { args: { path: '~t/p', size: 512 }, needs: ['openssl'], next: [{ state: 'absent' }] },
  openssl_privatekey: {
    args: { path: '~t/k', size: 1024 },
    needs: ['openssl'],
    next: [{ type: 'ECC', curve: 'secp256r1', size: null }, { state: 'absent' }],
  },
  openssl_publickey: {
    args: { path: '~t/p', privatekey_path: '~t/k' },
    setup: RSA,
    needs: ['openssl'],
    next: [{ format: 'OpenSSH' }, { state: 'absent' }],
  },
  package: {
    args: { name: 'pptest', state: 'absent' },
    setup: `${DEB}; dpkg -i pptest.deb >/dev/null`,
    needs: ['apt-get', 'dpkg-deb'],
  },
  package_facts: { args: {}, looks: true },
  pam_limits: {
    args: { domain: 'x', limit_type: 'soft', limit_item: 'nofile', value: '99', dest: '~t/limits' },
    setup: 'touch limits',
    next: [{ value: '100' }, { limit_type: 'hard' }],
  },
  patch: {
    args: { src: '~t/p', remote_src: true, dest: '~t/f' },
    setup: "echo a >f; printf -- '--- f\\n+++ f\\n@@ -1 +1 @@\\n-a\\n+b\\n' >p",
    needs: ['patch'],
    next: [{ state: 'absent' }],
  },
  ping: { args: {}, looks: true },
  replace: {
    args: { path: '~t/f', regexp: 'a+', replace: 'b' },
    setup: 'echo aaa >f',
    next: [{ regexp: 'b', replace: 'cc' }],
  },
  service_facts: { args: {}, looks: true },
  setup: { args: {}, looks: true },
  shell: {
    args: { cmd: 'echo x >made', creates: '~t/made', chdir: '~t' },
    next: [{ cmd: 'rm made', creates: null, removes: '~t/made' }],
  },
  slurp: { args: { src: '/etc/passwd' }, looks: true },
  stat: { args: { path: '/etc/passwd' }, looks: true },
  sudoers: {
    args: { name: 'x', user: 'u', commands: ['ALL'], sudoers_path: '~t', validation: 'absent' },
    next: [{ commands: ['/bin/true'] }, { state: 'absent' }],
  },
  sysctl: {
    args: { name: 'vm.swappiness', value: '7', sysctl_file: '~t/f', reload: false },
    next: [{ value: '8' }, { state: 'absent' }],
  },
  timezone: { args: { name: 'Pacific/Fiji' }, next: [{ name: 'Asia/Tokyo' }] },
  unarchive: {
    args: { src: '~t/a.tar', dest: '~t/out', remote_src: true },
    setup: 'mkdir out; echo x >f; tar cf a.tar f',
    next: [{ owner: 'games' }],
  },
  user: {
    args: { name: 'pptest', create_home: true, groups: ['games'] },
    needs: ['useradd'],
    next: [
      { groups: ['games', 'staff'] },
      { comment: 'x', shell: '/bin/false' },
      { password: '$6$x$y' },
      { password_lock: true },
      { state: 'absent', remove: true },
    ],
  },
  x509_certificate: {
    args: { path: '~t/c', privatekey_path: '~t/k' },
    setup: RSA,
    needs: ['openssl'],
    next: [{ state: 'absent' }],
  },
  yum_repository: {
    args: { name: 'x', description: 'x', baseurl: 'http://pp.test', reposdir: '~t' },
    next: [{ gpgcheck: false }, { enabled: false, gpgcheck: false }, { state: 'absent' }],
  },
};
