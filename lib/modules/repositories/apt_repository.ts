import type { Static } from 'typebox';
import { textOf } from '../../source/bytes.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { linesOf, toBytes } from '../kit/text-file.ts';

const args = Type.Object({
  repo: A.str('The line of the source, such as "deb http://deb.debian.org/debian bookworm main".'),
  state: A.choice(['absent', 'present'], 'Whether the source should be there.', { default: 'present' }),
  filename: A.opt(A.str('Name of a new file in sources.list.d, without .list.')),
  mode: A.mode('Permissions of a new file.', { default: '0644' }),
  update_cache: A.bool('Fetch the package lists after a change.', {
    default: true,
    aliases: ['update-cache'],
  }),
  update_cache_retries: A.int('How often to try fetching the lists.', { default: 5 }),
  update_cache_retry_max_delay: A.int('Longest pause between two tries, in seconds.', { default: 12 }),
  codename: A.opt(A.str('Release name to use for a PPA.')),
  validate_certs: A.bool('Accepted; apt checks certificates by itself.', { default: true }),
  install_python_apt: A.bool('Accepted and without meaning.', { default: true }),
});

type Args = Static<typeof args>;

interface Source {
  readonly valid: boolean;
  readonly enabled: boolean;
  readonly source: string;
  readonly comment: string;
}

/** A line of a sources file, blanks squeezed. */
export function parseSource(line: string): Source {
  const trimmed = line.trim();
  const enabled = !trimmed.startsWith('#');
  const body = enabled ? trimmed : trimmed.slice(1);
  const hash = body.indexOf('#');
  const text = (hash > 0 ? body.slice(0, hash) : body).trim();
  const words = text.split(/\s+/);
  const valid = words[0] === 'deb' || words[0] === 'deb-src' || words[0] === 'ppa';
  return {
    valid,
    enabled,
    source: valid ? words.join(' ') : text,
    comment: hash > 0 ? body.slice(hash + 1).trim() : '',
  };
}

const DIR = '/etc/apt/sources.list.d';

/** The file a new source goes to: named after its URL. */
export function suggestFile(source: string, filename: string | undefined): string {
  const [url = ''] = source
    .replace(/\[[^\][]+\]/, '')
    .replace(/\b\w+:\/\//, '')
    .split(/\s+/)
    .filter(w => w !== 'deb' && w !== 'deb-src' && w !== '');
  const name =
    filename ??
    url
      .replace(/^[^@]*@/, '')
      .split(/[^A-Za-z0-9]+/)
      .filter(Boolean)
      .join('_');
  const file = `${name}.list`;
  return file.includes('/') ? file : `${DIR}/${file}`;
}

const written = (s: Source) => `${s.enabled ? '' : '# '}${s.source}${s.comment ? ` # ${s.comment}` : ''}\n`;

/** Files to write: path → new text. Pure. */
export function editSources(
  files: ReadonlyMap<string, string>,
  args: Pick<Args, 'repo' | 'state' | 'filename'>,
): Map<string, string> {
  const wanted = parseSource(toBytes(args.repo));
  if (!wanted.valid || !wanted.enabled) throw new ModuleError(`Invalid repository string: ${args.repo}`);
  const edits = new Map<string, string>();
  let there = false;
  for (const [path, text] of files) {
    const after = linesOf(text)
      .flatMap(line => {
        const found = parseSource(line);
        if (!found.valid || found.source !== wanted.source) return [line];
        there = true;
        if (args.state === 'absent') return found.enabled ? [] : [line];
        return found.enabled ? [line] : [written({ ...found, enabled: true })];
      })
      .join('');
    if (after !== text) edits.set(path, after);
  }
  if (args.state === 'present' && !there) {
    const path = suggestFile(wanted.source, args.filename);
    const text = files.get(path) ?? '';
    edits.set(
      path,
      `${text}${text !== '' && !text.endsWith('\n') ? '\n' : ''}${written({ ...wanted, comment: '' })}`,
    );
  }
  return edits;
}

const PPA = /^ppa:/;

/** A PPA's line for the release of the host. */
function expandPpa(args: Args, release: string): Args {
  if (!PPA.test(args.repo)) return args;
  const [owner = '', name = 'ppa'] = args.repo.slice(4).split('/');
  const codename = args.codename ?? release;
  return {
    ...args,
    repo: `deb http://ppa.launchpad.net/${owner}/${name}/ubuntu ${codename} main`,
    filename: args.filename ?? `ppa_${owner}_${name}_${codename}`.replaceAll(/[^A-Za-z0-9]+/g, '_'),
  };
}

interface Found {
  readonly files: ReadonlyMap<string, string>;
  readonly release: string;
}

export const aptRepository = defineState({
  name: 'apt_repository',
  summary: 'Keeps package sources of apt, one line each.',
  examples: `
- name: Add an internal mirror
  apt_repository:
    repo: deb https://mirror.example.com/debian bookworm main
    filename: internal
`,
  args,
  returns: { repo: 'The line.', state: 'State wanted.' },
  differences: [
    'Nothing is installed on the host for our own sake: no python3-apt.',
    'The key of a PPA is not fetched: give it with deb822_repository and signed_by.',
  ],
  touches: () => ['/etc/apt/sources.list', DIR],

  *probe(args): Steps<Found> {
    if (args.repo === '') throw new ModuleError("Please set argument 'repo' to a non-empty value");
    const records = yield* ask(
      `. /etc/os-release 2>/dev/null; field release "$VERSION_CODENAME"\nfor f in /etc/apt/sources.list ${DIR}/*.list; do [ -f "$f" ] && { field name "$f"; begin content; cat "$f"; }; done; :`,
    );
    const contents = records.all('content');
    const files = records
      .all('name')
      .map((name, i) => [textOf(name), (contents[i] ?? Buffer.alloc(0)).toString('latin1')] as const);
    return { files: new Map(files), release: records.text('release') ?? '' };
  },

  diff(found, args) {
    const edits = [...editSources(found.files, expandPpa(args, found.release))];
    return {
      changes: edits.map(([path]) => `${path}: ${args.state === 'present' ? '' : 'without '}${args.repo}`),
      ...(edits.length > 0 && {
        diff: edits.map(([path, after]) => ({
          before: Buffer.from(found.files.get(path) ?? '', 'latin1').toString(),
          after: Buffer.from(after, 'latin1').toString(),
          beforeHeader: found.files.has(path) ? path : '/dev/null',
          afterHeader: after === '' ? '/dev/null' : path,
        })),
      }),
      result: { repo: args.repo, state: args.state },
    };
  },

  *apply(found, args) {
    const edits = [...editSources(found.files, expandPpa(args, found.release))];
    const bytes = (text: string) => quote(Buffer.from(text, 'latin1').toString());
    const put = (path: string, text: string | undefined) => {
      const p = quote(path);
      if (text === undefined || text === '') return `rm -f ${p}`;
      const mode = found.files.has(path) ? `chmod --reference=${p} ${p}.new` : `chmod ${args.mode} ${p}.new`;
      return `mkdir -p ${quote(path.replace(/\/[^/]*$/, ''))} && printf %s ${bytes(text)} >${p}.new && ${mode} && mv -f ${p}.new ${p}`;
    };
    const back = edits.map(([path]) => put(path, found.files.get(path))).join('; ');
    const update = `n=0; d=1; until e=$(DEBIAN_FRONTEND=noninteractive apt-get -q -o APT::Update::Error-Mode=any -o DPkg::Lock::Timeout=60 update 2>&1); do
  n=$((n + 1)); if [ $n -ge ${Math.max(1, args.update_cache_retries)} ]; then ${back}; printf '%s\\n' "$e" >&2; exit 95; fi
  sleep $d; d=$((d * 2)); [ $d -gt ${args.update_cache_retry_max_delay} ] && d=${args.update_cache_retry_max_delay}
done`;
    const lines = [
      ...edits.map(([path, text]) => `{ ${put(path, text)}; } || exit $?`),
      ...(args.update_cache ? [update] : []),
    ];
    const reply = yield* sh(lines.join('\n'), { live: true });
    if (reply.rc === 95)
      throw new ModuleError(`Failed to update apt cache: ${reply.stderr.trim()}`, { repo: args.repo });
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`, { repo: args.repo });
    return {};
  },
});
