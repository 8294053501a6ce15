import type { Static } from 'typebox';
import { textOf } from '../../source/bytes.ts';
import { defined } from '../../source/defined.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';
import { fetchFunction } from '../packages/fetch.ts';

const bool = (description: string) => A.opt(A.bool(description));
const list = (description: string) => A.opt(A.list(description));

const args = Type.Object({
  name: A.str('Name of the repository; the file is named after it.'),
  state: A.choice(['present', 'absent'], 'Whether the repository should be there.', { default: 'present' }),
  types: A.list('Kinds of package: deb, deb-src.', { default: ['deb'] }),
  uris: list('Where the repository is.'),
  suites: list('Its suites, such as bookworm or bookworm-pgdg.'),
  components: list('Its components, such as main.'),
  architectures: list('Architectures to use.'),
  signed_by: A.opt(
    A.str('The key: a URL that the host fetches, a file on the host, a fingerprint, or the key itself.'),
  ),
  enabled: bool('Whether the repository is used.'),
  languages: list('Translations to fetch.'),
  targets: list('Kinds of index to fetch.'),
  allow_downgrade_to_insecure: bool('Accept packages that were authenticated before and no longer are.'),
  allow_insecure: bool('Accept a repository without signature.'),
  allow_weak: bool('Accept a weak signature.'),
  by_hash: bool('Fetch indexes by their hash.'),
  check_date: bool('Check dates.'),
  check_valid_until: bool('Check how long the lists are valid.'),
  date_max_future: A.opt(A.int('Seconds that dates may be ahead.')),
  inrelease_path: A.opt(A.str('Place of the InRelease file.')),
  pdiffs: bool('Fetch differences of indexes.'),
  trusted: bool('Trust the repository whatever its signature, or never.'),
  mode: A.mode('Permissions of the file.', { default: '0644' }),
  exclude: list('Packages to leave out.'),
  include: list('Packages to take, and no others.'),
  install_python_debian: A.bool('Accepted and without meaning.', { default: true }),
});

type Args = Static<typeof args>;

interface Found extends TextFile {
  readonly keyFile: string;
  /** The key as the host fetched it differs from the one in place. */
  readonly keyDiffers: boolean;
  readonly oldKeys: readonly string[];
  readonly signedByFile: boolean;
}

const KEYRINGS = '/etc/apt/keyrings';

export const slugOf = (name: string) =>
  name
    .toLowerCase()
    .replaceAll(/[_\s]+/g, '-')
    .replaceAll(/[^a-z0-9-]+/g, '');

const sourcesFile = (args: Args) => `/etc/apt/sources.list.d/${slugOf(args.name)}.sources`;

const isUrl = (text: string | undefined): text is string =>
  text !== undefined && /^[a-z][a-z0-9+.-]*:\/\//.test(text);

/** Lines after the first are indented, empty ones are a dot. */
const multiline = (value: string) =>
  `\n${value
    .trim()
    .split('\n')
    .map(line => `    ${line.trim() || '.'}`)
    .join('\n')}`;

const HEADINGS: Readonly<Record<string, string>> = { name: 'X-Repolib-Name', uris: 'URIs' };
const FIELDS = [
  'allow_downgrade_to_insecure',
  'allow_insecure',
  'allow_weak',
  'architectures',
  'by_hash',
  'check_date',
  'check_valid_until',
  'components',
  'date_max_future',
  'enabled',
  'exclude',
  'include',
  'inrelease_path',
  'languages',
  'name',
  'pdiffs',
  'signed_by',
  'suites',
  'targets',
  'trusted',
  'types',
  'uris',
] as const;

/** The text of the file. Pure. */
export function renderSource(args: Args, signedBy: string | undefined): string {
  const settings: Record<string, Json | undefined> = {
    ...args,
    signed_by: signedBy,
  };
  return FIELDS.flatMap(key => {
    const value = settings[key];
    if (value === undefined) return [];
    const text =
      typeof value === 'boolean'
        ? value
          ? 'yes'
          : 'no'
        : Array.isArray(value)
          ? value.join(' ')
          : String(value);
    const heading =
      HEADINGS[key] ??
      key
        .split('_')
        .map(w => w.charAt(0).toUpperCase() + w.slice(1))
        .join('-');
    const body = text.includes('\n') ? multiline(text) : ` ${text}`;
    return [`${heading}:${body}\n`];
  }).join('');
}

// The key is fetched each time: only so can it be noticed that it changed.
function keyScript(args: Args): string {
  const stem = `${KEYRINGS}/${slugOf(args.name)}`;
  const old = `for k in ${stem}.asc ${stem}.gpg; do [ -e "$k" ] && field old "$k"; done`;
  if (args.state === 'absent') return old;
  if (!isUrl(args.signed_by)) return `[ -f ${quote(args.signed_by ?? '')} ] && field file; ${old}`;
  return `${fetchFunction(true)}
t=$(mktemp -d) || exit 95; trap 'rm -rf "$t"' 0
e=$(fetch ${quote(args.signed_by)} "$t/key" 2>&1) || { field unfetched "$(echo "$e" | tail -n 1)"; exit; }
if grep -q -e '-----BEGIN PGP PUBLIC KEY BLOCK-----' "$t/key"; then k=${stem}.asc; else k=${stem}.gpg; fi
field key "$k"; cmp -s "$t/key" "$k" || field differs`;
}

export const deb822Repository = defineState({
  name: 'deb822_repository',
  summary: 'Keeps package sources of apt in files of the deb822 format, with their keys.',
  examples: `
- name: Add an internal mirror
  deb822_repository:
    name: internal
    uris: https://mirror.example.com/debian
    suites: bookworm
    components: main
    signed_by: /etc/apt/keyrings/internal.asc
`,
  args,
  returns: { repo: 'Text of the file.', dest: 'The file.', key_filename: 'File of the key.' },
  differences: ['Nothing is installed on the host for our own sake: no python3-debian.'],
  touches: args => [sourcesFile(args), `${KEYRINGS}/${slugOf(args.name)}`],

  *probe(args): Steps<Found> {
    const wrong = args.types.find(type => type !== 'deb' && type !== 'deb-src');
    if (wrong !== undefined)
      throw new ModuleError(
        `value of types must be one or more of: deb, deb-src. Got no match for: ${wrong}`,
      );
    const found = yield* readText(sourcesFile(args), keyScript(args));
    const { records } = found;
    const unfetched = records.text('unfetched');
    if (unfetched !== undefined) throw new ModuleError(`Could not fetch signed_by key: ${unfetched}`);
    return {
      ...found,
      keyFile: records.text('key') ?? '',
      keyDiffers: records.has('differs'),
      oldKeys: records.all('old').map(textOf),
      signedByFile: records.has('file'),
    };
  },

  diff(found, args) {
    const path = found.file.path;
    if (args.state === 'absent') {
      const gone = [...(found.text === undefined ? [] : [path]), ...found.oldKeys];
      return {
        changes: gone.map(file => `remove ${file}`),
        ...(found.text !== undefined && { diff: [textDiff(found.text, '', path)] }),
        result: { repo: null, dest: path, key_filename: found.oldKeys[0] ?? null },
      };
    }
    const after = wanted(found, args);
    const edit = toBytes(after) !== found.text;
    const mode =
      found.file.status !== undefined &&
      found.file.status.mode !== Number.parseInt(args.mode, 8) &&
      /^0?[0-7]+$/.test(args.mode);
    return {
      changes: [
        ...(found.keyDiffers ? [`write ${found.keyFile}`] : []),
        ...(edit ? [`write ${path}`] : mode ? [`${path}: mode`] : []),
      ],
      ...(edit && { diff: [textDiff(found.text, toBytes(after), found.file.path)] }),
      result: {
        repo: after,
        dest: path,
        key_filename: found.keyFile || (found.signedByFile ? (args.signed_by ?? null) : null),
      },
    };
  },

  *apply(found, args) {
    if (args.state === 'absent') {
      const reply = yield* sh(`rm -f ${[found.file.path, ...found.oldKeys].map(quote).join(' ')}`);
      if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim());
      return {};
    }
    if (found.keyDiffers) yield* writeKey(args, found.keyFile);
    yield* writeText(found, toBytes(wanted(found, args)), { wanted: { mode: args.mode }, makeParents: true });
    return {};
  },
});

const wanted = (found: Found, args: Args) =>
  renderSource(args, isUrl(args.signed_by) ? found.keyFile : args.signed_by);

function* writeKey(args: Args, file: string): Steps<void> {
  const reply = yield* sh(`${fetchFunction(true)}
[ -d ${KEYRINGS} ] || mkdir -m 755 ${KEYRINGS} || exit $?
k=${quote(file)}; trap 'rm -f "$k.new"' 0
fetch ${quote(defined(args.signed_by, 'a key comes from signed_by'))} "$k.new" && chmod 644 "$k.new" && mv -f "$k.new" "$k"`);
  if (reply.rc !== 0) throw new ModuleError(`Could not fetch signed_by key: ${reply.stderr.trim()}`);
}
