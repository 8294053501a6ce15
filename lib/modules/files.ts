import { blockinfile } from './blockinfile.ts';
import { command } from './command.ts';
import { iniFile } from './ini_file.ts';
import { lineinfile } from './lineinfile.ts';
import type { Module } from './module.ts';
import { raw } from './raw.ts';
import { replace } from './replace.ts';
import { shell } from './shell.ts';
import { stat } from './stat.ts';

/** Modules for files and commands. */
export const FILE_MODULES: readonly Module[] = [
  blockinfile,
  command,
  iniFile,
  lineinfile,
  raw,
  replace,
  shell,
  stat,
];
