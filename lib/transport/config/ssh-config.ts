import { readdirSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { matchesPatterns } from './patterns.ts';
import { keywordOf, ONE_WORD, refusalOf } from './ssh-keywords.ts';

/** What a host's lines say: keyword in lower case → values, the first of which counts (all, for IdentityFile). */
export type SshOptions = ReadonlyMap<string, readonly string[]>;

export interface SshConfigResult {
  readonly options: SshOptions;
  /** Where the value of a keyword stands: `file:line:col`. */
  readonly places: ReadonlyMap<string, string>;
  /** Why no connection may be made, each with its place: what is written and can't be done. */
  readonly refusals: readonly string[];
}

/** What is known of a destination before the files are read. */
export interface Destination {
  readonly user?: string | undefined;
  readonly hostname?: string | undefined;
}

/** A line: its keyword, the rest as text, and the rest as words. */
interface Line {
  readonly keyword: string;
  readonly rest: string;
  /** Undefined where a quote has no end. */
  readonly words: readonly string[] | undefined;
  readonly at: string;
}

type ConfigFile = { readonly lines: readonly Line[] } | { readonly problem: string };

/** Files that include each other for ever end here. */
const INCLUDE_DEPTH = 16;

/** Every line with one of these counts, not the first alone. */
const COLLECTED = new Set(['identityfile', 'certificatefile']);

/** The rest of the line is one value, quotes and all. */
const WHOLE_LINE = new Set(['proxycommand', 'localcommand', 'remotecommand', 'knownhostscommand']);

/** ssh_config files: `Host`, `Match`, `Include`, as OpenSSH reads them. Read once, asked for many hosts. */
export class SshConfigFiles {
  readonly #home: string;
  readonly #files = new Map<string, ConfigFile>();

  constructor(home: string) {
    this.#home = home;
  }

  /** The options for a host named as on ssh's command line; `file` replaces the user's and the system's, as `-F`. */
  lookup(name: string, file?: string, destination: Destination = {}): SshConfigResult {
    const walk = new Walk(name, destination, this.#home, path => this.#read(path));
    const roots: Root[] =
      file === 'none'
        ? []
        : file
          ? [{ file, system: false, required: true }]
          : [
              { file: join(this.#home, '.ssh', 'config'), system: false, required: false },
              { file: '/etc/ssh/ssh_config', system: true, required: false },
            ];
    for (const root of roots) walk.root(root);
    // `Match final` asks for a second reading, in which what was said first still counts.
    if (walk.wantsFinal) {
      walk.beginFinal();
      for (const root of roots) walk.root(root);
    }
    return walk;
  }

  #read(file: string): ConfigFile {
    const known = this.#files.get(file) ?? readConfig(file);
    this.#files.set(file, known);
    return known;
  }
}

interface Root {
  readonly file: string;
  /** Of the machine, not of a user: its own folder for Include, and no question of whose it is. */
  readonly system: boolean;
  readonly required: boolean;
}

/** What says how a host is reached other than straight on. */
export const WAYS: readonly string[] = ['proxyjump', 'proxycommand'];

/** One reading of the files for one destination. */
class Walk implements SshConfigResult {
  readonly options = new Map<string, string[]>();
  readonly places = new Map<string, string>();
  readonly refusals: string[] = [];
  wantsFinal = false;
  final = false;
  readonly #name: string;
  readonly #destination: Destination;
  readonly #home: string;
  readonly #read: (file: string) => ConfigFile;

  constructor(name: string, destination: Destination, home: string, read: (file: string) => ConfigFile) {
    this.#name = name;
    this.#destination = destination;
    this.#home = home;
    this.#read = read;
  }

  /** From now on the address is what has been found so far. */
  beginFinal(): void {
    this.options.set('hostname', [this.#hostname().toLowerCase().replaceAll('%', '%%')]);
    this.final = true;
  }

  root(root: Root): void {
    this.#file(root, true, 0);
  }

  #file(root: Root, active: boolean, depth: number): void {
    const { file, system, required } = root;
    const read: ConfigFile =
      depth > INCLUDE_DEPTH ? { problem: 'Include is nested too deeply' } : this.#read(file);
    const problem = 'problem' in read ? read.problem : system ? undefined : foreignOwner(file);
    if (problem !== undefined && active && (required || problem !== MISSING)) this.#refuse(file, problem);
    if (problem !== undefined || 'problem' in read) return;
    let applies = active;
    for (const line of read.lines) {
      if (line.keyword === 'host') applies = this.#host(line, active) && active;
      else if (line.keyword === 'match') applies = this.#match(line, active) && active;
      else if (applies) this.#line(line, root, depth);
    }
  }

  #line(line: Line, root: Root, depth: number): void {
    const { keyword, words, at } = line;
    const [first] = words ?? [];
    const refusal = words === undefined ? 'a quote has no end' : this.#refusalOf(line);
    if (refusal !== undefined) this.#refuse(at, refusal);
    else if (keyword === 'include')
      for (const file of words?.flatMap(pattern => this.#expand(pattern, root)) ?? [])
        this.#file({ ...root, file, required: false }, true, depth + 1);
    else if (first === undefined) this.#refuse(at, `${keyword} has no value`);
    else if (ONE_WORD.has(keyword) && words?.[1] !== undefined)
      this.#refuse(at, `${keyword} has one value, not ${words.length}`);
    else if (COLLECTED.has(keyword)) {
      const known = this.options.get(keyword) ?? [];
      if (!known.includes(first)) this.options.set(keyword, [...known, first]);
    } else if (!this.options.has(keyword) && !this.#hasWay(keyword)) {
      this.options.set(keyword, WHOLE_LINE.has(keyword) ? [line.rest] : [...(words ?? [])]);
      this.places.set(keyword, at);
    }
  }

  /** The first line of a keyword counts: a second one is not done, so it is not refused either. */
  #refusalOf({ keyword, words = [] }: Line): string | undefined {
    if (this.options.has(keyword)) return undefined;
    const ignored = this.options.get('ignoreunknown')?.[0]?.split(',') ?? [];
    return refusalOf(keyword, words.join(' '), ignored);
  }

  #host({ words, at }: Line, active: boolean): boolean {
    if (active && (!words || words.length === 0)) this.#refuse(at, 'Host without a name');
    // The second reading compares with the address that the first one found.
    const name = this.final ? this.#hostname() : this.#name;
    return matchesPatterns(words ?? [], name, 'exact');
  }

  /** ProxyJump and ProxyCommand exclude each other: the first of them counts. */
  #hasWay(keyword: string): boolean {
    return WAYS.includes(keyword) && WAYS.some(way => this.options.has(way));
  }

  /** All criteria of a Match line hold; one that can't be told refuses the connection where the others hold. */
  #match({ words, at }: Line, active: boolean): boolean {
    if (!words || words.length === 0) {
      if (active) this.#refuse(at, 'Match without a condition');
      return false;
    }
    let holds = true;
    const unknown: string[] = [];
    for (let next = 0; next < words.length; next++) {
      const [, negated, criterion = '', inline] =
        /^(!?)([^=]*)(?:=(.*))?$/s.exec(words[next] as string) ?? [];
      const attribute = criterion.toLowerCase();
      if (attribute === 'final' && active) this.wantsFinal = true;
      const plain = this.#plainCriterion(attribute);
      const tested = plain === undefined ? this.#tested(attribute) : undefined;
      const patterns = plain === undefined ? (inline ?? words[++next] ?? '') : '';
      const as = /host$/.test(attribute) ? 'host' : 'exact';
      const met =
        plain ?? (tested === undefined ? undefined : matchesPatterns(patterns.split(','), tested, as));
      if (met === undefined) unknown.push(criterion);
      else if (met === (negated === '!')) holds = false;
    }
    if (holds && active && unknown.length > 0)
      this.#refuse(
        at,
        `Match ${unknown.join(', ')} is not supported: whether the lines below it count is not known`,
      );
    return holds && unknown.length === 0;
  }

  #plainCriterion(attribute: string): boolean | undefined {
    if (attribute === 'all') return true;
    return attribute === 'final' || attribute === 'canonical' ? this.final : undefined;
  }

  /** What a criterion with patterns is compared with. */
  #tested(attribute: string): string | undefined {
    switch (attribute) {
      case 'host':
        return this.#hostname();
      case 'originalhost':
        return this.#name;
      case 'user':
        return this.#destination.user ?? this.options.get('user')?.[0] ?? userInfo().username;
      case 'localuser':
        return userInfo().username;
      case 'tagged':
        return this.options.get('tag')?.[0] ?? '';
      default:
        return undefined;
    }
  }

  #hostname(): string {
    const named = this.#destination.hostname ?? this.options.get('hostname')?.[0];
    return named === undefined ? this.#name : hostnameOf(named, this.#name);
  }

  #refuse(at: string, why: string): void {
    const refusal = `${at}: ${why}`;
    if (!this.refusals.includes(refusal)) this.refusals.push(refusal);
  }

  #expand(pattern: string, { system }: Root): readonly string[] {
    const base = system ? '/etc/ssh' : join(this.#home, '.ssh');
    const plain = pattern.replace(/^~(?=\/)/, this.#home);
    return glob(isAbsolute(plain) ? plain : resolve(base, plain));
  }
}

/** A HostName with its tokens replaced. */
export const hostnameOf = (hostname: string, name: string): string =>
  hostname.replace(/%(.)/g, (whole, letter: string) =>
    letter === 'h' ? name : letter === '%' ? '%' : whole,
  );

const MISSING = 'no such file';

function readConfig(file: string): ConfigFile {
  try {
    return {
      lines: readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((text, index) => lineOf(text, `${file}:${index + 1}`)),
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { problem: code === 'ENOENT' || code === 'ENOTDIR' ? MISSING : `cannot be read (${code})` };
  }
}

/** Others could write what counts as the user's word. */
function foreignOwner(file: string): string | undefined {
  const status = statSync(file, { throwIfNoEntry: false });
  if (!status?.isFile()) return undefined;
  const owned = status.uid === 0 || status.uid === process.getuid?.();
  return owned && (status.mode & 0o022) === 0 ? undefined : 'bad owner or permissions: others could write it';
}

/** Keyword, then blanks with one "=" among them at most, then the rest. */
function lineOf(text: string, at: string): Line[] {
  const [, indent = '', quotedName, plainName, rest = ''] =
    /^(\s*)(?:"([^"]*)"|([^\s="]+))(?:\s*=\s*|\s+)?(.*?)\s*$/s.exec(text) ?? [];
  const name = quotedName ?? plainName;
  if (name === undefined || name.startsWith('#')) return [];
  const keyword = keywordOf(name);
  const words = WHOLE_LINE.has(keyword) ? [rest].filter(Boolean) : wordsOf(rest);
  return [{ keyword, rest, words, at: `${at}:${indent.length + 1}` }];
}

/** Words as OpenSSH splits them: quotes of both kinds, a few escapes, and `#` before a word ends the line. */
export function wordsOf(text: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] as string)) {
      at++;
      continue;
    }
    if (text[at] === '#') break;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const c = text[at] as string;
      const next = text[at + 1];
      if (c === '\\' && next && (`'"\\`.includes(next) || (quote === '' && next === ' '))) word += text[++at];
      else if (quote === '' && /\s/.test(c)) break;
      else if (quote === '' && (c === '"' || c === "'")) quote = c;
      else if (c === quote) quote = '';
      else word += c;
    }
    if (quote !== '') return undefined;
    words.push(word);
  }
  return words;
}

/** The files a path with wildcards stands for, in order of name. */
function glob(pattern: string): readonly string[] {
  if (!/[*?]/.test(pattern)) return [pattern];
  const last = pattern.slice(dirname(pattern).length + 1);
  return glob(dirname(pattern)).flatMap(directory => {
    try {
      return readdirSync(directory)
        .filter(name => matchesPatterns([last], name, 'exact') && !name.startsWith('.'))
        .sort()
        .map(name => join(directory, name));
    } catch {
      return [];
    }
  });
}
