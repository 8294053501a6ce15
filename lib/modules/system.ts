import { apt } from './apt.ts';
import { group } from './group.ts';
import type { Module } from './module.ts';
import { ping } from './ping.ts';
import { service } from './service.ts';
import { setup } from './setup.ts';
import { systemd } from './systemd.ts';
import { user } from './user.ts';

/** Modules that know packages, services, users and the rest of the system, besides files and commands. */
export const SYSTEM_MODULES: readonly Module[] = [apt, ping, service, setup, systemd, user, group];
