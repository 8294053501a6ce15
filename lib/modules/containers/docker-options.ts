import { fieldsOf, itemsOf } from '../../source/json.ts';
import { partAt } from '../../source/part-at.ts';
import type { Json } from '../../source/value.ts';
import { ModuleError, quote } from '../kit/define.ts';
import { splitWords } from '../kit/sh.ts';
import { type Inspected, inside } from './docker-cli.ts';

/** Arguments of a container, as an author gave them. */
export type ContainerArgs = Readonly<Record<string, Json | undefined>>;

/**
 * One property of a container: what is wanted and what `docker inspect` shows, in one form that can be compared, and
 * the words of `docker create` for it.
 */
export interface DockerOption {
  readonly name: string;
  /** `value`: one; `list`: several in order; `set`: several, of which there may be more unless asked for strictly. */
  readonly kind: 'value' | 'list' | 'set';
  /** Undefined when the task does not say. */
  readonly wanted: (args: ContainerArgs, home: string) => readonly string[] | undefined;
  readonly found: (container: Inspected) => readonly string[];
  /** Config of an image that its containers inherit this from. */
  readonly inherited?: (image: Inspected) => readonly string[];
  readonly words: (wanted: readonly string[]) => readonly string[];
}

const texts = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.map(String) : value === null || value === undefined ? [] : [String(value)];

const keys = (value: Json | undefined): string[] => Object.keys(fieldsOf(value));

const entries = (value: Json | undefined, glue: string): string[] =>
  Object.entries(fieldsOf(value)).map(([k, v]) => `${k}${glue}${String(v ?? '')}`);

const whenGiven = (name: string, form: (value: Json) => readonly string[]) => (args: ContainerArgs) =>
  args[name] === undefined ? undefined : form(args[name]);

const each =
  (flag: string) =>
  (wanted: readonly string[]): string[] =>
    wanted.flatMap(value => [flag, value]);

/** An option of one value, shown at `path`. */
const value = (
  name: string,
  flag: string,
  path: string,
  form: (value: Json) => string = String,
): DockerOption => ({
  name,
  kind: 'value',
  wanted: whenGiven(name, v => [form(v)]),
  found: c => [String(inside(c, ...path.split('.')) ?? '')],
  words: wanted => [`${flag}=${partAt(wanted, 0)}`],
});

const flagOption = (name: string, flag: string, path: string): DockerOption => ({
  ...value(name, flag, path),
  found: c => [String(inside(c, ...path.split('.')) ?? false)],
});

const several = (
  kind: 'list' | 'set',
  name: string,
  flag: string,
  path: string,
  form: (value: string) => string = v => v,
): DockerOption => ({
  name,
  kind,
  wanted: whenGiven(name, v => texts(v).map(form)),
  found: c => texts(inside(c, ...path.split('.'))).map(form),
  words: each(flag),
});

/** `512m`, `1GB`, `1.5g` → bytes. */
export function bytes(text: Json): string {
  const found = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)(?:i?b)?$/i.exec(String(text).trim());
  if (!found) throw new ModuleError(`"${String(text)}" is not an amount of memory, such as 512m`);
  const power = Math.max(0, 'bkmgtp'.indexOf(partAt(found, 2).toLowerCase() || 'b'));
  return String(Math.floor(Number(found[1]) * 1024 ** power));
}

/** `1m30s` → nanoseconds. */
export function nanoseconds(text: string): number {
  const units: Readonly<Record<string, number>> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3 };
  const parts = [...text.matchAll(/(\d+)(ms|us|h|m|s)/g)];
  if (text === '0') return 0;
  if (parts.length === 0 || parts.map(p => p[0]).join('') !== text)
    throw new ModuleError(`"${text}" is not a duration, such as 1m30s`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0);
}

const withProtocol = (port: string) => (port.includes('/') ? port.toLowerCase() : `${port}/tcp`);

function numbers(range: string, text: string): number[] {
  const found = /^(\d+)(?:-(\d+))?$/.exec(range);
  if (!found) throw new ModuleError(`"${text}" is not a port, such as 80, 8080:80 or 127.0.0.1:8080:80/tcp`);
  const [from, to] = [Number(found[1]), Number(found[2] ?? found[1])];
  if (to < from || to > 65535) throw new ModuleError(`"${text}": no such ports`);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** `127.0.0.1:8080-8081:80-81` → one `address|host port|container port/protocol` for each. */
export function publishedPorts(text: string): string[] {
  const [front = '', protocol = 'tcp'] = text.split('/');
  const parts = front.split(/:(?![^[]*\])/);
  const inner = numbers(parts.pop() ?? '', text);
  const outerText = parts.pop() ?? '';
  const outer = outerText === '' ? inner.map(() => '') : numbers(outerText, text);
  if (outer.length !== inner.length) throw new ModuleError(`"${text}": as many ports outside as inside`);
  const address = parts.join(':').replace(/^0\.0\.0\.0$/, '');
  return inner.map((port, i) => `${address}|${outer[i]}|${port}/${protocol.toLowerCase()}`);
}

function boundPorts(container: Inspected): string[] {
  const bindings = fieldsOf(inside(container, 'HostConfig', 'PortBindings'));
  return Object.entries(bindings).flatMap(([port, list]) =>
    itemsOf(list)
      .map(fieldsOf)
      .map(({ HostIp = '', HostPort = '' }) => {
        const address = bracketed(String(HostIp)).replace(/^0\.0\.0\.0$/, '');
        return `${address}|${String(HostPort).replace(/^0$/, '')}|${port}`;
      }),
  );
}

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address);

function publishWords(port: string): string[] {
  const [address = '', host = '', inner = ''] = port.split('|');
  return ['--publish', address ? `${address}:${host}:${inner}` : host ? `${host}:${inner}` : inner];
}

/** `/a:/b` → `/a:/b:rw`; one without a colon is a volume that Docker names. */
export function volume(text: string, home = '~'): string {
  const [source = '', target, mode = 'rw'] = text.split(':');
  if (target === undefined) return source;
  if (/^\.\.?(\/|$)/.test(source))
    throw new ModuleError(`volume ${text}: the path on the host must be absolute`);
  const path = source.replace(/^~(?=\/|$)/, home).replace(/(?<=.)\/$/, '');
  const modes = mode.split(',').filter(Boolean);
  const full = modes.some(m => m === 'ro' || m === 'rw') ? modes : ['rw', ...modes];
  return `${path}:${target}:${full.sort().join(',')}`;
}

/** Words of a command: a text is split as a shell does. */
export function commandWords(command: Json | undefined): readonly string[] | undefined {
  if (command === undefined || command === null) return undefined;
  const words = Array.isArray(command) ? command.map(String) : splitWords(String(command));
  return words.length > 0 ? words : undefined;
}

function environment(env: Json): string[] {
  const odd = Object.entries(fieldsOf(env)).find(([, v]) => typeof v !== 'string');
  if (odd)
    throw new ModuleError(
      `Non-string value found for env option. Ambiguous env options must be wrapped in quotes to avoid them being interpreted. Key: ${odd[0]}`,
    );
  return entries(env, '=');
}

function health(check: Json): string[] {
  const { test, interval, timeout, start_period, retries } = fieldsOf(check);
  const time = (v: Json | undefined) => (v === undefined ? '' : String(nanoseconds(String(v))));
  return [testWords(test), time(interval), time(timeout), time(start_period), String(retries ?? '')];
}

/** A test as one shell command, since the program docker takes no other. */
function testWords(test: Json | undefined): string {
  const words = Array.isArray(test) ? test.map(String) : ['CMD-SHELL', String(test ?? '')];
  if (words[0] === 'NONE') return 'NONE';
  return words[0] === 'CMD' ? words.slice(1).map(quote).join(' ') : words.slice(1).join(' ');
}

function foundHealth(container: Inspected): string[] {
  const h = inside(container, 'Config', 'Healthcheck');
  const part = (name: string) => String(inside(h, name) || '');
  const test = inside(h, 'Test');
  return [
    test === undefined || test === null ? '' : testWords(test),
    ...['Interval', 'Timeout', 'StartPeriod', 'Retries'].map(part),
  ];
}

function healthWords([test = '', ...rest]: readonly string[]): string[] {
  if (test === 'NONE') return ['--no-healthcheck'];
  const names = ['interval', 'timeout', 'start-period', 'retries'];
  return [
    ...(test ? [`--health-cmd=${test}`] : []),
    ...rest.flatMap((v, i) => (v ? [`--health-${names[i]}=${v}${i < 3 ? 'ns' : ''}`] : [])),
  ];
}

const capability = (name: string) => name.toUpperCase().replace(/^CAP_/, '');

/** How the container reaches the network: as the task says, else by the first of its networks. */
function networkMode(args: ContainerArgs): readonly string[] | undefined {
  const [first] = itemsOf(args.networks).map(fieldsOf);
  const mode = args.network_mode ?? (args.networks_cli_compatible === false ? undefined : first?.name);
  return mode === undefined ? undefined : [String(mode).replace(/^bridge$/, 'default')];
}

/** Every property of a container that is compared, in the order of the arguments of `docker create`. */
export const DOCKER_OPTIONS: readonly DockerOption[] = [
  {
    name: 'command',
    kind: 'list',
    // `--entrypoint` takes one word, the others come before the command: together they are what runs.
    wanted: args => {
      const entrypoint = itemsOf(args.entrypoint).map(String);
      const command = commandWords(args.command);
      return entrypoint.length > 0 ? [...entrypoint, ...(command ?? [])] : command;
    },
    found: c => texts(inside(c, 'Config', 'Cmd')),
    words: () => [],
  },
  {
    name: 'env',
    kind: 'set',
    wanted: whenGiven('env', environment),
    found: c => texts(inside(c, 'Config', 'Env')),
    inherited: image => texts(inside(image, 'Config', 'Env')),
    words: () => [],
  },
  {
    name: 'labels',
    kind: 'set',
    wanted: whenGiven('labels', v => entries(v, '=')),
    found: c => entries(inside(c, 'Config', 'Labels'), '='),
    inherited: image => entries(inside(image, 'Config', 'Labels'), '='),
    words: each('--label'),
  },
  {
    name: 'published_ports',
    kind: 'set',
    wanted: whenGiven('published_ports', v =>
      texts(v)
        .filter(t => !/^all$/i.test(t))
        .flatMap(publishedPorts),
    ),
    found: boundPorts,
    words: wanted => wanted.flatMap(publishWords),
  },
  {
    name: 'publish_all_ports',
    kind: 'value',
    wanted: args => (texts(args.published_ports).some(t => /^all$/i.test(t)) ? ['true'] : undefined),
    found: c => [String(inside(c, 'HostConfig', 'PublishAllPorts') ?? false)],
    words: () => ['--publish-all'],
  },
  {
    name: 'exposed_ports',
    kind: 'set',
    wanted: whenGiven('exposed_ports', v =>
      texts(v).flatMap(text => {
        const [range = '', protocol = 'tcp'] = text.split('/');
        return numbers(range, text).map(n => withProtocol(`${n}/${protocol}`));
      }),
    ),
    found: c => keys(inside(c, 'Config', 'ExposedPorts')),
    inherited: image => keys(inside(image, 'Config', 'ExposedPorts')),
    words: each('--expose'),
  },
  {
    name: 'volumes',
    kind: 'set',
    wanted: (args, home) =>
      args.volumes === undefined ? undefined : texts(args.volumes).map(v => volume(v, home)),
    found: c => [
      ...texts(inside(c, 'HostConfig', 'Binds')).map(v => volume(v)),
      ...keys(inside(c, 'Config', 'Volumes')),
    ],
    inherited: image => keys(inside(image, 'Config', 'Volumes')),
    words: each('--volume'),
  },
  several('set', 'volumes_from', '--volumes-from', 'HostConfig.VolumesFrom', v => v.replace(/:rw$/, '')),
  {
    name: 'network_mode',
    kind: 'value',
    wanted: networkMode,
    found: c => [String(inside(c, 'HostConfig', 'NetworkMode') ?? '').replace(/^bridge$/, 'default')],
    words: wanted => ['--network', partAt(wanted, 0)],
  },
  {
    name: 'restart_policy',
    kind: 'value',
    wanted: args =>
      args.restart_policy === undefined
        ? undefined
        : [
            args.restart_policy === 'on-failure'
              ? `on-failure:${String(args.restart_retries ?? 0)}`
              : String(args.restart_policy),
          ],
    found: c => {
      const name = String(inside(c, 'HostConfig', 'RestartPolicy', 'Name') || 'no');
      const count = String(inside(c, 'HostConfig', 'RestartPolicy', 'MaximumRetryCount') ?? 0);
      return [name === 'on-failure' ? `${name}:${count}` : name];
    },
    words: wanted => ['--restart', partAt(wanted, 0)],
  },
  value('hostname', '--hostname', 'Config.Hostname'),
  value('user', '--user', 'Config.User'),
  value('working_dir', '--workdir', 'Config.WorkingDir'),
  {
    ...several('set', 'links', '--link', 'HostConfig.Links'),
    wanted: whenGiven('links', v => texts(v).map(link => (link.includes(':') ? link : `${link}:${link}`))),
    // Docker shows /OTHER:/OWN/ALIAS.
    found: c =>
      texts(inside(c, 'HostConfig', 'Links')).map(link => link.replace(/^\/([^:]*):\/.*\/([^/]*)$/, '$1:$2')),
  },
  flagOption('privileged', '--privileged', 'HostConfig.Privileged'),
  several('set', 'capabilities', '--cap-add', 'HostConfig.CapAdd', capability),
  several('set', 'cap_drop', '--cap-drop', 'HostConfig.CapDrop', capability),
  {
    name: 'devices',
    kind: 'set',
    wanted: whenGiven('devices', v =>
      texts(v).map(device => {
        const [from = '', to = from, mode = 'rwm'] = device.split(':');
        return `${from}:${to}:${mode}`;
      }),
    ),
    found: c =>
      itemsOf(inside(c, 'HostConfig', 'Devices'))
        .map(fieldsOf)
        .map(d => `${String(d.PathOnHost)}:${String(d.PathInContainer)}:${String(d.CgroupPermissions)}`),
    words: each('--device'),
  },
  flagOption('tty', '--tty', 'Config.Tty'),
  flagOption('interactive', '--interactive', 'Config.OpenStdin'),
  flagOption('auto_remove', '--rm', 'HostConfig.AutoRemove'),
  value('memory', '--memory', 'HostConfig.Memory', bytes),
  {
    ...value('cpus', '--cpus', 'HostConfig.NanoCpus', v => String(Number(v))),
    found: c => [String(Number(inside(c, 'HostConfig', 'NanoCpus') ?? 0) / 1e9)],
  },
  value('log_driver', '--log-driver', 'HostConfig.LogConfig.Type'),
  {
    name: 'log_options',
    kind: 'set',
    wanted: whenGiven('log_options', v => entries(v, '=')),
    found: c => entries(inside(c, 'HostConfig', 'LogConfig', 'Config'), '='),
    words: each('--log-opt'),
  },
  several('list', 'dns_servers', '--dns', 'HostConfig.Dns'),
  several('list', 'dns_search_domains', '--dns-search', 'HostConfig.DnsSearch'),
  {
    ...several('set', 'etc_hosts', '--add-host', 'HostConfig.ExtraHosts'),
    wanted: whenGiven('etc_hosts', v => entries(v, ':')),
  },
  value('shm_size', '--shm-size', 'HostConfig.ShmSize', bytes),
  {
    name: 'ulimits',
    kind: 'set',
    wanted: whenGiven('ulimits', v =>
      texts(v).map(limit => {
        const [name, soft, hard = soft] = limit.split(/[:=]/);
        return `${name}=${soft}:${hard}`;
      }),
    ),
    found: c =>
      itemsOf(inside(c, 'HostConfig', 'Ulimits'))
        .map(fieldsOf)
        .map(l => `${String(l.Name)}=${String(l.Soft)}:${String(l.Hard)}`),
    words: each('--ulimit'),
  },
  {
    name: 'sysctls',
    kind: 'set',
    wanted: whenGiven('sysctls', v => entries(v, '=')),
    found: c => entries(inside(c, 'HostConfig', 'Sysctls'), '='),
    words: each('--sysctl'),
  },
  {
    name: 'tmpfs',
    kind: 'set',
    wanted: whenGiven('tmpfs', v => texts(v).map(t => (t.includes(':') ? t : `${t}:`))),
    found: c => entries(inside(c, 'HostConfig', 'Tmpfs'), ':'),
    words: wanted => wanted.flatMap(t => ['--tmpfs', t.replace(/:$/, '')]),
  },
  several('set', 'security_opts', '--security-opt', 'HostConfig.SecurityOpt'),
  several('set', 'groups', '--group-add', 'HostConfig.GroupAdd'),
  flagOption('read_only', '--read-only', 'HostConfig.ReadonlyRootfs'),
  value('pid_mode', '--pid', 'HostConfig.PidMode'),
  value('ipc_mode', '--ipc', 'HostConfig.IpcMode'),
  flagOption('init', '--init', 'HostConfig.Init'),
  value('stop_timeout', '--stop-timeout', 'Config.StopTimeout'),
  value('stop_signal', '--stop-signal', 'Config.StopSignal'),
  {
    name: 'healthcheck',
    kind: 'list',
    wanted: whenGiven('healthcheck', health),
    found: foundHealth,
    words: healthWords,
  },
];
