import { archive } from './archive.ts';
import { assemble } from './assemble.ts';
import { blockinfile } from './blockinfile.ts';
import { command } from './command.ts';
import { copy } from './copy.ts';
import { fetch } from './fetch.ts';
import { file } from './file.ts';
import { find } from './find.ts';
import { getUrl } from './get_url.ts';
import { git } from './git.ts';
import { iniFile } from './ini_file.ts';
import { lineinfile } from './lineinfile.ts';
import type { Module } from './module.ts';
import { patch } from './patch.ts';
import { raw } from './raw.ts';
import { replace } from './replace.ts';
import { script } from './script.ts';
import { shell } from './shell.ts';
import { slurp } from './slurp.ts';
import { stat } from './stat.ts';
import { synchronize } from './synchronize.ts';
import { tempfile } from './tempfile.ts';
import { template } from './template.ts';
import { unarchive } from './unarchive.ts';
import { uri } from './uri.ts';

/** Modules for files, commands and web services. */
export const FILE_MODULES: readonly Module[] = [
  archive,
  assemble,
  blockinfile,
  command,
  copy,
  fetch,
  file,
  find,
  getUrl,
  git,
  iniFile,
  lineinfile,
  patch,
  raw,
  replace,
  script,
  shell,
  slurp,
  stat,
  synchronize,
  template,
  tempfile,
  unarchive,
  uri,
];
