/** Families of modules that Ansible finds under a short name in its collections, by how their names start. */
const FAMILIES =
  /^(aws|azure|cloudflare|consul|digital_ocean|docker|ec2|elasticache|gcp|gluster|grafana|hcloud|helm|iam|icinga2|influxdb|infini|ipa|jenkins|k8s|keycloak|kubevirt|ldap|lxc|lxd|mongodb|mssql|mysql|nagios|nmcli|nxos|ios|eos|junos|vyos|openssl|openstack|openvswitch|os|ovirt|podman|postgresql|proxmox|proxysql|rabbitmq|rax|redis|rds|rhsm|route53|s3|scaleway|vault|virt|vmware|vultr|win|x509|zabbix|zfs)(_\w+)?$/;

/** Single ones, by collection. */
const SINGLE = new Set(
  `acme_certificate acl apache2_mod_proxy apache2_module apk at bower bundler bzr capabilities cargo composer cpanm cronvar crypttab
dconf debconf deploy_helper django_manage dnsimple dpkg_divert dpkg_selections easy_install expect facter filesize flatpak
gem get_certificate git_config github_release gitlab_user haproxy hg homebrew homebrew_cask homebrew_tap hponcfg htpasswd
hipchat imgadm interfaces_file ipify_facts ipmi_boot ipmi_power iso_extract java_cert java_keystore jboss jira
launchd listen_ports_facts logentries logrotate lvg_rename macports mail make mas mattermost maven_artifact monit netcup_dns
newrelic_deployment nomad_job nosh nsupdate office_365_connector_card ohai omapi_host open_iscsi openbsd_pkg openssh_cert
openssh_keypair opkg osx_defaults pacman pacman_key pagerduty pamd parted pear pids pipx pkg5 pkg5_publisher pkgin pkgng
pkgutil portage portinstall pushover puppet python_requirements_info redhat_subscription rhevm rhn_channel rhn_register
rocketchat rpm_ostree_pkg rundeck_project runit sefcontext selinux_permissive selogin sensu_check seport seboolean shutdown
simpleinit_msb slack slackpkg smartos_image_info snap snap_alias snmp_facts solaris_zone ssh_config statsd subversion sudoers
supervisorctl svc svr4pkg swdepot swupd synchronize sysrc syspatch sysupgrade sysvinit telegram terraform timezone twilio
udm_user ufs urpmi xattr xbps xfconf xfs_quota xml yarn zypper zypper_repository znode`.split(/\s+/),
);

/** Whether Ansible's own distribution has a module of this short name: a task may carry it for hosts of another kind. */
export function isElsewhere(name: string): boolean {
  const short = name.replace(/^ansible\.(builtin|legacy)\./, '');
  return FAMILIES.test(short) || SINGLE.has(short);
}
