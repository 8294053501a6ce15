import { blockinfile } from './blockinfile.ts';
import { command } from './command.ts';
import { copy } from './copy.ts';
import { file } from './file.ts';
import { iniFile } from './ini_file.ts';
import { lineinfile } from './lineinfile.ts';
import type { Module } from './module.ts';
import { raw } from './raw.ts';
import { replace } from './replace.ts';
import { shell } from './shell.ts';
import { stat } from './stat.ts';
import { template } from './template.ts';

/** Modules for files and commands. */
export const FILE_MODULES: readonly Module[] = [
  blockinfile,
  command,
  copy,
  file,
  iniFile,
  lineinfile,
  raw,
  replace,
  shell,
  stat,
  template,
];
