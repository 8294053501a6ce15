import { apt } from './apt.ts';
import type { Module } from './module.ts';
import { ping } from './ping.ts';
import { setup } from './setup.ts';

/** Modules that know packages, services, users and the rest of the system, besides files and commands. */
export const SYSTEM_MODULES: readonly Module[] = [apt, ping, setup];
