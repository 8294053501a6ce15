import { defined } from '../../source/defined.ts';
import { jsonText } from '../../source/json.ts';
import { partAt } from '../../source/part-at.ts';
import { ModuleError } from '../kit/define.ts';
import { linesOf } from '../kit/text-file.ts';

const KEY_TYPE =
  /^((sk-|webauthn-sk-)?ecdsa-sha2-nistp(256|384|521)(-cert-v01)?(@openssh\.com)?|(sk-)?ssh-ed25519(-cert-v01)?(@openssh\.com)?|ssh-(rsa|dss|xmss)(-cert-v01)?(@openssh\.com)?|rsa-sha2-(256|512)(-cert-v01@openssh\.com)?)$/;

/** A line of authorized_keys that holds a key. */
export interface PublicKey {
  readonly type: string;
  readonly key: string;
  /** Options in order; `null` for one without a value. */
  readonly options: ReadonlyMap<string, string | null>;
  readonly comment: string;
}

/** Options are divided by commas, except within quotes; of one given twice the last counts. */
export function parseOptions(text: string): Map<string, string | null> {
  const parts = text.match(/(?:[^,"']|"[^"]*"|'[^']*')+/g) ?? [];
  return new Map(
    parts.map(part => {
      const at = part.indexOf('=');
      return at < 0 ? ([part, null] as const) : ([part.slice(0, at), part.slice(at + 1)] as const);
    }),
  );
}

/** A key with its options and comment; undefined for comments and lines that hold none. */
export function parseKey(line: string): PublicKey | undefined {
  const text = line.replaceAll('\\#', '#').trim();
  if (text.startsWith('#')) return undefined;
  const words = text.match(/(?:[^\s"]|"(?:\\.|[^"\\])*"|")+/g) ?? [];
  const at = words.findIndex(word => KEY_TYPE.test(word));
  if (at < 0 || words[at + 1] === undefined) return undefined;
  return {
    type: partAt(words, at),
    key: partAt(words, at + 1),
    options: parseOptions(words.slice(0, at).join(' ')),
    comment: words.slice(at + 2).join(' '),
  };
}

function formatKey({ type, key, options, comment }: PublicKey): string {
  const text = [...options].map(([name, value]) => (value === null ? name : `${name}=${value}`)).join(',');
  return `${text === '' ? '' : `${text} `}${type} ${key} ${comment}\n`;
}

const same = (a: PublicKey, b: PublicKey) =>
  a.type === b.type &&
  a.comment === b.comment &&
  jsonText([...a.options].sort()) === jsonText([...b.options].sort());

export interface KeyRequest {
  readonly key: string;
  readonly state: 'absent' | 'present';
  readonly key_options?: string;
  readonly comment?: string;
  readonly exclusive: boolean;
}

/** The keys an author gave, one a line. */
function wantedKeys(request: KeyRequest): PublicKey[] {
  const rows = request.key.split(/\r?\n/).filter(row => row.trim() !== '' && !row.trim().startsWith('#'));
  return rows.map(row => {
    const found = parseKey(row);
    if (!found) throw new ModuleError(`invalid key specified: ${row}`);
    return {
      ...found,
      ...(request.key_options !== undefined && { options: parseOptions(request.key_options) }),
      ...(request.comment !== undefined && { comment: request.comment }),
    };
  });
}

/** authorized_keys as wanted; the text itself when it is so already. Pure. */
export function editKeys(text: string, request: KeyRequest): string {
  const wanted = wantedKeys(request);
  const entries = linesOf(text).map(line => ({ line, key: parseKey(line) }));
  const inFile = new Map(entries.flatMap(e => (e.key ? [[e.key.key, e.key] as const] : [])));
  if (request.state === 'absent') {
    const gone = new Set(wanted.map(w => w.key));
    const kept = entries.filter(e => !e.key || !gone.has(e.key.key));
    return kept.length === entries.length ? text : kept.map(e => e.line).join('');
  }
  const settled = wanted.filter(
    w => inFile.has(w.key) && same(defined(inFile.get(w.key), 'the line before asked for it'), w),
  );
  const added = new Map(wanted.filter(w => !settled.includes(w)).map(w => [w.key, w]));
  const stays = new Set(settled.map(w => w.key));
  const kept = entries.filter(e =>
    request.exclusive ? e.key && stays.has(e.key.key) : !e.key || !added.has(e.key.key),
  );
  if (added.size === 0 && kept.length === entries.length) return text;
  const lines = kept.map(e => (e.line.endsWith('\n') ? e.line : `${e.line}\n`));
  return [...lines, ...[...added.values()].map(formatKey)].join('');
}
