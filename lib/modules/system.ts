import { acl } from './acl.ts';
import { alternatives } from './alternatives.ts';
import { apache2Module } from './apache2_module.ts';
import { apt } from './apt.ts';
import { aptKey } from './apt_key.ts';
import { aptRepository } from './apt_repository.ts';
import { authorizedKey } from './authorized_key.ts';
import { capabilities } from './capabilities.ts';
import { cron } from './cron.ts';
import { deb822Repository } from './deb822_repository.ts';
import { debconf } from './debconf.ts';
import { dnf } from './dnf.ts';
import { dockerContainer } from './docker_container.ts';
import { dockerImage } from './docker_image.ts';
import { dpkgSelections } from './dpkg_selections.ts';
import { filesystem } from './filesystem.ts';
import { firewalld } from './firewalld.ts';
import { getent } from './getent.ts';
import { gitConfig } from './git_config.ts';
import { group } from './group.ts';
import { hostname } from './hostname.ts';
import { htpasswd } from './htpasswd.ts';
import { iptables } from './iptables.ts';
import { knownHosts } from './known_hosts.ts';
import { localeGen } from './locale_gen.ts';
import { lvg } from './lvg.ts';
import { lvol } from './lvol.ts';
import { make } from './make.ts';
import { modprobe } from './modprobe.ts';
import type { Module } from './module.ts';
import { mount } from './mount.ts';
import { mysqlDb } from './mysql_db.ts';
import { mysqlQuery } from './mysql_query.ts';
import { mysqlUser } from './mysql_user.ts';
import { npm } from './npm.ts';
import { opensshKeypair } from './openssh_keypair.ts';
import { opensslCsr } from './openssl_csr.ts';
import { opensslDhparam } from './openssl_dhparam.ts';
import { opensslPrivatekey } from './openssl_privatekey.ts';
import { opensslPublickey } from './openssl_publickey.ts';
import { packages } from './package.ts';
import { packageFacts } from './package_facts.ts';
import { pamLimits } from './pam_limits.ts';
import { ping } from './ping.ts';
import { pip } from './pip.ts';
import { postgresqlDb } from './postgresql_db.ts';
import { postgresqlExt } from './postgresql_ext.ts';
import { postgresqlPing } from './postgresql_ping.ts';
import { postgresqlPrivs } from './postgresql_privs.ts';
import { postgresqlQuery } from './postgresql_query.ts';
import { postgresqlUser } from './postgresql_user.ts';
import { reboot } from './reboot.ts';
import { rpmKey } from './rpm_key.ts';
import { seboolean } from './seboolean.ts';
import { selinux } from './selinux.ts';
import { seport } from './seport.ts';
import { service } from './service.ts';
import { serviceFacts } from './service_facts.ts';
import { setup } from './setup.ts';
import { sudoers } from './sudoers.ts';
import { sysctl } from './sysctl.ts';
import { systemd } from './systemd.ts';
import { timezone } from './timezone.ts';
import { ufw } from './ufw.ts';
import { user } from './user.ts';
import { waitFor } from './wait_for.ts';
import { waitForConnection } from './wait_for_connection.ts';
import { x509Certificate } from './x509_certificate.ts';
import { yumRepository } from './yum_repository.ts';

/** Modules that know packages, services, users and the rest of the system, besides files and commands. */
export const SYSTEM_MODULES: readonly Module[] = [
  acl,
  alternatives,
  apache2Module,
  apt,
  aptKey,
  aptRepository,
  authorizedKey,
  capabilities,
  cron,
  deb822Repository,
  debconf,
  dnf,
  dockerContainer,
  dockerImage,
  dpkgSelections,
  filesystem,
  firewalld,
  getent,
  gitConfig,
  group,
  hostname,
  htpasswd,
  iptables,
  knownHosts,
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
  ping,
  pip,
  postgresqlDb,
  postgresqlExt,
  postgresqlPing,
  postgresqlPrivs,
  postgresqlQuery,
  postgresqlUser,
  reboot,
  rpmKey,
  seboolean,
  selinux,
  seport,
  service,
  serviceFacts,
  setup,
  sudoers,
  sysctl,
  systemd,
  timezone,
  ufw,
  user,
  waitFor,
  waitForConnection,
  x509Certificate,
  yumRepository,
];
