import type { Module } from './module.ts';
import { polardbInit } from './polardb_init.ts';
import { polardbSlots } from './polardb_slots.ts';

/** The modules that know PolarDB and PFS. */
export const POLARDB_MODULES: readonly Module[] = [polardbInit, polardbSlots];
