import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { SourceError } from '../source/errors.ts';
import type { Json } from '../source/value.ts';
import type { ConnectionSettings, SshSettings } from './connection.ts';
import { parseSshArguments } from './ssh-args.ts';
import { SshConfigFiles } from './ssh-config.ts';

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

/** ssh options that change nothing here: about terminals, multiplexing, or how much ssh says. */
const NOTHING_TO_DO =
  /^(control(master|path|persist)|compression|batchmode|loglevel|requesttty|tcpkeepalive|hashknownhosts|checkhostip|visualhostkey|updatehostkeys|addkeystoagent|(gssapi|preferred|pubkey|password|kbdinteractive|challengeresponse|hostbased).*|numberofpasswordprompts|forward(x11|agent).*|sendenv|setenv|clearallforwardings|exitonforwardfailure|ipqos|addressfamily)$/;
const UNDERSTOOD =
  /^(hostname|user|port|identityfile|identityagent|identitiesonly|proxyjump|proxycommand|(user|global)knownhostsfile|stricthostkeychecking|hostkeyalias|connecttimeout|serveralive(interval|countmax)|connectionattempts|forwardto)$/;

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
    for (const keyword of parsed.options.keys()) {
      if (!UNDERSTOOD.test(keyword) && !NOTHING_TO_DO.test(keyword)) {
        this.warnings.push(`ssh option ${keyword} is not supported and was ignored`);
      }
    }
    return parsed;
  }

  #settings(
    host: string,
    name: string,
    given: readonly Source[],
    configFile: string | undefined,
    depth: number,
  ): SshSettings {
    const config = this.#files.lookup(name, configFile);
    this.warnings.push(...config.warnings);
    const sources = [...given, config.options];
    const all = (keyword: string): readonly string[] => sources.flatMap(source => source.get(keyword) ?? []);
    const first = (keyword: string): string | undefined => all(keyword)[0];
    const list = (keyword: string): readonly string[] | undefined => {
      const values = sources.find(source => source.has(keyword))?.get(keyword);
      return values?.flatMap(value => value.split(/\s+/)).filter(Boolean);
    };

    const address = (first('hostname') ?? name).replaceAll('%h', name).replaceAll('%%', '%');
    const user = first('user') ?? userInfo().username;
    const port = this.#number(first('port'), 22);
    const expand = (path: string): string =>
      this.#expand(path, { h: address, r: user, p: String(port), n: name });
    const agent = this.#agent(first('identityagent'), expand);
    const hostKeyAlias = first('hostkeyalias');
    const retries = this.#number(first('connectionattempts'), 1) - 1;
    return {
      kind: 'ssh',
      host,
      address,
      port,
      user,
      identityFiles: all('identityfile')
        .filter(path => path !== 'none')
        .map(expand),
      jumps: this.#jumps(first('proxyjump'), first('proxycommand'), configFile, depth),
      knownHostsFiles: this.#knownHosts(list('userknownhostsfile'), list('globalknownhostsfile')).map(expand),
      strictHostKeyChecking: this.#hostKeyChecking(first('stricthostkeychecking')),
      connectTimeoutMs: 1000 * this.#number(first('connecttimeout'), DEFAULT_TIMEOUT_S),
      keepAliveMs: this.#keepAlive(first('serveraliveinterval'), first('serveralivecountmax')),
      ...(agent === undefined ? {} : { agent }),
      ...(hostKeyAlias === undefined ? {} : { hostKeyAlias }),
      ...(isYes(first('identitiesonly')) ? { identitiesOnly: true } : {}),
      ...(retries > 0 ? { connectRetries: retries } : {}),
    };
  }

  #jumps(
    proxyJump: string | undefined,
    proxyCommand: string | undefined,
    configFile: string | undefined,
    depth: number,
  ): readonly SshSettings[] {
    if (depth > 8) {
      this.warnings.push('ProxyJump goes round in a circle');
      return [];
    }
    if (proxyJump !== undefined && proxyJump !== 'none') {
      return proxyJump.split(',').flatMap((hop, at) => {
        const jump = this.#jump(hop.trim(), [], configFile, depth + 1);
        // ssh goes to the first hop as that hop's own configuration says, and from there straight on.
        return at === 0 ? [...jump.jumps, { ...jump, jumps: [] }] : [{ ...jump, jumps: [] }];
      });
    }
    if (proxyJump === undefined && proxyCommand !== undefined && proxyCommand !== 'none') {
      return this.#proxyCommand(proxyCommand, configFile, depth);
    }
    return [];
  }

  #proxyCommand(command: string, configFile: string | undefined, depth: number): readonly SshSettings[] {
    const [, rest] = /^(?:exec\s+)?(?:\S*\/)?ssh\s+(.*)$/s.exec(command.trim()) ?? [];
    const inner = rest === undefined ? undefined : parseSshArguments(rest);
    const forwards = inner?.options.get('forwardto')?.[0];
    if (!inner?.destination || forwards === undefined || !/^\[?%h\]?:%p$/.test(forwards)) {
      this.warnings.push(`ProxyCommand "${command}" is not supported and was ignored; use ProxyJump`);
      return [];
    }
    const jump = this.#jump(inner.destination, [inner.options], inner.configFile ?? configFile, depth + 1);
    return [...jump.jumps, { ...jump, jumps: [] }];
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

  #keepAlive(interval: string | undefined, countMax: string | undefined): number {
    const seconds = this.#number(interval, 0);
    return seconds > 0 ? (1000 * seconds * this.#number(countMax, 3)) / 3 : DEFAULT_KEEP_ALIVE_MS;
  }

  #number(value: string | undefined, otherwise: number): number {
    if (value === undefined) return otherwise;
    const number = Number(value);
    if (value.trim() !== '' && Number.isFinite(number)) return number;
    this.warnings.push(`"${value}" is not a number; ${otherwise} is used`);
    return otherwise;
  }

  #expand(path: string, tokens: Readonly<Record<string, string>>): string {
    const known: Readonly<Record<string, string>> = {
      d: this.#home,
      u: userInfo().username,
      '%': '%',
      ...tokens,
    };
    return path
      .replace(/^~(?=\/|$)/, this.#home)
      .replace(/\$\{(\w+)\}/g, (_, name: string) => this.#environment[name] ?? '')
      .replace(/%(.)/g, (whole, letter: string) => known[letter] ?? whole);
  }
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

function isYes(value: string | undefined): boolean {
  return value !== undefined && /^(yes|true)$/i.test(value);
}
