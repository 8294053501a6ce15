import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { fetchFunction } from '../packages/fetch.ts';

const args = Type.Object({
  id: A.opt(A.str('Identifier of the key.')),
  data: A.opt(A.str('The key itself.')),
  file: A.opt(A.path('File of the key on the host.')),
  url: A.opt(A.str('URL that the host fetches.')),
  keyserver: A.opt(A.str('Server to get the key from, by id.')),
  keyring: A.opt(A.path('Keyring in /etc/apt/trusted.gpg.d.')),
  state: A.choice(['absent', 'present'], 'Whether the key should be there.', { default: 'present' }),
  validate_certs: A.bool('Check the certificate of a URL.', { default: true }),
});

type Args = Static<typeof args>;

interface Found {
  /** Identifiers of all trusted keys and subkeys, capitals. */
  readonly known: readonly string[];
  /** Identifiers in the key given. */
  readonly given: readonly string[];
}

const capitals = (id: string) => id.toUpperCase().replace(/^0X/, '');

function source(args: Args): string {
  if (args.data !== undefined) return `printf '%s\\n' ${quote(args.data)} >"$f"`;
  if (args.file !== undefined) return `cat ${quote(args.file)} >"$f"`;
  if (args.url !== undefined) return `${fetchFunction(args.validate_certs)}\nfetch ${quote(args.url)} "$f"`;
  return ':';
}

const aptKey_ = (args: Args) =>
  args.keyring === undefined ? 'apt-key' : `apt-key --keyring ${quote(args.keyring)}`;

const PREPARE = `command -v apt-key >/dev/null 2>&1 || exit 96
export APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE=1
f=$(mktemp) && trap 'rm -f "$f"' 0`;

const ids = (rows: string) =>
  [...rows.matchAll(/^(?:pub|sub):[^:]*:[^:]*:[^:]*:([0-9A-F]+):/gm)].map(m => partAt(m, 1));

const means = (wanted: string) => (id: string) => id.endsWith(wanted.slice(-16)) || wanted.endsWith(id);

export const aptKey = defineState({
  name: 'apt_key',
  summary: 'Adds and removes keys that apt trusts.',
  examples: `
- name: Trust the key of an internal mirror
  apt_key:
    url: https://mirror.example.com/key.asc
    keyring: /etc/apt/keyrings/internal.gpg
`,
  args,
  rules: {
    mutuallyExclusive: [['data', 'file', 'keyserver', 'url']],
    requiredIf: [['state', 'absent', ['id']]],
  },
  returns: { key_id: 'Identifier of the key.' },
  differences: [
    'Keys from a key server were tried on prepared answers only.',
    'Needs the program apt-key, which newer releases no longer have: deb822_repository with signed_by works on all of them.',
  ],
  touches: () => ['apt-keys'],

  *probe(args): Steps<Found> {
    if (args.state === 'present' && (args.data ?? args.file ?? args.url ?? args.keyserver) === undefined)
      throw new ModuleError('one of data, file, url or keyserver is needed to add a key');
    if (args.keyserver !== undefined && args.id === undefined)
      throw new ModuleError('keyserver needs the id of the key');
    const list = `${aptKey_(args)} adv --list-public-keys --with-colons 2>/dev/null`;
    const show =
      args.state === 'absent' || args.keyserver !== undefined
        ? ':'
        : `{ ${source(args)}\n} || exit 95\ngpg --batch --no-tty --with-colons --show-keys "$f" 2>/dev/null || exit 94`;
    const reply = yield* ask(`${PREPARE}\nbegin known; ${list}\nbegin given\n${show}`);
    if (reply.rc === 96)
      throw new ModuleError('this host has no apt-key any more: use deb822_repository with signed_by');
    if (reply.rc === 95)
      throw new ModuleError(
        `Failed to download key at ${args.url ?? args.file ?? 'data'}: ${reply.stderr.trim()}`,
      );
    if (reply.rc === 94) throw new ModuleError('the key given is not a key that gpg can read');
    return { known: ids(reply.text('known') ?? ''), given: ids(reply.text('given') ?? '') };
  },

  diff({ known, given }, args) {
    const id = args.id === undefined ? given[0] : capitals(args.id);
    if (id === undefined) throw new ModuleError('the key given has no identifier');
    if (args.id !== undefined && !/^(0x)?[0-9a-f]{8,40}$/i.test(args.id))
      throw new ModuleError('Invalid key_id');
    const there = known.some(means(id));
    if (args.state === 'absent')
      return { changes: there ? [`remove key ${id}`] : [], result: { key_id: id } };
    if (given.length > 0 && !given.some(means(id)))
      throw new ModuleError(`key does not seem to have been added: the key given is ${given[0]}, not ${id}`, {
        id,
      });
    return { changes: there ? [] : [`add key ${id}`], result: { key_id: id } };
  },

  *apply(_, args) {
    const script =
      args.state === 'absent'
        ? `${aptKey_(args)} del ${quote(capitals(defined(args.id, 'the caller asked for it')))}`
        : args.keyserver === undefined
          ? `{ ${source(args)}\n} && ${aptKey_(args)} add "$f"`
          : `${aptKey_(args)} adv --no-tty --keyserver ${quote(args.keyserver)} --recv ${quote(capitals(defined(args.id, 'the caller asked for it')))}`;
    const reply = yield* sh(`${PREPARE}\n${script}`, { live: true });
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `apt-key failed with exit code ${reply.rc}`, {
        rc: reply.rc,
      });
    return {};
  },
});
