import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { fetchFunction } from '../packages/fetch.ts';

interface Found {
  /** Identifiers of the keys meant, small letters, the last eight digits. */
  readonly ids: readonly string[];
  readonly fingerprints: readonly string[];
  readonly known: ReadonlySet<string>;
}

const isId = (key: string) => /^(0x)?[0-9a-fA-F]{8,40}$/.test(key);

/** Tells the `key` (its fingerprint) of each key in a file; gpg reads it, or rpm's own tool where there is no gpg. */
const IDENTIFY = `identify() {
  if command -v gpg >/dev/null 2>&1; then
    h=$(mktemp -d) && chmod 700 "$h"
    gpg --homedir "$h" --no-tty --batch --with-colons --with-fingerprint --show-keys "$1" 2>/dev/null |
      while IFS=: read -r t _ _ _ id _ _ _ _ fpr _; do case $t in pub) p=1;; sub) p=;; fpr) [ -z "$p" ] || { field key "$fpr"; p=; };; esac; done
    rm -rf "$h"
  else echo 'this host has no gpg to read the key with' >&2; return 1; fi
}`;

function source(key: string, validate: boolean): string {
  if (!key.includes('://'))
    return `f=${quote(key)}; [ -r "$f" ] || { echo "Not a valid key "${quote(key)} >&2; exit 95; }`;
  return `${fetchFunction(validate)}
f=$(mktemp) && trap 'rm -f "$f"' 0; e=$(fetch ${quote(key)} "$f" 2>&1) || { echo "failed to fetch key at "${quote(key)}", error was: $e" >&2; exit 95; }`;
}

const short = (id: string) => id.replace(/^0x/i, '').toLowerCase().slice(-8);

export const rpmKey = defineState({
  name: 'rpm_key',
  summary: 'Adds and removes keys that RPM packages are signed with.',
  examples: `
- name: Trust the key of an internal mirror
  rpm_key: {key: "https://mirror.example.com/RPM-GPG-KEY-internal"}
`,
  args: Type.Object({
    key: A.str('URL that the host fetches, file on the host, or identifier of a key it has.'),
    state: A.choice(['absent', 'present'], 'Whether the key should be there.', { default: 'present' }),
    fingerprint: A.opt(A.str('Fingerprint that the key must have.')),
    validate_certs: A.bool('Check the certificate of a URL.', { default: true }),
  }),
  differences: ['Tried with rpm of Debian, not on a host of the Red Hat family.'],
  touches: () => ['rpm-keys'],

  *probe({ key, validate_certs }): Steps<Found> {
    const keys = isId(key) ? '' : `${source(key, validate_certs)}\n${IDENTIFY}\nidentify "$f" || exit 95\n`;
    const reply = yield* ask(
      `command -v rpm >/dev/null 2>&1 || exit 96\n${keys}begin known; rpm -q gpg-pubkey --qf '%{VERSION}\\n'; :`,
    );
    if (reply.rc === 96) throw new ModuleError('this host has no rpm: it does not use RPM packages');
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim());
    const fingerprints = reply.all('key').map(key => key.toString().toLowerCase());
    const known = (reply.text('known') ?? '').split('\n').filter(isId).map(short);
    return { ids: isId(key) ? [short(key)] : fingerprints.map(short), fingerprints, known: new Set(known) };
  },

  diff({ ids, fingerprints, known }, { key, state, fingerprint }) {
    if (ids.length === 0) throw new ModuleError(`Not a valid key ${key}`);
    const wanted = fingerprint?.replaceAll(' ', '').toLowerCase();
    if (wanted !== undefined && !fingerprints.includes(wanted))
      throw new ModuleError(
        `The specified fingerprint, '${wanted}', does not match any key fingerprints in '${key}'`,
      );
    const there = ids.every(id => known.has(id));
    const any = ids.some(id => known.has(id));
    if (state === 'present') {
      if (!there && isId(key)) throw new ModuleError('When importing a key, a valid file must be given');
      return { changes: there ? [] : [`import key ${ids.join(', ')}`] };
    }
    return { changes: any ? [`remove key ${ids.join(', ')}`] : [] };
  },

  *apply({ ids, known }, { key, state, validate_certs }) {
    const script =
      state === 'present'
        ? `${source(key, validate_certs)}\nrpm --import "$f"`
        : ids
            .filter(id => known.has(id))
            .map(id => `rpm --erase --allmatches ${quote(`gpg-pubkey-${id}`)} || exit $?`)
            .join('\n');
    const reply = yield* sh(script);
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `rpm failed with exit code ${reply.rc}`, { rc: reply.rc });
    return {};
  },
});
