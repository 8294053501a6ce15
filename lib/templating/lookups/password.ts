import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Dict, Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { Random } from '../crypt/mersenne.ts';
import { passwordHash, randomText } from '../crypt/password-hash.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
import { itemsOf } from '../python/types.ts';
import { type LookupTable, lookup } from './lookup.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const DIGITS = '0123456789';

/** Names of sets of characters that `chars` may use. */
const SETS: ReadonlyMap<string, string> = new Map([
  ['ascii_letters', LETTERS],
  ['ascii_lowercase', LETTERS.slice(0, 26)],
  ['ascii_uppercase', LETTERS.slice(26)],
  ['digits', DIGITS],
  ['hexdigits', '0123456789abcdefABCDEF'],
  ['octdigits', '01234567'],
  ['punctuation', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'],
  ['whitespace', ' \t\n\r\v\f'],
]);

const OPTIONS = ['length', 'encrypt', 'chars', 'ident', 'seed'];

interface Settings {
  readonly path: string;
  readonly length: number;
  readonly encrypt: string | undefined;
  readonly alphabet: string;
  readonly seed: Value | undefined;
}

/** `path length=20 chars=ascii_letters,digits encrypt=sha512_crypt` */
function settingsOf(term: string, options: Dict): Settings {
  const settings = new Map<string, Value>([...options].map(([name, value]) => [str(name), value]));
  const words: string[] = [];
  for (const word of term.split(/\s+/)) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(word) ?? [];
    if (OPTIONS.includes(name)) settings.set(name, value);
    else if (words.length > 0 && name !== '')
      throw fault(
        `Unrecognized parameter(s) given to password lookup: ${name}`,
        `it knows ${OPTIONS.join(', ')}`,
      );
    else if (words.length > 0 && settings.size > options.size)
      throw fault('Unrecognized value after key=value parameters given to password lookup');
    else words.push(word);
  }
  const length = Number(settings.get('length') ?? 20);
  if (!Number.isInteger(length) || length < 1 || length > 10_000)
    throw fault('the length must be from 1 to 10000');
  const encrypt = settings.get('encrypt');
  return {
    path: words.join(' '),
    length,
    encrypt: encrypt === undefined || !truthy(encrypt) ? undefined : str(encrypt),
    alphabet: alphabetOf(settings.get('chars')),
    seed: settings.get('seed') ?? undefined,
  };
}

function alphabetOf(chars: Value | undefined): string {
  if (chars === undefined || chars === null) return `${LETTERS}${DIGITS}.,:-_`;
  const names = itemsOf(chars)?.map(str) ?? splitSets(str(chars));
  const alphabet = [...new Set(names.map(name => SETS.get(name) ?? name).join(''))].join('');
  if (alphabet === '') throw fault('there are no characters to choose from');
  return alphabet;
}

/** A comma separates; two in a row mean the comma itself. */
function splitSets(chars: string): string[] {
  const sets = chars
    .replaceAll(',,', ',')
    .split(',')
    .filter(set => set !== '');
  return chars.includes(',,') ? [...sets, ','] : sets;
}

function generate({ alphabet, length, seed }: Settings): string {
  const all = Array.from(alphabet);
  const random = seed === undefined ? undefined : new Random(seed);
  const pick = (limit: number) => (random ? random.below(limit) : randomInt(limit));
  return Array.from({ length }, () => all[pick(all.length)]).join('');
}

/** The password of a file of the control machine, made and kept there at the first use. */
function password(context: Context, settings: Settings): string {
  const { path, encrypt } = settings;
  if (path === '/dev/null') return finished(generate(settings), undefined, encrypt);
  const folder = context.vars.get('playbook_dir');
  const file = isAbsolute(path) ? path : join(typeof folder === 'string' ? folder : '.', path);
  const kept = existsSync(file) ? readFileSync(file, 'utf8').replace(/\s+$/, '') : undefined;
  const [, plain = '', known] = /^(.*?)(?: salt=(\S+))?$/s.exec(kept ?? '') ?? [];
  const text = kept === undefined ? generate(settings) : plain;
  const salt = known ?? (encrypt === undefined ? undefined : randomText(/md5/.test(encrypt) ? 8 : 16));
  if (context.options.readOnly && kept === undefined) {
    throw fault(`there is no password file ${file}`, 'it is made by the run that deploys');
  }
  // A dry run keeps nothing; a random text that is thrown away stands for the password that the real run will make.
  const mayKeep = !context.options.readOnly && context.vars.get('ansible_check_mode') !== true;
  if (mayKeep && (kept === undefined || salt !== known))
    keep(file, salt === undefined ? text : `${text} salt=${salt}`);
  return finished(text, salt, encrypt);
}

function finished(text: string, salt: string | undefined, encrypt: string | undefined): string {
  if (encrypt === undefined) return text;
  return passwordHash(text, { type: encrypt, salt, saltSize: undefined, rounds: undefined });
}

function keep(file: string, content: string): void {
  const made = mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // From the first moment no `git add .` takes it along.
  if (made !== undefined && basename(dirname(file)) === 'credentials')
    writeFileSync(join(dirname(file), '.gitignore'), '*\n');
  writeFileSync(file, `${content}\n`, { mode: 0o600 });
}

/** Passwords that are made once and then stay. */
export const passwordLookups: LookupTable = {
  password: lookup((context, terms, options) =>
    terms.map(term => password(context, settingsOf(str(term), options))),
  ),
  random_string: lookup((_context, _terms, options) => {
    const length = Number(options.get('length') ?? 8);
    const isOn = (name: string) => (options.get(name) ?? true) !== false;
    const sets = [
      isOn('upper') ? LETTERS.slice(26) : '',
      isOn('lower') ? LETTERS.slice(0, 26) : '',
      isOn('numbers') ? DIGITS : '',
      isOn('special') ? str(options.get('override_special') ?? SETS.get('punctuation') ?? '') : '',
    ];
    return [randomText(length, sets.join(''))];
  }),
};
