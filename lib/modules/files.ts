import { blockinfile } from './blockinfile.ts';
import { iniFile } from './ini_file.ts';
import { lineinfile } from './lineinfile.ts';
import type { Module } from './module.ts';
import { replace } from './replace.ts';

/** Modules for files and commands. */
export const FILE_MODULES: readonly Module[] = [blockinfile, iniFile, lineinfile, replace];
