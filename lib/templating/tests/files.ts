import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Value } from '../../source/value.ts';
import { str } from '../python/print.ts';
import { type TestTable, test } from './test.ts';

/** What is at a path of the control machine, undefined when nothing is. */
function stat(path: Value, follow: boolean): Stats | undefined {
  const options = { throwIfNoEntry: false } as const;
  try {
    return follow ? statSync(str(path), options) : lstatSync(str(path), options);
  } catch {
    // a path through a file, or into a folder that may not be read: nothing that a test could see
    return undefined;
  }
}

function isMount(path: Value): boolean {
  const here = stat(path, false);
  if (!here || here.isSymbolicLink()) return false;
  const full = realpathSync(resolve(str(path)));
  const above = stat(dirname(full), false);
  return above !== undefined && (above.dev !== here.dev || above.ino === here.ino);
}

function isSame(left: Value, right: Value): boolean {
  const [a, b] = [stat(left, true), stat(right, true)];
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

const directory = test([], value => stat(value, true)?.isDirectory() ?? false);
const file = test([], value => stat(value, true)?.isFile() ?? false);
const link = test([], value => stat(value, false)?.isSymbolicLink() ?? false);
const abs = test([], value => isAbsolute(str(value)));
const mount = test([], value => isMount(value));
const sameFile = test(['other'], (value, [other]) => isSame(value, other));

/** Tests on paths of the control machine. */
export const fileTests: TestTable = {
  directory,
  is_dir: directory,
  file,
  is_file: file,
  link,
  is_link: link,
  exists: test([], value => stat(value, true) !== undefined),
  link_exists: test([], value => stat(value, false) !== undefined),
  abs,
  is_abs: abs,
  mount,
  is_mount: mount,
  same_file: sameFile,
  is_same_file: sameFile,
};
