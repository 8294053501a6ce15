import type { Static } from 'typebox';
import { fieldsOf, itemsOf, jsonText } from '../../source/json.ts';
import { partAt } from '../../source/part-at.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { ModuleError } from '../kit/define.ts';
import { type Inspected, imageReference, inside } from './docker-cli.ts';
import { type ContainerArgs, DOCKER_OPTIONS, type DockerOption } from './docker-options.ts';

/** What a task may say about a container. */
export const args = Type.Object({
  name: A.str('The container.'),
  image: A.opt(A.str('Image to make it from; with a tag, else latest.')),
  state: A.choice(['absent', 'present', 'started', 'stopped'], 'What is wanted.', { default: 'started' }),
  restart: A.bool('Restart it, whatever it does now.', { default: false }),
  recreate: A.bool('Make it anew, whatever it is now.', { default: false }),
  command: A.opt(A.raw('What it runs: a list, or a text that is split as a shell does.')),
  entrypoint: A.opt(A.list('The program before the command.')),
  env: A.opt(A.dict('Environment; values must be texts.')),
  published_ports: A.opt(
    A.list('Ports that the host publishes: 80, 8080:80, 127.0.0.1:8080:80/tcp, ranges, or all.', {
      aliases: ['ports'],
    }),
  ),
  exposed_ports: A.opt(A.list('Ports that other containers may use.', { aliases: ['expose', 'exposed'] })),
  volumes: A.opt(A.list('Volumes and paths of the host: SOURCE:TARGET[:MODE].')),
  volumes_from: A.opt(A.list('Containers whose volumes it gets.')),
  networks: A.opt(A.rawList('Networks: name, and ipv4_address, ipv6_address, aliases, links.')),
  network_mode: A.opt(A.str('bridge, host, none, container:NAME or a network.')),
  networks_cli_compatible: A.bool('The first of networks takes the place of the default network.', {
    default: true,
  }),
  purge_networks: A.bool('Leave networks that are not listed.', { default: false }),
  restart_policy: A.opt(
    A.choice(['always', 'no', 'on-failure', 'unless-stopped'], 'When Docker restarts it.'),
  ),
  restart_retries: A.opt(A.int('How often, with restart_policy=on-failure.')),
  hostname: A.opt(A.str('Its host name.')),
  user: A.opt(A.str('Who runs the command.')),
  working_dir: A.opt(A.str('Where the command runs.', { aliases: ['workdir'] })),
  labels: A.opt(A.dict('Labels.')),
  links: A.opt(A.list('Other containers, as NAME or NAME:ALIAS.')),
  privileged: A.opt(A.bool('It may do what root may.')),
  capabilities: A.opt(A.list('Capabilities it gets.')),
  cap_drop: A.opt(A.list('Capabilities it does not get.')),
  devices: A.opt(A.list('Devices of the host: PATH[:PATH[:rwm]].')),
  tty: A.opt(A.bool('It has a terminal.')),
  interactive: A.opt(A.bool('Its input stays open.')),
  detach: A.bool('Do not wait for its end; else its exit code decides.', { default: true }),
  auto_remove: A.opt(A.bool('Docker removes it when it ends.')),
  cleanup: A.bool('With detach=false: remove it after its end.', { default: false }),
  memory: A.opt(A.str('Memory it may use, such as 512m.')),
  cpus: A.opt(A.float('Processors it may use.')),
  log_driver: A.opt(A.str('Where its output goes.')),
  log_options: A.opt(A.dict('Options of the log driver.', { aliases: ['log_opt'] })),
  pull: A.choice(
    ['always', 'missing', 'never', 'true', 'false'],
    'When to pull the image; true is always, false is missing.',
    { default: 'missing' },
  ),
  force_kill: A.bool('Kill it instead of stopping it.', { default: false, aliases: ['forcekill'] }),
  keep_volumes: A.bool('Leave its unnamed volumes when it is removed.', { default: true }),
  container_default_behavior: A.choice(
    ['compatibility', 'no_defaults'],
    'compatibility: tty, interactive, privileged, read_only, init, auto_remove are false unless given.',
    { default: 'no_defaults' },
  ),
  comparisons: A.opt(A.dict('By option, or * for all: ignore, strict or allow_more_present.')),
  dns_servers: A.opt(A.list('Name servers.')),
  dns_search_domains: A.opt(A.list('Search domains.')),
  etc_hosts: A.opt(A.dict('Names and addresses for its /etc/hosts.')),
  shm_size: A.opt(A.str('Size of its /dev/shm, such as 64m.')),
  ulimits: A.opt(A.list('Limits: NAME:SOFT[:HARD].')),
  sysctls: A.opt(A.dict('Kernel parameters.')),
  tmpfs: A.opt(A.list('Directories in memory: PATH[:OPTIONS].')),
  security_opts: A.opt(A.list('Security options.')),
  groups: A.opt(A.list('More groups of the user.')),
  read_only: A.opt(A.bool('Its root file system cannot be written.')),
  pid_mode: A.opt(A.str('host or container:NAME.')),
  ipc_mode: A.opt(A.str('host, private, shareable, none or container:NAME.')),
  init: A.opt(A.bool('An init process reaps what the command leaves.')),
  stop_timeout: A.opt(A.int('Seconds until it is killed when it is to stop.')),
  stop_signal: A.opt(A.str('Signal that stops it.')),
  healthcheck: A.opt(A.dict('test, interval, timeout, start_period, retries.')),
});

export type Args = Static<typeof args>;

const COMPATIBLE = ['tty', 'interactive', 'privileged', 'read_only', 'init', 'auto_remove'];

export interface Network {
  readonly name: string;
  readonly ipv4_address?: string;
  readonly ipv6_address?: string;
  readonly aliases?: readonly string[];
  readonly links?: readonly string[];
}

/** What the host has of it. */
export interface Found {
  readonly container: Inspected | undefined;
  readonly image: Inspected | undefined;
  /** Id of NAME in network_mode=container:NAME, which is how Docker shows it. */
  readonly peer: string;
  readonly home: string;
}

/** The arguments as they are compared: defaults of old times, and the Id that Docker shows for another container. */
export function desiredOptions(args: Args, found: Found): ContainerArgs {
  const old =
    args.container_default_behavior === 'compatibility'
      ? COMPATIBLE.map((name): [string, Json] => [name, false])
      : [];
  return {
    ...Object.fromEntries(old),
    ...args,
    ...(found.peer !== '' && { network_mode: `container:${found.peer}` }),
  };
}

function comparison(
  args: Args,
  option: { readonly name: string; readonly kind: DockerOption['kind'] },
): string {
  const chosen = args.comparisons ?? {};
  const aliases: Readonly<Record<string, string>> = {
    ports: 'published_ports',
    workdir: 'working_dir',
    expose: 'exposed_ports',
    exposed: 'exposed_ports',
    log_opt: 'log_options',
    entrypoint: 'command',
  };
  const own = Object.entries(chosen).find(([key]) => (aliases[key] ?? key) === option.name)?.[1];
  // As in Ansible: * tells only what to ignore and what to take strictly; values and lists know no "more".
  const said = String(own ?? chosen['*'] ?? '');
  if (said !== '' && !['ignore', 'strict', 'allow_more_present'].includes(said))
    throw new ModuleError(`comparisons: "${said}" is none of ignore, strict, allow_more_present`);
  return said || (option.kind === 'set' ? 'allow_more_present' : 'strict');
}

/** One property that is not as wanted. */
export interface Difference {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** In what a container is not as wanted. Pure. */
export function differences(args: Args, found: Found): Difference[] {
  const { container, image } = found;
  if (!container) return [];
  const request = desiredOptions(args, found);
  const list: Difference[] = [];
  if (
    args.image !== undefined &&
    comparison(args, { name: 'image', kind: 'value' }) !== 'ignore' &&
    container.Image !== image?.Id
  )
    list.push({
      name: 'image',
      before: String(container.Image),
      after: String(image?.Id ?? imageReference(args.image)),
    });
  for (const option of DOCKER_OPTIONS) {
    const how = comparison(args, option);
    const wanted = how === 'ignore' ? undefined : option.wanted(request, found.home);
    if (wanted === undefined) continue;
    const is =
      option.name === 'command' && (args.entrypoint ?? []).length > 0
        ? [...itemsOf(inside(container, 'Config', 'Entrypoint')).map(String), ...option.found(container)]
        : option.found(container);
    if (!satisfied(option, how, wanted, is, image))
      list.push({ name: option.name, before: shown(option, is, wanted), after: shown(option, wanted, is) });
  }
  return list;
}

/** Values of the environment may be secrets: only the names of those that differ are shown. */
function shown(option: DockerOption, items: readonly string[], others: readonly string[]): string {
  if (option.name !== 'env') return jsonText(items);
  return jsonText(items.filter(item => !others.includes(item)).map(item => partAt(item.split('='), 0)));
}

function satisfied(
  option: DockerOption,
  how: string,
  wanted: readonly string[],
  is: readonly string[],
  image: Inspected | undefined,
): boolean {
  if (how === 'allow_more_present') return wanted.every(item => is.includes(item));
  if (option.kind !== 'set') return wanted.length === is.length && wanted.every((item, i) => item === is[i]);
  const key = (item: string) => (/^(env|labels)$/.test(option.name) ? partAt(item.split('='), 0) : item);
  const own = new Set(wanted.map(key));
  const all = new Set([
    ...wanted,
    ...(image && option.inherited ? option.inherited(image).filter(item => !own.has(key(item))) : []),
  ]);
  return all.size === new Set(is).size && is.every(item => all.has(item));
}

/** The networks it should be in and is not, or not as wanted; and those it should leave. Pure. */
export function networkChanges(
  args: Args,
  container: Inspected | undefined,
): { join: Network[]; leave: string[] } {
  const wanted = networksOf(args);
  const now = fieldsOf(inside(container, 'NetworkSettings', 'Networks'));
  const has = (own: Json | undefined, path: string[], items: readonly string[] = []) =>
    items.every(item => itemsOf(inside(own, ...path)).includes(item));
  const fits = (n: Network) =>
    n.name in now &&
    (n.ipv4_address === undefined || inside(now[n.name], 'IPAMConfig', 'IPv4Address') === n.ipv4_address) &&
    (n.ipv6_address === undefined || inside(now[n.name], 'IPAMConfig', 'IPv6Address') === n.ipv6_address) &&
    has(now[n.name], ['Aliases'], n.aliases) &&
    has(now[n.name], ['Links'], n.links);
  const join =
    comparison(args, { name: 'networks', kind: 'set' }) === 'ignore' ? [] : wanted.filter(n => !fits(n));
  const extra = args.purge_networks
    ? Object.keys(now).filter(name => !wanted.some(n => n.name === name))
    : [];
  return { join, leave: [...join.map(n => n.name).filter(name => name in now), ...extra] };
}

/** The networks of a task; a text is a name. */
export function networksOf(args: Args): Network[] {
  return (args.networks ?? []).map(item => {
    const network = typeof item === 'string' ? { name: item } : fieldsOf(item);
    if (typeof network.name !== 'string')
      throw new ModuleError('Parameter error: network dictionary must contain a name.');
    // Docker itself refuses an address or a list that is none.
    return network as unknown as Network;
  });
}
