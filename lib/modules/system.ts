import { apt } from './apt.ts';
import { authorizedKey } from './authorized_key.ts';
import { cron } from './cron.ts';
import { getent } from './getent.ts';
import { group } from './group.ts';
import { hostname } from './hostname.ts';
import { knownHosts } from './known_hosts.ts';
import { localeGen } from './locale_gen.ts';
import { modprobe } from './modprobe.ts';
import type { Module } from './module.ts';
import { mount } from './mount.ts';
import { pamLimits } from './pam_limits.ts';
import { ping } from './ping.ts';
import { reboot } from './reboot.ts';
import { service } from './service.ts';
import { setup } from './setup.ts';
import { sysctl } from './sysctl.ts';
import { systemd } from './systemd.ts';
import { timezone } from './timezone.ts';
import { user } from './user.ts';
import { waitFor } from './wait_for.ts';
import { waitForConnection } from './wait_for_connection.ts';

/** Modules that know packages, services, users and the rest of the system, besides files and commands. */
export const SYSTEM_MODULES: readonly Module[] = [
  apt,
  authorizedKey,
  cron,
  getent,
  group,
  hostname,
  knownHosts,
  localeGen,
  modprobe,
  mount,
  pamLimits,
  ping,
  reboot,
  service,
  setup,
  sysctl,
  systemd,
  timezone,
  user,
  waitFor,
  waitForConnection,
];
