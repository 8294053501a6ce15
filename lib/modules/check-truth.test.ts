import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Json } from '../source/value.ts';
import { allModules, findModule } from './index.ts';
import type { Module } from './module.ts';
import { runModule } from './testing.ts';
import { type ThrowAwayCopy, throwAwayCopy } from './throw-away-copy.ts';

interface Case {
  readonly args: Readonly<Record<string, Json>>;
  /** Shell commands that prepare the copy; they start in a directory of the case's own, which is `~t` in arguments. */
  readonly setup?: string;
  readonly needs?: readonly string[];
  /** It only looks: nothing may ever change. */
  readonly looks?: true;
}

const DEB = `mkdir -p d/DEBIAN; printf 'Package: pptest\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@y>\\nDescription: x\\n' >d/DEBIAN/control; dpkg-deb -b d pptest.deb >/dev/null`;
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSw4HjNSP2dQDSzr3LDhBMOuDnQGHTNGiEyrQ4hCAXx x';
const RSA = 'openssl genrsa -out k 1024 2>/dev/null';

/** For each module one task that changes something the first time and nothing the second time. */
const CASES: Readonly<Record<string, Case>> = {
  acl: {
    args: { path: '~t/f', entry: 'user:games:r', state: 'present' },
    setup: 'touch f',
    needs: ['setfacl'],
  },
  alternatives: {
    args: { name: 'pptest', path: '~t/a', link: '~t/link' },
    setup: 'touch a; chmod 755 a',
    needs: ['update-alternatives'],
  },
  apt: { args: { deb: '~t/pptest.deb' }, setup: DEB, needs: ['apt-get', 'dpkg-deb'] },
  apt_key: {
    args: { file: '~t/key' },
    setup: `mkdir -m 700 g; export GNUPGHOME=$PWD/g; gpg --batch -q --passphrase '' --quick-gen-key pptest rsa1024 2>/dev/null; gpg --export -a >key; gpgconf --kill all`,
    needs: ['apt-key', 'gpg'],
  },
  apt_repository: {
    args: { repo: 'deb http://pp.test/ stable main', filename: 'pptest', update_cache: false },
    needs: ['apt-get'],
  },
  archive: { args: { path: '~t/f', dest: '~t/f.tar.gz' }, setup: 'echo x >f', needs: ['tar'] },
  assemble: { args: { src: '~t/parts', dest: '~t/all' }, setup: 'mkdir parts; echo a >parts/a' },
  authorized_key: { args: { user: 'root', key: KEY, path: '~t/keys' } },
  blockinfile: { args: { path: '~t/f', block: 'x' }, setup: 'echo y >f' },
  capabilities: {
    args: { path: '~t/p', capability: 'cap_chown+ep' },
    setup: 'cp /bin/true p',
    needs: ['setcap'],
  },
  command: { args: { cmd: 'touch made', creates: '~t/made', chdir: '~t' } },
  copy: { args: { content: 'x', dest: '~t/f', mode: '0600' } },
  cron: { args: { name: 'pptest', job: 'true', cron_file: 'pptest', user: 'root' } },
  deb822_repository: {
    args: { name: 'pptest', uris: 'http://pp.test', suites: 'stable', components: 'main' },
  },
  debconf: {
    args: { name: 'tzdata', question: 'tzdata/Zones/Asia', vtype: 'select', value: 'Tokyo' },
    needs: ['debconf-show'],
  },
  dpkg_selections: { args: { name: 'bash', selection: 'hold' }, needs: ['dpkg'] },
  file: { args: { path: '~t/a/b', state: 'directory', mode: '0700' } },
  filesystem: {
    args: { dev: '~t/disk', fstype: 'ext4' },
    setup: 'truncate -s 16M disk',
    needs: ['mkfs.ext4'],
  },
  find: { args: { paths: '/etc', patterns: '*.conf' }, looks: true },
  getent: { args: { database: 'passwd' }, looks: true },
  git: {
    args: { repo: '~t/origin', dest: '~t/clone' },
    setup: 'git init -q origin; git -C origin -c user.name=x -c user.email=x commit -q --allow-empty -m x',
    needs: ['git'],
  },
  git_config: { args: { name: 'user.name', value: 'x', scope: 'file', file: '~t/f' }, needs: ['git'] },
  group: { args: { name: 'pptest', gid: 7654 }, needs: ['groupadd'] },
  hostname: { args: { name: 'pptest', use: 'debian' } },
  htpasswd: { args: { path: '~t/f', name: 'bob', password: 'x' }, needs: ['openssl'] },
  ini_file: { args: { path: '~t/f', section: 'a', option: 'b', value: 'c' } },
  iptables: {
    args: { chain: 'INPUT', protocol: 'tcp', destination_port: '8080', jump: 'ACCEPT' },
    needs: ['iptables'],
  },
  known_hosts: { args: { name: 'pp.test', key: `pp.test ${KEY}`, path: '~t/known' }, needs: ['ssh-keygen'] },
  lineinfile: { args: { path: '~t/f', line: 'x', create: true } },
  locale_gen: { args: { name: 'de_DE.UTF-8' }, needs: ['locale-gen'] },
  make: {
    args: { chdir: '~t' },
    setup: "printf 'all: out\\nout:\\n\\ttouch out\\n' >Makefile",
    needs: ['make'],
  },
  mount: { args: { path: '~t/m', src: 'tmpfs', fstype: 'tmpfs', state: 'mounted', fstab: '~t/fstab' } },
  openssh_keypair: { args: { path: '~t/k', type: 'ed25519' }, needs: ['ssh-keygen'] },
  openssl_csr: { args: { path: '~t/r', privatekey_path: '~t/k' }, setup: RSA, needs: ['openssl'] },
  openssl_dhparam: { args: { path: '~t/p', size: 512 }, needs: ['openssl'] },
  openssl_privatekey: { args: { path: '~t/k', size: 1024 }, needs: ['openssl'] },
  openssl_publickey: { args: { path: '~t/p', privatekey_path: '~t/k' }, setup: RSA, needs: ['openssl'] },
  package: {
    args: { name: 'pptest', state: 'absent' },
    setup: `${DEB}; dpkg -i pptest.deb >/dev/null`,
    needs: ['apt-get', 'dpkg-deb'],
  },
  package_facts: { args: {}, looks: true },
  pam_limits: {
    args: { domain: 'x', limit_type: 'soft', limit_item: 'nofile', value: '99', dest: '~t/limits' },
    setup: 'touch limits',
  },
  patch: {
    args: { src: '~t/p', remote_src: true, dest: '~t/f' },
    setup: "echo a >f; printf -- '--- f\\n+++ f\\n@@ -1 +1 @@\\n-a\\n+b\\n' >p",
    needs: ['patch'],
  },
  ping: { args: {}, looks: true },
  replace: { args: { path: '~t/f', regexp: 'a+', replace: 'b' }, setup: 'echo aaa >f' },
  service_facts: { args: {}, looks: true },
  setup: { args: {}, looks: true },
  shell: { args: { cmd: 'echo x >made', creates: '~t/made', chdir: '~t' } },
  slurp: { args: { src: '/etc/passwd' }, looks: true },
  stat: { args: { path: '/etc/passwd' }, looks: true },
  sudoers: { args: { name: 'x', user: 'u', commands: ['ALL'], sudoers_path: '~t', validation: 'absent' } },
  sysctl: { args: { name: 'vm.swappiness', value: '7', sysctl_file: '~t/f', reload: false } },
  timezone: { args: { name: 'Pacific/Fiji' } },
  unarchive: {
    args: { src: '~t/a.tar', dest: '~t/out', remote_src: true },
    setup: 'mkdir out; echo x >f; tar cf a.tar f',
  },
  user: { args: { name: 'pptest', create_home: true, groups: ['games'] }, needs: ['useradd'] },
  x509_certificate: { args: { path: '~t/c', privatekey_path: '~t/k' }, setup: RSA, needs: ['openssl'] },
  yum_repository: { args: { name: 'x', description: 'x', baseurl: 'http://pp.test', reposdir: '~t' } },
};

/** Modules that cannot be tried like this: what they need instead, and the test where that is. */
const ELSEWHERE: Readonly<Record<string, readonly [reason: string, file: string]>> = {
  apache2_module: ['Apache; prepared answers', 'host-modules.test.ts'],
  dnf: ['a host with dnf; prepared answers', 'dnf.test.ts'],
  docker_container: ['a Docker daemon of its own', 'docker_container.test.ts'],
  docker_image: ['a Docker daemon of its own', 'docker_container.test.ts'],
  fetch: ['it writes on the control machine', 'fetch.test.ts'],
  firewalld: ['a running firewalld; prepared answers', 'firewall.test.ts'],
  get_url: ['a web server', 'http.test.ts'],
  lvg: ['a volume group; prepared answers', 'storage.test.ts'],
  lvol: ['a volume group; prepared answers', 'storage.test.ts'],
  modprobe: ['the kernel is not copied; prepared answers', 'modprobe.test.ts'],
  mysql_db: ['a server of its own', 'mysql_query.test.ts'],
  mysql_user: ['a server of its own', 'mysql_query.test.ts'],
  npm: ['a registry; prepared answers', 'language-packages.test.ts'],
  pip: ['an index; prepared answers', 'language-packages.test.ts'],
  postgresql_db: ['a server of its own', 'postgresql.test.ts'],
  postgresql_ext: ['a server of its own', 'postgresql.test.ts'],
  postgresql_ping: ['a server of its own', 'postgresql.test.ts'],
  postgresql_privs: ['a server of its own', 'postgresql.test.ts'],
  postgresql_query: ['a server of its own', 'postgresql_query.test.ts'],
  postgresql_user: ['a server of its own', 'postgresql.test.ts'],
  reboot: ['a host that may go down', 'reboot.test.ts'],
  rpm_key: ['a host with rpm; prepared answers', 'repositories.test.ts'],
  script: ['a file of the control machine', 'script.test.ts'],
  seboolean: ['a kernel with SELinux; prepared answers', 'host-modules.test.ts'],
  selinux: ['a kernel with SELinux; prepared answers', 'build-modules.test.ts'],
  seport: ['a kernel with SELinux; prepared answers', 'host-modules.test.ts'],
  service: ['a running systemd, here a stand-in', 'services/services.test.ts'],
  systemd: ['a running systemd, here a stand-in', 'services/services.test.ts'],
  template: ['a file of the control machine', 'copy.test.ts'],
  synchronize: ['rsync, and two places', 'synchronize.test.ts'],
  ufw: ['ufw; prepared answers', 'firewall.test.ts'],
};

const checks = (module: Module) =>
  module.kind === 'state' ||
  (module.kind === 'action' && (module.readOnly === true || module.check !== undefined));
/** The modules of the deployment have tests of their own, with stand-ins for what a cluster needs. */
const ofDeployment = (name: string) => /^(polardb|pfs)_/.test(name);

const isThere = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

describe('check mode tells the truth', function () {
  this.timeout(120_000);

  it('is proven for every module that has one, here or in a test of its own', () => {
    const names = allModules()
      .filter(checks)
      .map(module => module.name)
      .filter(name => !ofDeployment(name));
    const proven = [...Object.keys(CASES), ...Object.keys(ELSEWHERE)].sort();
    expect(proven).to.deep.equal([...new Set(proven)]);
    expect(proven).to.deep.equal(names);
    for (const [name, [, file]] of Object.entries(ELSEWHERE)) {
      const path = join(import.meta.dirname, file);
      expect(existsSync(path), file).to.equal(true);
      const text = readFileSync(path, 'utf8');
      const exported = name.replace(/_(\w)/g, (_, c: string) => c.toUpperCase());
      expect(
        [name, exported].some(word => text.includes(word)),
        `${file} tries ${name}`,
      ).to.equal(true);
      expect(text, `${file} tries check mode`).to.match(
        /checkMode|checkTruth|itTellsTheTruth|testContext\(\)/,
      );
    }
  });

  let copy: ThrowAwayCopy | undefined;
  after(() => copy?.end());

  for (const [name, task] of Object.entries(CASES)) {
    it(name, async function () {
      const missing = (task.needs ?? []).filter(program => !isThere(program));
      if (missing.length > 0) {
        console.log(`      skipped: runs where ${missing.join(', ')} can be found`);
        this.skip();
      }
      copy ??= await throwAwayCopy(this);
      await prove(findModule(name)!, task, copy);
    });
  }
});

/** Check mode says what the real run then does, and leaves everything alone; both before the change and after it. */
async function prove(module: Module, task: Case, copy: ThrowAwayCopy): Promise<void> {
  const dir = `/srv/${module.name}`;
  copy.run(`mkdir ${dir}; cd ${dir}; ${task.setup ?? ':'}`);
  const args = JSON.parse(JSON.stringify(task.args).replaceAll('~t', dir)) as Record<string, Json>;
  const run = async (checkMode: boolean) => {
    const result = await runModule(module, args, { enter: copy.enter, checkMode, diffMode: true });
    expect(result.failed, JSON.stringify(result.msg)).to.not.equal(true);
    return result.changed;
  };
  const rounds = task.looks ? [false] : [true, false];
  for (const changes of rounds) {
    const before = copy.state();
    expect(await run(true), 'check mode').to.equal(changes);
    expect(copy.state(), 'check mode touched the host').to.equal(before);
    expect(await run(false), 'the real run').to.equal(changes);
    if (changes) expect(copy.state(), 'changed, but nothing did').to.not.equal(before);
    else expect(copy.state(), 'ok, but something changed').to.equal(before);
  }
}
