import { realpathSync, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { Tuple, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { globFiles } from '../lookups/glob.ts';
import { str } from '../python/print.ts';
import { className, itemsOf } from '../python/types.ts';
import { type FilterTable, filter } from './filter.ts';

function splitExtension(path: string): Tuple {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const isHidden = dot < 0 || /^\.*$/.test(name.slice(0, dot));
  return isHidden
    ? new Tuple([path, ''])
    : new Tuple([path.slice(0, path.length - name.length + dot), name.slice(dot)]);
}

/** Python's dirname: what stands before the last slash. */
function pythonDirname(path: string): string {
  const head = path.slice(0, path.lastIndexOf('/') + 1);
  return /^\/*$/.test(head) ? head : head.replace(/\/+$/, '');
}

/** Python's basename: what stands after the last slash, nothing when the path ends with one. */
function pythonBasename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function expandUser(path: string): string {
  const match = /^~([^/]*)(.*)$/s.exec(path);
  if (!match) return path;
  const [, user = '', rest = ''] = match;
  if (user === '') return homedir() + rest;
  return user === userInfo().username ? userInfo().homedir + rest : path;
}

function expandVariables(path: string, env: Readonly<Record<string, string | undefined>>): string {
  return path.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (whole, name, braced) => env[name ?? braced] ?? whole);
}

/** The path without symbolic links; parts that do not exist stay as they are. */
function realPath(path: string): string {
  const full = resolve(path);
  const parent = dirname(full);
  if (statSync(full, { throwIfNoEntry: false })) return realpathSync(full);
  return parent === full ? full : join(realPath(parent), basename(full));
}

function pathJoin(value: Value): string {
  if (typeof value === 'string') return value;
  const parts = itemsOf(value);
  if (!parts) throw fault(`|path_join expects string or sequence, got ${className(value)} instead.`);
  return parts.map(str).reduce((path, part) => {
    if (part.startsWith('/') || path === '') return part;
    return path.endsWith('/') ? path + part : `${path}/${part}`;
  });
}

function splitDrive(path: string): [string, string] {
  const unc = /^([\\/]{2}[^\\/]+[\\/][^\\/]+)(.*)$/s.exec(path);
  if (unc) return [unc[1] as string, unc[2] as string];
  return path[1] === ':' ? [path.slice(0, 2), path.slice(2)] : ['', path];
}

function windowsDirname(path: string): string {
  const [drive, rest] = splitDrive(path);
  const end = Math.max(rest.lastIndexOf('/'), rest.lastIndexOf('\\')) + 1;
  const head = rest.slice(0, end);
  return drive + (head.replace(/[\\/]+$/, '') || head);
}

export const pathFilters: FilterTable = {
  basename: filter([], value => pythonBasename(str(value))),
  dirname: filter([], value => pythonDirname(str(value))),
  splitext: filter([], value => splitExtension(str(value))),
  expanduser: filter([], value => expandUser(str(value))),
  expandvars: filter([], (value, _args, { options }) => expandVariables(str(value), options.env)),
  realpath: filter([], value => realPath(str(value))),
  relpath: filter(['start?'], (value, [start = '.']) => relative(str(start), str(value)) || '.'),
  path_join: filter([], value => pathJoin(value)),
  commonpath: filter([], value => commonPath((itemsOf(value) ?? []).map(str))),
  normpath: filter([], value => normalize(str(value))),
  fileglob: filter([], value => globFiles(str(value))),
  win_basename: filter([], value => {
    const [, rest] = splitDrive(str(value));
    return rest.slice(Math.max(rest.lastIndexOf('/'), rest.lastIndexOf('\\')) + 1);
  }),
  win_dirname: filter([], value => windowsDirname(str(value))),
  win_splitdrive: filter([], value => new Tuple(splitDrive(str(value)))),
};

function commonPath(paths: readonly string[]): string {
  const [first, ...rest] = paths.map(path => path.split('/').filter((part, i) => part !== '' || i === 0));
  if (!first) throw fault('the list is empty');
  const length = first.findIndex((part, i) => rest.some(other => other[i] !== part));
  const common = (length < 0 ? first : first.slice(0, length)).join('/');
  return common === '' && paths.every(path => path.startsWith('/')) ? '/' : common;
}

function normalize(path: string): string {
  if (path === '') return '.';
  const normal = join(path, '.');
  return normal.length > 1 ? normal.replace(/\/$/, '') : normal;
}
