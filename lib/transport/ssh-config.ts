import { readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import SSHConfig, { type Directive, type Line, type Section } from 'ssh-config';
import { matchesPatterns } from './patterns.ts';

/** What a host's lines say: keyword in lower case → values, the first of which counts (all, for IdentityFile). */
export type SshOptions = ReadonlyMap<string, readonly string[]>;

export interface SshConfigResult {
  readonly options: SshOptions;
  readonly warnings: readonly string[];
}

/** Files that include each other for ever end here. */
const INCLUDE_DEPTH = 16;

/** ssh_config files: `Host` with patterns and negation, `Match all`, `Include`. Read once, asked for many hosts. */
export class SshConfigFiles {
  readonly #home: string;
  readonly #parsed = new Map<string, readonly Line[]>();

  constructor(home: string) {
    this.#home = home;
  }

  /** The options for a host named as on ssh's command line; `file` replaces the user's and the system's, as `-F`. */
  lookup(name: string, file?: string): SshConfigResult {
    const options = new Map<string, string[]>();
    const warnings: string[] = [];
    const files = file ? [file] : [join(this.#home, '.ssh', 'config'), '/etc/ssh/ssh_config'];
    for (const each of files) this.#collect(each, name, options, warnings, 0);
    return { options, warnings };
  }

  #collect(
    file: string,
    name: string,
    options: Map<string, string[]>,
    warnings: string[],
    depth: number,
  ): void {
    if (depth > INCLUDE_DEPTH) {
      warnings.push(`${file}: Include is nested too deeply`);
      return;
    }
    const walk = (lines: readonly Line[]): void => {
      for (const line of lines) {
        if (!isDirective(line)) continue;
        const keyword = line.param.toLowerCase();
        const values = valuesOf(line);
        if ('config' in line) {
          if (this.#applies(keyword, values, name, file, warnings)) walk((line as Section).config);
        } else if (keyword === 'include') {
          for (const each of values.flatMap(pattern => this.#expand(pattern, file))) {
            this.#collect(each, name, options, warnings, depth + 1);
          }
        } else if (keyword === 'identityfile') {
          options.set(keyword, [...(options.get(keyword) ?? []), ...values]);
        } else if (!options.has(keyword)) {
          options.set(keyword, values);
        }
      }
    };
    walk(this.#lines(file));
  }

  #applies(
    keyword: string,
    values: readonly string[],
    name: string,
    file: string,
    warnings: string[],
  ): boolean {
    if (keyword === 'host') return matchesPatterns(values, name);
    if (values.length === 1 && values[0]?.toLowerCase() === 'all') return true;
    warnings.push(
      `${file}: "Match ${values.join(' ')}" is not supported and was left out; only "Match all" is`,
    );
    return false;
  }

  #lines(file: string): readonly Line[] {
    let lines = this.#parsed.get(file);
    if (!lines) {
      lines = SSHConfig.parse(readText(file));
      this.#parsed.set(file, lines);
    }
    return lines;
  }

  #expand(pattern: string, from: string): readonly string[] {
    const base = from.startsWith('/etc/') ? '/etc/ssh' : join(this.#home, '.ssh');
    const plain = pattern.replace(/^~(?=\/)/, this.#home);
    return glob(isAbsolute(plain) ? plain : resolve(base, plain));
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isDirective(line: Line): line is Directive {
  return line.type === SSHConfig.DIRECTIVE;
}

function valuesOf(line: Directive): string[] {
  return typeof line.value === 'string' ? [line.value] : line.value.map(part => part.val);
}

/** The files a path with wildcards stands for, in order of name. */
function glob(pattern: string): readonly string[] {
  if (!/[*?]/.test(pattern)) return [pattern];
  const last = pattern.slice(dirname(pattern).length + 1);
  return glob(dirname(pattern)).flatMap(directory => {
    try {
      return readdirSync(directory)
        .filter(name => matchesPatterns([last], name) && !name.startsWith('.'))
        .sort()
        .map(name => join(directory, name));
    } catch {
      return [];
    }
  });
}
