import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { isObject } from '../../source/json.ts';
import { partAt } from '../../source/part-at.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  mustSh,
  quote,
  type Result,
  type Steps,
} from '../kit/define.ts';
import { ask, mustAsk } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';
import { DOCKER, type Inspected, imageReference, inspected } from './docker-cli.ts';

const args = Type.Object({
  name: A.str('The image; a tag or digest may be part of it.'),
  tag: A.str('Its tag, when the name has none.', { default: 'latest' }),
  state: A.choice(['absent', 'present'], 'Whether the host has it.', { default: 'present' }),
  source: A.opt(
    A.choice(['build', 'load', 'local', 'pull'], 'Where it comes from; local: it must be there already.'),
  ),
  build: A.opt(
    A.dict(
      'How it is built, on the host: path, dockerfile, args, pull, nocache, rm, labels, network, target, platform, cache_from, etc_hosts, shm_size.',
    ),
  ),
  load_path: A.opt(A.path('Archive on the host to load it from.')),
  archive_path: A.opt(A.path('File on the host to save it in.')),
  force_source: A.bool('Build, load or pull although it is there.', { default: false }),
  force_absent: A.bool('Remove it although containers or other names use it.', { default: false }),
  force_tag: A.bool('Give it the name in `repository` although another image has that.', { default: false }),
  repository: A.opt(A.str('Another name for it, with or without a tag.')),
  push: A.bool('Push it to its registry, under the name in `repository` if there is one.', {
    default: false,
  }),
});

type Args = Static<typeof args>;

const BUILD_FLAGS: Readonly<Record<string, (value: Json, path: string) => readonly string[]>> = {
  path: () => [],
  dockerfile: (value, path) => [
    '--file',
    String(value).startsWith('/') ? String(value) : `${path}/${String(value)}`,
  ],
  args: value => pairs(value).flatMap(([k, v]) => ['--build-arg', `${k}=${v}`]),
  labels: value => pairs(value).flatMap(([k, v]) => ['--label', `${k}=${v}`]),
  etc_hosts: value => pairs(value).flatMap(([k, v]) => ['--add-host', `${k}:${v}`]),
  pull: value => (isTrue(value) ? ['--pull'] : []),
  nocache: value => (isTrue(value) ? ['--no-cache'] : []),
  rm: value => (isTrue(value) ? [] : ['--rm=false']),
  network: value => ['--network', String(value)],
  target: value => ['--target', String(value)],
  platform: value => ['--platform', String(value)],
  shm_size: value => ['--shm-size', String(value)],
  cache_from: value =>
    (Array.isArray(value) ? value : [value]).flatMap(from => ['--cache-from', String(from)]),
};

const isTrue = (value: Json) => /^(true|yes|on|y|t|1)$/i.test(String(value));

function pairs(value: Json): readonly [string, Json][] {
  if (!isObject(value)) throw new ModuleError('args, labels and etc_hosts of build must be mappings');
  return Object.entries(value);
}

/** The `docker build` of a task. */
export function buildCommand(build: Readonly<Record<string, Json>>, reference: string): string {
  const { path } = build;
  if (typeof path !== 'string') throw new ModuleError('build needs a path');
  const known = Object.keys(BUILD_FLAGS);
  const strange = Object.keys(build).find(key => !known.includes(key));
  if (strange !== undefined)
    throw new ModuleError(`build does not know "${strange}"; it knows ${known.join(', ')}`);
  const words = Object.entries(build).flatMap(([key, value]) =>
    value === null ? [] : defined(BUILD_FLAGS[key], 'the keys are those of the table')(value, path),
  );
  return `docker build ${[...words, '--tag', reference].map(quote).join(' ')} ${pathWord(path)}`;
}

function probeScript(args: Args, reference: string, other: string | undefined): string {
  return [
    DOCKER,
    `see image image inspect ${quote(reference)}`,
    other === undefined ? '' : `see other image inspect ${quote(other)}`,
    args.archive_path === undefined
      ? ''
      : `begin archive; for f in manifest.json index.json; do tar -xOf ${pathWord(args.archive_path)} "$f" 2>/dev/null; done`,
    ':',
  ]
    .filter(Boolean)
    .join('\n');
}

/** The command that fetches the image, and what it is called in `actions`. */
function sourceCommand(args: Args, reference: string): readonly [command: string, action: string] {
  switch (args.source) {
    case 'build':
      if (args.build === undefined) throw new ModuleError('source=build needs the argument build');
      return [
        buildCommand(args.build, reference),
        `Built image ${reference} from ${String(args.build.path)}`,
      ];
    case 'load':
      return [
        `docker load --input ${pathWord(defined(args.load_path, 'source=load needs it'))}`,
        `Loaded image ${reference} from ${args.load_path}`,
      ];
    case 'pull':
      return [`docker pull ${quote(reference)}`, `Pulled image ${reference}`];
    default:
      throw new ModuleError(`Cannot find the image ${reference} locally.`);
  }
}

function* remove(args: Args, ctx: ModuleContext, reference: string): Steps<Result> {
  const image = inspected(yield* ask(probeScript(args, reference, undefined)), 'image');
  if (!image) return { changed: false, actions: [], image: {} };
  const result = { changed: true, actions: [`Removed image ${reference}`], image: { state: 'Deleted' } };
  if (!ctx.checkMode)
    yield* mustSh(
      `Error removing image ${reference}`,
      `${DOCKER}\ndocker image rm ${args.force_absent ? '--force ' : ''}${quote(reference)}`,
    );
  return result;
}

function* provide(args: Args, ctx: ModuleContext, reference: string): Steps<Result> {
  const other = args.repository === undefined ? undefined : imageReference(args.repository, tagOf(reference));
  const probe = probeScript(args, reference, other);
  let reply = yield* ask(probe, { live: true });
  const before = inspected(reply, 'image');
  const actions: string[] = [];
  let changed = false;
  if (!before || (args.force_source && args.source !== 'local')) {
    const [command, action] = sourceCommand(args, reference);
    actions.push(action);
    changed = true;
    if (!ctx.checkMode) {
      const what = `Error getting image ${reference} (${args.source})`;
      reply = yield* mustAsk(what, `${DOCKER}\n(${command}) >&2 || exit $?\n${probe}`, {
        live: true,
        timeout: 3600,
      });
      const now = inspected(reply, 'image');
      if (!now) throw new ModuleError(`${what}: it is still not there`, { stderr: reply.stderr });
      changed = before?.Id !== now.Id;
    }
  }
  const image = ctx.checkMode && actions.length > 0 ? undefined : inspected(reply, 'image');
  const follow = followUps(args, reference, other, image, {
    other: other === undefined ? undefined : inspected(reply, 'other'),
    archive: reply.text('archive') ?? '',
  });
  const all = [...actions, ...follow.map(step => step.action)];
  const sure = changed || follow.some(step => !step.pushes);
  if (follow.length === 0 || ctx.checkMode)
    return { changed: sure || follow.length > 0, actions: all, image: image ?? before ?? {} };
  const done = yield* mustAsk(
    `Error on image ${reference}`,
    [
      DOCKER,
      'set -e; begin output',
      ...follow.map(step => step.command),
      `see image image inspect ${quote(reference)}`,
    ].join('\n'),
    { live: true, timeout: 3600 },
  );
  return {
    changed: sure || /: Pushed$/m.test(done.text('output') ?? ''),
    actions: all,
    image: inspected(done, 'image') ?? {},
  };
}

interface FollowUp {
  readonly action: string;
  readonly command: string;
  readonly pushes?: boolean;
}

/** What is to be done with the image once it is there: another name, an archive, a push. Pure. */
function followUps(
  args: Args,
  reference: string,
  other: string | undefined,
  image: Inspected | undefined,
  found: { readonly other: Inspected | undefined; readonly archive: string },
): FollowUp[] {
  const steps: FollowUp[] = [];
  const id = String(image?.Id ?? '').replace(/^sha256:/, '');
  if (args.archive_path !== undefined && !(id !== '' && found.archive.includes(id)))
    steps.push({
      action: `Archived image ${reference} to ${args.archive_path}`,
      command: `docker save --output ${pathWord(args.archive_path)} ${quote(reference)}`,
    });
  if (
    other !== undefined &&
    (found.other === undefined || ((args.force_tag || !image) && found.other.Id !== image?.Id))
  )
    steps.push({
      action: `Tagged image ${reference} to ${other}`,
      command: `docker tag ${quote(reference)} ${quote(other)}`,
    });
  if (args.push) {
    const pushed = other ?? reference;
    steps.push({
      action: `Pushed image ${pushed}`,
      command: `docker push ${quote(pushed)}`,
      pushes: true,
    });
  }
  return steps;
}

const tagOf = (reference: string) => /:([^/:@]+)$/.exec(partAt(reference.split('@'), 0))?.[1] ?? 'latest';

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  const reference = imageReference(args.name, args.tag);
  return yield* args.state === 'absent' ? remove(args, ctx, reference) : provide(args, ctx, reference);
}

export const dockerImage = defineAction({
  name: 'docker_image',
  aliases: ['community.docker.docker_image', 'community.general.docker_image'],
  summary: 'Pulls, builds, loads, tags, pushes, saves and removes Docker images.',
  examples: `
- name: Load an image on a host without a network
  docker_image:
    name: postgres
    tag: "15"
    source: load
    load_path: /var/tmp/postgres-15.tar
`,
  args,
  rules: {
    requiredIf: [
      ['state', 'present', ['source']],
      ['source', 'build', ['build']],
      ['source', 'load', ['load_path']],
    ],
  },
  returns: {
    image: 'What `docker image inspect` says about it.',
    actions: 'What was done, one line each.',
  },
  differences: [
    'Works through the program docker on the host (or what podman puts in its place), not through a Python library.',
    'Whether a forced source or a push brings anything new is known only afterwards: a dry run predicts a change.',
    'How to reach the daemon (docker_host, tls, …) is a matter of the environment (DOCKER_HOST, docker contexts); those arguments, pull, build.container_limits, build.http_timeout and build.use_config_proxy are not known.',
  ],
  run: work,
  check: work,
});
