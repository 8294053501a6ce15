import type { Static } from 'typebox';
import { fieldsOf } from '../../source/json.ts';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';

const args = Type.Object({
  name: A.str('Name of the link, such as editor.'),
  path: A.path('The program it should lead to.'),
  link: A.opt(A.path('The link; needed for a name the host does not know.')),
  priority: A.opt(A.int('Priority; 50 for a new alternative when not given.')),
  state: A.choice(
    ['present', 'selected', 'auto', 'absent'],
    'Known; known and chosen; known with an automatic choice; or not known.',
    {
      default: 'selected',
    },
  ),
  subcommands: A.opt(
    A.rawList('Links that follow this one: name, path and link of each.', { aliases: ['slaves'] }),
  ),
});

type Args = Static<typeof args>;

interface Follower {
  readonly name: string;
  readonly path: string;
  readonly link: string;
}

interface Alternative {
  readonly priority: number;
  readonly followers: readonly Follower[];
}

interface Found {
  readonly mode: string;
  readonly current: string | undefined;
  readonly link: string | undefined;
  readonly alternatives: ReadonlyMap<string, Alternative>;
  readonly exists: boolean;
}

/** What `update-alternatives --display` (or RedHat's `alternatives`) says. */
export function parseDisplay(text: string): Omit<Found, 'exists'> {
  const links = new Map(
    [...text.matchAll(/^[ \t]*(?:slave|follower) (\S+) is (.*)$/gm)].map(m => [partAt(m, 1), partAt(m, 2)]),
  );
  const alternatives = new Map(
    [
      ...text.matchAll(/^(\/.*)\s-\s(?:family\s\S+\s)?priority\s(\d+)((?:\n[ \t]+(?:slave|follower).*)*)/gm),
    ].map(m => [
      partAt(m, 1),
      {
        priority: Number(m[2]),
        followers: [...partAt(m, 3).matchAll(/^[ \t]+(?:slave|follower) (.*): (.*)$/gm)]
          .filter(f => f[2] !== '(null)')
          .map(f => ({ name: partAt(f, 1), path: partAt(f, 2), link: links.get(partAt(f, 1)) ?? '' })),
      },
    ]),
  );
  return {
    mode: /\s-\s(?:status\sis\s)?(\w*)(?:\smode|\.)$/m.exec(text)?.[1] ?? '',
    current: /^[ \t]*link currently points to (.*)$/m.exec(text)?.[1],
    link: /^[ \t]*link \w+ is (.*)$/m.exec(text)?.[1],
    alternatives,
  };
}

function followers(args: Args): readonly Follower[] | undefined {
  return args.subcommands?.map(raw => {
    const { name, path, link } = fieldsOf(raw);
    if (typeof name !== 'string' || typeof path !== 'string' || typeof link !== 'string')
      throw new ModuleError('each of subcommands needs name, path and link');
    return { name, path, link };
  });
}

const spelled = (list: readonly Follower[]) =>
  list
    .map(f => `${f.name} ${f.path}`)
    .sort()
    .join('\n');

interface Work {
  readonly commands: readonly string[];
  readonly messages: readonly string[];
}

/** What there is to do. Pure. */
function work(found: Found, args: Args): Work {
  const known = found.alternatives.get(args.path);
  const line = (...words: readonly string[]) => ['update-alternatives', ...words].map(quote).join(' ');
  if (args.state === 'absent')
    return known
      ? {
          commands: [line('--remove', args.name, args.path)],
          messages: [`Remove alternative '${args.path}' from '${args.name}'.`],
        }
      : { commands: [], messages: [] };
  const wanted = followers(args);
  const install =
    !known ||
    (args.priority !== undefined && args.priority !== known.priority) ||
    (wanted !== undefined && spelled(wanted) !== spelled(known.followers));
  const commands: string[] = [];
  const messages: string[] = [];
  if (install) {
    if (!found.exists) throw new ModuleError(`Specified path ${args.path} does not exist`);
    const link = args.link ?? found.link;
    if (link === undefined)
      throw new ModuleError(
        'Needed to install the alternative, but unable to do so as we are missing the link',
      );
    const slaves = (wanted ?? known?.followers ?? []).flatMap(f => ['--slave', f.link, f.name, f.path]);
    commands.push(
      line(
        '--install',
        link,
        args.name,
        args.path,
        String(args.priority ?? known?.priority ?? 50),
        ...slaves,
      ),
    );
    messages.push(`Install alternative '${args.path}' for '${args.name}'.`);
  }
  if (args.state === 'selected' && found.current !== args.path) {
    commands.push(line('--set', args.name, args.path));
    messages.push(`Set alternative '${args.path}' for '${args.name}'.`);
  }
  if (args.state === 'auto' && found.mode === 'manual') {
    commands.push(line('--auto', args.name));
    messages.push(`Set alternative to auto for '${args.name}'.`);
  }
  return { commands, messages };
}

export const alternatives = defineState({
  name: 'alternatives',
  aliases: ['community.general.alternatives'],
  summary: 'Keeps the choice between programs of one purpose.',
  examples: `
- name: Use psql of PostgreSQL 15
  alternatives:
    name: psql
    link: /usr/bin/psql
    path: /usr/lib/postgresql/15/bin/psql
`,
  args,
  returns: { msg: 'What was changed.' },
  touches: args => [`alternatives:${args.name}`],

  *probe(args): Steps<Found> {
    const reply = yield* ask(`PATH=$PATH:/usr/sbin:/sbin
command -v update-alternatives >/dev/null 2>&1 || exit 96
[ -e ${quote(args.path)} ] && field exists; begin display; update-alternatives --display ${quote(args.name)} 2>/dev/null; :`);
    if (reply.rc === 96)
      throw new ModuleError('Failed to find required executable "update-alternatives" in paths');
    return { ...parseDisplay(reply.text('display') ?? ''), exists: reply.has('exists') };
  },

  diff(found, args) {
    const { messages } = work(found, args);
    return { changes: messages, result: { msg: messages.join(' ') } };
  },

  *apply(found, args) {
    const reply = yield* sh(
      ['PATH=$PATH:/usr/sbin:/sbin', ...work(found, args).commands.map(c => `${c} || exit $?`)].join('\n'),
    );
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`, { rc: reply.rc });
    return {};
  },
});
