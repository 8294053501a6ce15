import { authorizedKey } from './accounts/authorized_key.ts';
import { getent } from './accounts/getent.ts';
import { group } from './accounts/group.ts';
import { htpasswd } from './accounts/htpasswd.ts';
import { sudoers } from './accounts/sudoers.ts';
import { user } from './accounts/user.ts';
import { archive } from './archives/archive.ts';
import { unarchive } from './archives/unarchive.ts';
import { command } from './commands/command.ts';
import { make } from './commands/make.ts';
import { raw } from './commands/raw.ts';
import { script } from './commands/script.ts';
import { shell } from './commands/shell.ts';
import { dockerContainer } from './containers/docker_container.ts';
import { dockerImage } from './containers/docker_image.ts';
import { mysqlDb } from './databases/mysql_db.ts';
import { mysqlQuery } from './databases/mysql_query.ts';
import { mysqlUser } from './databases/mysql_user.ts';
import { postgresqlDb } from './databases/postgresql_db.ts';
import { postgresqlExt } from './databases/postgresql_ext.ts';
import { postgresqlPing } from './databases/postgresql_ping.ts';
import { postgresqlPrivs } from './databases/postgresql_privs.ts';
import { postgresqlQuery } from './databases/postgresql_query.ts';
import { postgresqlUser } from './databases/postgresql_user.ts';
import { assemble } from './edit/assemble.ts';
import { blockinfile } from './edit/blockinfile.ts';
import { iniFile } from './edit/ini_file.ts';
import { lineinfile } from './edit/lineinfile.ts';
import { patch } from './edit/patch.ts';
import { replace } from './edit/replace.ts';
import { acl } from './files/acl.ts';
import { capabilities } from './files/capabilities.ts';
import { copy } from './files/copy.ts';
import { fetch } from './files/fetch.ts';
import { file } from './files/file.ts';
import { find } from './files/find.ts';
import { slurp } from './files/slurp.ts';
import { stat } from './files/stat.ts';
import { synchronize } from './files/synchronize.ts';
import { tempfile } from './files/tempfile.ts';
import { template } from './files/template.ts';
import { git } from './git/git.ts';
import { gitConfig } from './git/git_config.ts';
import { kernelBlacklist } from './kernel/kernel_blacklist.ts';
import { modprobe } from './kernel/modprobe.ts';
import { sysctl } from './kernel/sysctl.ts';
import type { Module } from './kit/define.ts';
import { firewalld } from './net/firewalld.ts';
import { getUrl } from './net/get_url.ts';
import { iptables } from './net/iptables.ts';
import { knownHosts } from './net/known_hosts.ts';
import { ping } from './net/ping.ts';
import { ufw } from './net/ufw.ts';
import { uri } from './net/uri.ts';
import { waitFor } from './net/wait_for.ts';
import { waitForConnection } from './net/wait_for_connection.ts';
import { apt } from './packages/apt.ts';
import { debconf } from './packages/debconf.ts';
import { dnf } from './packages/dnf.ts';
import { dpkgSelections } from './packages/dpkg_selections.ts';
import { npm } from './packages/npm.ts';
import { packages } from './packages/package.ts';
import { packageFacts } from './packages/package_facts.ts';
import { pip } from './packages/pip.ts';
import { aptKey } from './repositories/apt_key.ts';
import { aptRepository } from './repositories/apt_repository.ts';
import { deb822Repository } from './repositories/deb822_repository.ts';
import { rpmKey } from './repositories/rpm_key.ts';
import { yumRepository } from './repositories/yum_repository.ts';
import { service } from './services/service.ts';
import { serviceFacts } from './services/service_facts.ts';
import { systemd } from './services/systemd.ts';
import { filesystem } from './storage/filesystem.ts';
import { lvg } from './storage/lvg.ts';
import { lvol } from './storage/lvol.ts';
import { mount } from './storage/mount.ts';
import { alternatives } from './system/alternatives.ts';
import { apache2Module } from './system/apache2_module.ts';
import { cron } from './system/cron.ts';
import { hostname } from './system/hostname.ts';
import { localeGen } from './system/locale_gen.ts';
import { pamLimits } from './system/pam_limits.ts';
import { reboot } from './system/reboot.ts';
import { seboolean } from './system/seboolean.ts';
import { selinux } from './system/selinux.ts';
import { seport } from './system/seport.ts';
import { setup } from './system/setup.ts';
import { timezone } from './system/timezone.ts';
import { opensshKeypair } from './tls/openssh_keypair.ts';
import { opensslCsr } from './tls/openssl_csr.ts';
import { opensslDhparam } from './tls/openssl_dhparam.ts';
import { opensslPrivatekey } from './tls/openssl_privatekey.ts';
import { opensslPublickey } from './tls/openssl_publickey.ts';
import { x509Certificate } from './tls/x509_certificate.ts';

/** Every module that knows nothing of a database cluster, by hand: a test compares the list with the folders. */
export const GENERAL_MODULES: readonly Module[] = [
  acl,
  alternatives,
  apache2Module,
  apt,
  aptKey,
  aptRepository,
  archive,
  assemble,
  authorizedKey,
  blockinfile,
  capabilities,
  command,
  copy,
  cron,
  deb822Repository,
  debconf,
  dnf,
  dockerContainer,
  dockerImage,
  dpkgSelections,
  fetch,
  file,
  filesystem,
  find,
  firewalld,
  getent,
  getUrl,
  git,
  gitConfig,
  group,
  hostname,
  htpasswd,
  iniFile,
  iptables,
  kernelBlacklist,
  knownHosts,
  lineinfile,
  localeGen,
  lvg,
  lvol,
  make,
  modprobe,
  mount,
  mysqlDb,
  mysqlQuery,
  mysqlUser,
  npm,
  opensshKeypair,
  opensslCsr,
  opensslDhparam,
  opensslPrivatekey,
  opensslPublickey,
  packageFacts,
  packages,
  pamLimits,
  patch,
  ping,
  pip,
  postgresqlDb,
  postgresqlExt,
  postgresqlPing,
  postgresqlPrivs,
  postgresqlQuery,
  postgresqlUser,
  raw,
  reboot,
  replace,
  rpmKey,
  script,
  seboolean,
  selinux,
  seport,
  service,
  serviceFacts,
  setup,
  shell,
  slurp,
  stat,
  sudoers,
  synchronize,
  sysctl,
  systemd,
  tempfile,
  template,
  timezone,
  ufw,
  unarchive,
  uri,
  user,
  waitFor,
  waitForConnection,
  x509Certificate,
  yumRepository,
];
