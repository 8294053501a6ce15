import { homedir, hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { SourceError } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import {
  type AlgorithmKind,
  ConnectionError,
  type ConnectionSettings,
  type LoginMethod,
  type SshSettings,
} from '../connection.ts';
import { parseSshArguments } from './ssh-args.ts';
import { hostnameOf, SshConfigFiles, WAYS } from './ssh-config.ts';
import { refusalOf } from './ssh-keywords.ts';

/** What the command line, the play's keywords and the environment say about connections. */
export interface ConnectionFlags {
  /** `-u` or `remote_user`; inventory variables win over it. */
  readonly user?: string;
  /** `-k` */
  readonly password?: string;
  readonly privateKey?: string;
  /** `-c` or the keyword `connection`. */
  readonly connection?: string;
  /** `-T`, in seconds. */
  readonly timeout?: number;
  readonly sshCommonArgs?: string;
  readonly sshExtraArgs?: string;
  /** `--accept-new-host-keys` */
  readonly acceptNewHostKeys?: boolean;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Given, the files are read once for all hosts. */
  readonly configFiles?: SshConfigFiles;
}

export interface SettingsResult {
  readonly settings: ConnectionSettings;
  /** What was asked for and is not done, one sentence each. */
  readonly warnings: readonly string[];
}

type Variables = Readonly<Record<string, Json>>;

const DEFAULT_TIMEOUT_S = 10;
/** A host that is silent for three of these is lost: long enough for a busy one, short enough to wait for. */
const DEFAULT_KEEP_ALIVE_MS = 5000;

const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'];

/** How to reach a host: from its variables (rendered), the flags and ssh's own configuration, in this order. */
export function connectionSettings(
  host: string,
  variables: Variables,
  flags: ConnectionFlags = {},
): SettingsResult {
  const connection =
    text(variables, 'ansible_connection') ?? flags.connection ?? implicitConnection(host, variables);
  if (connection === 'local') return { settings: { kind: 'local', host }, warnings: [] };
  if (!['ssh', 'smart', 'paramiko', 'paramiko_ssh', 'ansible.builtin.ssh'].includes(connection)) {
    throw new SourceError(
      'BAD_VALUE',
      `host ${host}: connection "${connection}" is not supported`,
      undefined,
      'use ssh or local',
    );
  }
  const reader = new SshReader(variables, flags);
  const name = text(variables, 'ansible_host', 'ansible_ssh_host') ?? host;
  const settings = reader.target(host, name);
  return { settings, warnings: [...new Set(reader.warnings)] };
}

function implicitConnection(host: string, variables: Variables): string {
  const named = ['ansible_host', 'ansible_ssh_host', 'ansible_port', 'ansible_ssh_port'].some(
    key => key in variables,
  );
  return LOCAL_NAMES.includes(host) && !named ? 'local' : 'ssh';
}

/** Options of one destination, in order of precedence: the first place that has a keyword decides. */
type Source = ReadonlyMap<string, readonly string[]>;

class SshReader {
  readonly warnings: string[] = [];
  readonly #variables: Variables;
  readonly #flags: ConnectionFlags;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #files: SshConfigFiles;
  readonly #home = homedir();

  constructor(variables: Variables, flags: ConnectionFlags) {
    this.#variables = variables;
    this.#flags = flags;
    this.#environment = flags.environment ?? process.env;
    this.#files = flags.configFiles ?? new SshConfigFiles(this.#home);
  }

  target(host: string, name: string): SshSettings {
    const vars = this.#variables;
    const own = new Map<string, readonly string[]>();
    const set = (keyword: string, value: string | undefined): void => {
      if (value !== undefined) own.set(keyword, [value]);
    };
    set('user', text(vars, 'ansible_user', 'ansible_ssh_user') ?? this.#flags.user);
    set('port', text(vars, 'ansible_port', 'ansible_ssh_port'));
    set('identityfile', this.#privateKey());
    set(
      'connecttimeout',
      text(vars, 'ansible_ssh_timeout', 'ansible_timeout') ?? this.#flags.timeout?.toString(),
    );
    set('connectionattempts', this.#attempts());
    const password =
      text(vars, 'ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password') ?? this.#flags.password;
    const given = this.#arguments();
    const settings = this.#settings(host, name, [own, given.options], given.configFile, 0);
    return password === undefined ? settings : { ...settings, password };
  }

  #privateKey(): string | undefined {
    const named = text(this.#variables, 'ansible_ssh_private_key_file', 'ansible_private_key_file');
    return named ?? this.#flags.privateKey;
  }

  #attempts(): string | undefined {
    const retries = text(this.#variables, 'ansible_ssh_retries') ?? this.#environment.ANSIBLE_SSH_RETRIES;
    return retries === undefined ? undefined : String(Number(retries) + 1);
  }

  #arguments(): { options: Source; configFile: string | undefined } {
    const vars = this.#variables;
    const lines = [
      text(vars, 'ansible_ssh_args'),
      text(vars, 'ansible_ssh_common_args') ?? this.#flags.sshCommonArgs,
      text(vars, 'ansible_ssh_extra_args') ?? this.#flags.sshExtraArgs,
    ];
    const parsed = parseSshArguments(lines.filter(Boolean).join(' '));
    this.warnings.push(...parsed.warnings);
    return parsed;
  }

  #settings(
    host: string,
    name: string,
    given: readonly Source[],
    configFile: string | undefined,
    depth: number,
  ): SshSettings {
    const before = (keyword: string): string | undefined =>
      given.find(source => source.has(keyword))?.get(keyword)?.[0];
    const config = this.#files.lookup(name, configFile, {
      user: before('user'),
      hostname: before('hostname'),
    });
    const options = new Options(host, [...given, config.options], config.places);
    options.refuse([...given.flatMap(refusalsOf), ...config.refusals]);
    const first = (keyword: string): string | undefined => options.first(keyword);
    const refused = first('refuseconnection');
    if (refused !== undefined) throw new ConnectionError(host, `RefuseConnection: ${refused}`);

    const address = hostnameOf(first('hostname') ?? name, name);
    const user = first('user') ?? userInfo().username;
    const port = options.number('port', 22);
    const hostKeyAlias = first('hostkeyalias');
    const tokens = { h: address, r: user, p: String(port), n: name, k: hostKeyAlias ?? name };
    const expand = (path: string): string => this.#expand(path, tokens);
    const agent = this.#agent(first('identityagent'), expand);
    const retries = options.number('connectionattempts', 1) - 1;
    const way = this.#way(options, configFile, depth, tokens);
    const revoked = first('revokedhostkeys');
    const family = options.word('addressfamily', ['any', 'inet', 'inet6']);
    const bindAddress = first('bindaddress');
    const certificates = options.all('certificatefile').filter(path => path !== 'none');
    const algorithms = algorithmsOf(options);
    return {
      kind: 'ssh',
      host,
      address,
      port,
      user,
      identityFiles: options
        .all('identityfile')
        .filter(path => path !== 'none')
        .map(expand),
      jumps: way.jumps,
      knownHostsFiles: this.#knownHosts(
        options.list('userknownhostsfile'),
        options.list('globalknownhostsfile'),
      ).map(expand),
      strictHostKeyChecking: this.#hostKeyChecking(
        options.word('stricthostkeychecking', ['yes', 'true', 'ask', 'no', 'false', 'off', 'accept-new']),
      ),
      connectTimeoutMs: 1000 * options.seconds('connecttimeout', DEFAULT_TIMEOUT_S),
      keepAliveMs: keepAlive(options),
      ...(agent === undefined ? {} : { agent }),
      ...(hostKeyAlias === undefined ? {} : { hostKeyAlias }),
      ...(options.flag('identitiesonly', false) ? { identitiesOnly: true } : {}),
      ...(retries > 0 ? { connectRetries: retries } : {}),
      ...(way.proxyCommand === undefined ? {} : { proxyCommand: way.proxyCommand }),
      ...(certificates.length > 0 ? { certificateFiles: certificates.map(expand) } : {}),
      ...(revoked === undefined || revoked === 'none' ? {} : { revokedHostKeys: expand(revoked) }),
      ...(options.flag('hashknownhosts', false) ? { hashKnownHosts: true } : {}),
      ...(family === 'inet' || family === 'inet6' ? { addressFamily: family === 'inet' ? 4 : 6 } : {}),
      ...(bindAddress === undefined ? {} : { bindAddress }),
      ...loginMethods(options),
      ...(Object.keys(algorithms).length > 0 ? { algorithms } : {}),
      ...(first('requiredrsasize') === undefined
        ? {}
        : { requiredRsaBits: options.number('requiredrsasize', 1024) }),
    };
  }

  /** Jump hosts or a command, whichever is said first. */
  #way(
    options: Options,
    configFile: string | undefined,
    depth: number,
    tokens: Readonly<Record<string, string>>,
  ): { readonly jumps: readonly SshSettings[]; readonly proxyCommand?: string } {
    if (depth > 8) throw new ConnectionError(options.host, 'ProxyJump goes round in a circle');
    const [keyword, value] = options.firstOf(WAYS) ?? [];
    if (value === undefined || value === 'none') return { jumps: [] };
    if (keyword === 'proxycommand') return this.#proxyCommand(options.host, value, configFile, depth, tokens);
    const jumps = value.split(',').flatMap((hop, at) => {
      const jump = this.#jump(hop.trim(), [], configFile, depth + 1);
      // ssh goes to the first hop as that hop's own configuration says, and from there straight on.
      return at === 0 ? [...jump.jumps, { ...jump, jumps: [] }] : [{ ...jump, jumps: [] }];
    });
    return { jumps };
  }

  /** `ssh -W` to a host is a jump over it, whose login is shared; anything else runs as a pipe. */
  #proxyCommand(
    host: string,
    command: string,
    configFile: string | undefined,
    depth: number,
    tokens: Readonly<Record<string, string>>,
  ): { readonly jumps: readonly SshSettings[]; readonly proxyCommand?: string } {
    const [, rest] = /^(?:exec\s+)?(?:\S*\/)?ssh\s+([^;&|<>`$()]*)$/s.exec(command.trim()) ?? [];
    const inner = rest === undefined ? undefined : parseSshArguments(rest);
    const forwards = inner?.options.get('forwardto')?.[0];
    const isJump = inner?.destination !== undefined && /^\[?%h\]?:%p$/.test(forwards ?? '');
    if (!inner?.destination || !isJump || inner.warnings.length > 0)
      return { jumps: [], proxyCommand: filledIn(host, command, tokens) };
    const options = new Map([...inner.options].filter(([keyword]) => keyword !== 'forwardto'));
    const jump = this.#jump(inner.destination, [options], inner.configFile ?? configFile, depth + 1);
    return { jumps: [...jump.jumps, { ...jump, jumps: [] }] };
  }

  #jump(hop: string, given: readonly Source[], configFile: string | undefined, depth: number): SshSettings {
    const [, user, bracketed, plain, port] =
      /^(?:ssh:\/\/)?(?:(.*)@)?(?:\[([^\]]+)\]|([^:]*|[^:]*:[^:]*:.*?))(?::(\d+))?$/.exec(hop) ?? [];
    const own = new Map<string, readonly string[]>();
    if (user) own.set('user', [user]);
    if (port) own.set('port', [port]);
    const name = bracketed ?? plain ?? hop;
    const settings = this.#settings(name, name, [own, ...given], configFile, depth);
    const key = this.#privateKey();
    // A key that was named for the target is worth a try on the way to it.
    return settings.identityFiles.length > 0 || !key
      ? settings
      : { ...settings, identityFiles: [this.#expand(key, {})] };
  }

  #agent(identityAgent: string | undefined, expand: (path: string) => string): string | undefined {
    const socket = this.#environment.SSH_AUTH_SOCK || undefined;
    if (identityAgent === undefined || identityAgent === 'SSH_AUTH_SOCK') return socket;
    if (identityAgent === 'none') return undefined;
    return identityAgent.startsWith('$') ? this.#environment[identityAgent.slice(1)] : expand(identityAgent);
  }

  #knownHosts(own: readonly string[] | undefined, global: readonly string[] | undefined): readonly string[] {
    const mine = own ?? [join(this.#home, '.ssh', 'known_hosts'), join(this.#home, '.ssh', 'known_hosts2')];
    const shared = global ?? ['/etc/ssh/ssh_known_hosts'];
    return [...mine, ...shared].filter(file => file !== 'none');
  }

  #hostKeyChecking(option: string | undefined): SshSettings['strictHostKeyChecking'] {
    const asked =
      text(this.#variables, 'ansible_ssh_host_key_checking', 'ansible_host_key_checking') ??
      this.#environment.ANSIBLE_SSH_HOST_KEY_CHECKING ??
      this.#environment.ANSIBLE_HOST_KEY_CHECKING;
    if (asked !== undefined && isNo(asked)) return 'no';
    if (option !== undefined && isNo(option)) return 'no';
    return option === 'accept-new' || this.#flags.acceptNewHostKeys ? 'accept-new' : 'yes';
  }

  #expand(path: string, tokens: Readonly<Record<string, string>>): string {
    const known: Readonly<Record<string, string>> = {
      d: this.#home,
      u: userInfo().username,
      i: String(process.getuid?.() ?? ''),
      l: hostname(),
      L: hostname().split('.')[0] as string,
      '%': '%',
      ...tokens,
    };
    return path
      .replace(/^~(?=\/|$)/, this.#home)
      .replace(/\$\{(\w+)\}/g, (_, name: string) => this.#environment[name] ?? '')
      .replace(/%(.)/g, (whole, letter: string) => known[letter] ?? whole);
  }
}

/** What the sources say of one destination; a value that can mean nothing refuses the connection, with its place. */
class Options {
  readonly host: string;
  readonly #sources: readonly Source[];
  readonly #places: ReadonlyMap<string, string>;

  constructor(host: string, sources: readonly Source[], places: ReadonlyMap<string, string>) {
    this.host = host;
    this.#sources = sources;
    this.#places = places;
  }

  all(keyword: string): readonly string[] {
    return this.#sources.flatMap(source => source.get(keyword) ?? []);
  }

  first(keyword: string): string | undefined {
    return this.all(keyword)[0];
  }

  /** The first of several keywords that exclude each other, with its value. */
  firstOf(keywords: readonly string[]): readonly [keyword: string, value: string] | undefined {
    for (const source of this.#sources)
      for (const [keyword, [value]] of source)
        if (keywords.includes(keyword) && value !== undefined) return [keyword, value];
    return undefined;
  }

  /** The words of the first source that has any. */
  list(keyword: string): readonly string[] | undefined {
    return this.#sources.find(source => source.has(keyword))?.get(keyword);
  }

  word(keyword: string, known: readonly string[]): string | undefined {
    const value = this.first(keyword);
    if (value === undefined) return undefined;
    const word = value.toLowerCase();
    return known.includes(word)
      ? word
      : this.#refuse(keyword, `"${value}" is not one of ${known.join(', ')}`);
  }

  flag(keyword: string, otherwise: boolean): boolean {
    const word = this.word(keyword, ['yes', 'true', 'no', 'false']);
    return word === undefined ? otherwise : word === 'yes' || word === 'true';
  }

  number(keyword: string, otherwise: number): number {
    const value = this.first(keyword);
    if (value === undefined) return otherwise;
    return /^\s*\d+\s*$/.test(value) ? Number(value) : this.#refuse(keyword, `"${value}" is not a number`);
  }

  /** A number, or a span such as `1m30s`. */
  seconds(keyword: string, otherwise: number): number {
    const value = this.first(keyword)?.trim();
    if (value === undefined || value === 'none') return otherwise;
    if (/^\d*\.?\d+$/.test(value)) return Number(value);
    if (!/^(\d+[smhdw])+$/i.test(value)) return this.#refuse(keyword, `"${value}" is not a time`);
    const parts = value.toLowerCase().matchAll(/(\d+)([smhdw])/g);
    return [...parts].reduce(
      (sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit as string] ?? 1),
      0,
    );
  }

  refuse(refusals: readonly string[]): void {
    const [refusal] = refusals;
    if (refusal === undefined) return;
    throw new ConnectionError(
      this.host,
      `ssh's configuration asks for what can't be done: ${refusal}`,
      'no connection is made without it; another value can be given in ansible_ssh_common_args (-o KEYWORD=VALUE), another file with -F',
    );
  }

  #refuse(keyword: string, why: string): never {
    const place = this.#places.get(keyword);
    throw new ConnectionError(this.host, `${place ? `${place}: ` : ''}${keyword}: ${why}`);
  }
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** What ssh arguments ask for and can't be done. */
function refusalsOf(source: Source): readonly string[] {
  return [...source].flatMap(([keyword, [value = '']]) => {
    const refusal = keyword === 'forwardto' ? undefined : refusalOf(keyword, value, []);
    return refusal === undefined ? [] : [`ssh arguments: ${refusal}`];
  });
}

function keepAlive(options: Options): number {
  const seconds = options.seconds('serveraliveinterval', 0);
  return seconds > 0
    ? (1000 * seconds * options.number('serveralivecountmax', 3)) / 3
    : DEFAULT_KEEP_ALIVE_MS;
}

/** The usual order of ways to log in, as OpenSSH has it. */
const LOGIN_METHODS: readonly (readonly [method: LoginMethod, keyword: string])[] = [
  ['publickey', 'pubkeyauthentication'],
  ['keyboard-interactive', 'kbdinteractiveauthentication'],
  ['password', 'passwordauthentication'],
];

function loginMethods(options: Options): { readonly loginMethods?: readonly LoginMethod[] } {
  const preferred = options.first('preferredauthentications')?.split(',');
  const allowed = LOGIN_METHODS.filter(([, keyword]) => {
    const word = options.word(keyword, ['yes', 'true', 'no', 'false', 'unbound', 'host-bound']);
    return word !== 'no' && word !== 'false';
  }).map(([method]) => method);
  if (preferred === undefined && allowed.length === LOGIN_METHODS.length) return {};
  return {
    loginMethods: preferred
      ? preferred.flatMap(name => allowed.find(method => method === name.trim()) ?? [])
      : allowed,
  };
}

const ALGORITHMS: readonly (readonly [kind: AlgorithmKind, keyword: string])[] = [
  ['kex', 'kexalgorithms'],
  ['cipher', 'ciphers'],
  ['mac', 'macs'],
  ['hostKey', 'hostkeyalgorithms'],
  ['userKey', 'pubkeyacceptedalgorithms'],
  ['caSignature', 'casignaturealgorithms'],
];

function algorithmsOf(options: Options): Partial<Record<AlgorithmKind, string>> {
  const found: Partial<Record<AlgorithmKind, string>> = {};
  for (const [kind, keyword] of ALGORITHMS) {
    const value = options.first(keyword);
    if (value !== undefined) found[kind] = value;
  }
  return found;
}

/** A command with its tokens replaced. Names that a shell would read otherwise are refused, as in OpenSSH. */
function filledIn(host: string, command: string, tokens: Readonly<Record<string, string>>): string {
  return command.replace(/%(.)/g, (_, letter: string) => {
    if (letter === '%') return '%';
    const value = 'hnpr'.includes(letter) ? tokens[letter] : undefined;
    if (value === undefined)
      throw new ConnectionError(host, `ProxyCommand "${command}": %${letter} has no meaning there`);
    if (/^-|[\s"'`$\\;&<>|(){}\x00-\x1f\x7f]/.test(value))
      throw new ConnectionError(
        host,
        `ProxyCommand: ${jsonText(value)} is not a valid name for a shell command`,
      );
    return value;
  });
}

/** The first of these variables that has a value, as text. */
function text(variables: Variables, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = variables[name];
    if (value !== undefined && value !== null && value !== '') return String(value);
  }
  return undefined;
}

function isNo(value: string): boolean {
  return /^(no|off|false|0|n|f)$/i.test(value);
}
