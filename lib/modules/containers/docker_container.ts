import { asJson } from '../../source/json.ts';
import { partAt } from '../../source/part-at.ts';
import {
  type Done,
  defineAction,
  type ModuleContext,
  ModuleError,
  orFailed,
  quote,
  type Ran,
  type Result,
  type Steps,
} from '../kit/define.ts';
import { ask, mustAsk, type Records } from '../kit/reply.ts';
import {
  type Args,
  args,
  type Difference,
  desiredOptions,
  differences,
  type Found,
  type Network,
  networkChanges,
  networksOf,
} from './desired-options.ts';
import { DOCKER, type Inspected, imageReference, inside, inspected } from './docker-cli.ts';
import { commandWords, DOCKER_OPTIONS } from './docker-options.ts';

function probeScript(args: Args): string {
  const peer = /^container:(.+)$/.exec(args.network_mode ?? '')?.[1];
  return [
    DOCKER,
    `field home "$HOME"`,
    `see container container inspect ${quote(args.name)}`,
    args.image === undefined ? '' : `see image image inspect ${quote(imageReference(args.image))}`,
    peer === undefined ? '' : `see peer container inspect --format '{{.Id}}' ${quote(peer)}`,
    ':',
  ]
    .filter(Boolean)
    .join('\n');
}

function parseProbe(args: Args, reply: Records): Found {
  const container = inspected(reply, 'container');
  const text = (name: string) => reply.output(name)?.trim() ?? '';
  return {
    container,
    image: args.image === undefined ? undefined : inspected(reply, 'image'),
    peer: text('peer'),
    home: text('home'),
  };
}

const networkWords = (n: Network, flags: readonly [string, string, string]) => [
  ...(n.ipv4_address === undefined ? [] : ['--ip', n.ipv4_address]),
  ...(n.ipv6_address === undefined ? [] : [flags[0], n.ipv6_address]),
  ...(n.aliases ?? []).flatMap(alias => [flags[1], alias]),
  ...(n.links ?? []).flatMap(link => [flags[2], link]),
];

const connect = (n: Network, name: string) =>
  `docker network connect ${[...networkWords(n, ['--ip6', '--alias', '--link']), n.name, name].map(quote).join(' ')}`;

/** Names that the program docker itself heeds: they cannot come to it through its own environment. */
const HEEDED =
  /^(PATH|HOME|TMPDIR|TZ|LC_ALL|LANG|GO\w*|LD_\w+|DOCKER_\w+|BUILDKIT_\w+|XDG_\w+|SSH_\w+|\w+_proxy)$/i;

/** The `docker create` of a task. Values of the environment do not show in the list of processes. */
export function createScript(args: Args, found: Found, as: string): string {
  const request = { ...desiredOptions(args, found), networks: asJson(networksOf(args)) };
  const options = DOCKER_OPTIONS.flatMap(option => {
    const wanted = option.wanted(request, found.home);
    return wanted === undefined ? [] : option.words(wanted);
  });
  const env = Object.entries(args.env ?? {}).map(([key, value]) => [key, String(value)] as const);
  const hidden = ([name]: readonly [string, string]) => /^[A-Za-z_]\w*$/.test(name) && !HEEDED.test(name);
  const [first, ...more] = networksOf(args);
  const joined = first !== undefined && args.network_mode === undefined && args.networks_cli_compatible;
  const networks = joined ? more : networksOf(args).filter(n => n.name !== args.network_mode);
  const entrypoint = args.entrypoint ?? [];
  const image =
    args.image === undefined ? inside(found.container, 'Config', 'Image') : imageReference(args.image);
  if (typeof image !== 'string')
    throw new ModuleError('Cannot create container when image is not specified!');
  const words = [
    '--name',
    as,
    ...options,
    ...(joined ? networkWords(first, ['--ip6', '--network-alias', '--link']) : []),
    ...env.flatMap(e => ['--env', hidden(e) ? e[0] : `${e[0]}=${e[1]}`]),
    ...(entrypoint.length > 0 ? ['--entrypoint', partAt(entrypoint, 0)] : []),
    image,
    ...entrypoint.slice(1),
    ...(commandWords(args.command) ?? []),
  ];
  const exported = env.filter(hidden).map(([name, value]) => `export ${name}=${quote(value)}; `);
  return [
    `( ${exported.join('')}docker create ${words.map(quote).join(' ')} >/dev/null )`,
    ...networks.map(n => connect(n, as)),
  ].join('\n');
}

const isRunning = (container: Inspected | undefined) => inside(container, 'State', 'Running') === true;

function stopCommand(args: Args): string {
  const time = args.stop_timeout === undefined ? '' : `-t ${args.stop_timeout} `;
  return `docker ${args.force_kill ? 'kill ' : `stop ${time}`}${quote(args.name)} >/dev/null`;
}

function removeScript(args: Args, container: Inspected): string {
  const name = quote(args.name);
  return [
    isRunning(container) ? stopCommand(args) : '',
    inside(container, 'HostConfig', 'AutoRemove') === true && isRunning(container)
      ? `for i in 1 2 3 4 5 6 7 8 9 10; do docker container inspect ${name} >/dev/null 2>&1 || break; sleep 1; done`
      : `docker rm ${args.keep_volumes ? '' : '--volumes '}${name} >/dev/null`,
  ]
    .filter(Boolean)
    .join('\n');
}

interface Act {
  readonly actions: readonly string[];
  readonly script: readonly string[];
}

/** What is to be done, and how. Pure. */
function decide(args: Args, found: Found, different: readonly Difference[]): Act {
  const { container } = found;
  const name = quote(args.name);
  if (args.state === 'absent')
    return container
      ? { actions: ['removed'], script: [removeScript(args, container)] }
      : { actions: [], script: [] };
  const onlyPolicy = different.length === 1 && different[0]?.name === 'restart_policy';
  const anew = container === undefined || args.recreate || (different.length > 0 && !onlyPolicy);
  const actions: string[] = [];
  const script: string[] = [];
  if (anew && container) {
    // The new one is made first: when Docker refuses it, the old one is still there and runs.
    const next = `${args.name}_next`;
    actions.push('recreated');
    script.push(
      `trap 'docker rm --force ${quote(next)} >/dev/null 2>&1' EXIT`,
      createScript(args, found, next),
      removeScript(args, container),
      `docker rename ${quote(next)} ${name}`,
      'trap - EXIT',
    );
  } else if (anew) {
    actions.push('created');
    script.push(createScript(args, found, args.name));
  } else {
    if (onlyPolicy) {
      actions.push('updated');
      script.push(`docker update --restart ${quote(policyOf(args))} ${name} >/dev/null`);
    }
    const { join, leave } = networkChanges(args, container);
    actions.push(...join.map(n => `joined network ${n.name}`));
    actions.push(...leave.filter(n => !join.some(j => j.name === n)).map(n => `left network ${n}`));
    script.push(...leave.map(n => `docker network disconnect ${quote(n)} ${name}`));
    script.push(...join.map(n => connect(n, args.name)));
  }
  const running = !anew && isRunning(container);
  if (args.state === 'started' && !running) {
    actions.push('started');
    script.push(args.detach ? `docker start ${name} >/dev/null` : waitScript(args));
  } else if (args.state === 'started' && args.restart) {
    actions.push('restarted');
    script.push(
      `docker restart ${args.stop_timeout === undefined ? '' : `-t ${args.stop_timeout} `}${name} >/dev/null`,
    );
  } else if (args.state === 'stopped' && running) {
    actions.push('stopped');
    script.push(stopCommand(args));
  }
  return { actions, script };
}

const policyOf = (args: Args) =>
  partAt(DOCKER_OPTIONS.find(option => option.name === 'restart_policy')?.wanted(args, '') ?? [], 0);

function waitScript(args: Args): string {
  const name = quote(args.name);
  return [
    `rc=0; begin output; docker start --attach ${name} 2>&1 || rc=$?`,
    `field status "$rc"`,
    `see container container inspect ${name} || :`,
    args.cleanup ? `docker rm --volumes ${name} >/dev/null` : '',
    'exit 0',
  ]
    .filter(Boolean)
    .join('\n');
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(args.name))
    throw new ModuleError(`"${args.name}" is not a valid container name`);
  const probe = probeScript(args);
  let found = parseProbe(args, yield* ask(probe));
  const needs = args.state !== 'absent' && args.image !== undefined;
  const image = imageReference(args.image ?? '');
  const always = args.pull === 'always' || args.pull === 'true';
  const before = found.image?.Id;
  if (needs && !found.image && args.pull === 'never')
    throw new ModuleError(`Cannot find image ${image}, and pull is never`);
  if (needs && !ctx.checkMode && (!found.image || always)) {
    const reference = quote(image);
    const what = `Error pulling image ${image}`;
    const pulled = yield* mustAsk(what, `${DOCKER}\ndocker pull ${reference} >&2 || exit $?\n${probe}`, {
      live: true,
      timeout: 3600,
    });
    found = parseProbe(args, pulled);
  }
  const pulledNew = needs && found.image?.Id !== before;
  const different = args.state === 'absent' ? [] : differences(args, found);
  const { actions, script } = decide(args, found, different);
  const result: Done = {
    changed: actions.length > 0 || pulledNew,
    actions: [...(pulledNew ? ['pulled image'] : []), ...actions],
    ...(different.length > 0 && { diff: [diffOf(different)] }),
  };
  const shown = found.container && args.state !== 'absent' ? { container: found.container } : {};
  if (ctx.checkMode || script.length === 0) return { ...result, ...shown };
  const done = yield* mustAsk(
    `Error on container ${args.name}`,
    [
      DOCKER,
      'set -e',
      ...script,
      ...(args.state === 'absent' ? [] : [`see container container inspect ${quote(args.name)}`]),
    ].join('\n'),
    { timeout: 3600 },
  );
  return args.state === 'absent' ? result : finished(result, done);
}

/** What the container is now; with detach=false, what it printed, and a failure when it failed. */
function finished(result: Done, records: Records): Ran {
  const status = records.text('status');
  const container = records.has('container') ? safely(() => inspected(records, 'container')) : undefined;
  if (status === undefined) return { ...result, container: container ?? {} };
  const output = records.bytes('output')?.toString() ?? '';
  const said = { ...result, container: { ...container, Output: output }, status: Number(status), output };
  return orFailed(said, status === '0' ? undefined : output.trim() || `exit code ${status}`);
}

/** A container that removes itself may be gone when it is looked at. */
function safely<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof ModuleError) return undefined;
    throw error;
  }
}

const diffOf = (list: readonly Difference[]) => ({
  before: list.map(d => `${d.name}: ${d.before}\n`).join(''),
  after: list.map(d => `${d.name}: ${d.after}\n`).join(''),
});

export const dockerContainer = defineAction({
  name: 'docker_container',
  aliases: ['community.docker.docker_container', 'community.general.docker_container'],
  summary: 'Makes, starts, stops and removes Docker containers.',
  examples: `
- name: Run a PostgreSQL to try a restore on
  docker_container:
    name: restore-trial
    image: postgres:15
    published_ports: ["127.0.0.1:5499:5432"]
    env: {POSTGRES_PASSWORD: "{{ trial_password }}"}
    restart_policy: "no"
  no_log: true
`,
  args,
  returns: {
    container: 'What `docker container inspect` says about it.',
    actions: 'What was done.',
    status: 'With detach=false: its exit code.',
    output: 'With detach=false: what it printed.',
  },
  differences: [
    'Works through the program docker on the host (or what podman puts in its place), not through a Python library.',
    'A new container is made under a name of its own before the old one is stopped: one that Docker refuses costs nothing.',
    'A restart policy alone is changed without a new container; memory and cpus are not.',
    'What --diff shows of the environment are names, no values.',
    'A dry run with pull=always predicts a change only where the image is missing.',
    'entrypoint and command are compared together; a healthcheck runs through the shell of the container.',
    'state=healthy, env_file, mounts, paused, kill_signal, mac_address, domainname, memory_swap and other limits, device_* limits, runtime, userns_mode, uts, volume_driver, image_comparison, command_handling, ignore_image and the arguments about reaching the daemon (docker_host, tls, …) are not known.',
  ],
  run: work,
  check: work,
});
