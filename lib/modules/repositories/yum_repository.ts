import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { iniPair } from '../../source/ini-text.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { attributeArgs, attributeChanges } from '../kit/attributes.ts';
import { defineState, ModuleError, mustSh, quote } from '../kit/define.ts';
import { attributesFound } from '../kit/stat.ts';
import { linesOf, readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';
import { applyAttributes } from '../kit/write-file.ts';

/** Settings of a repository that are written as they are; yum.conf(5) and dnf.conf(5) say what they mean. */
const PLAIN = [
  'bandwidth',
  'cost',
  'deltarpm_metadata_percentage',
  'deltarpm_percentage',
  'failovermethod',
  'gpgcakey',
  'http_caching',
  'include',
  'ip_resolve',
  'keepcache',
  'metadata_expire',
  'metadata_expire_filter',
  'metalink',
  'mirrorlist',
  'mirrorlist_expire',
  'priority',
  'proxy',
  'proxy_username',
  'retries',
  'throttle',
  'timeout',
  'ui_repoid_vars',
  'username',
] as const;
const BOOLEAN = [
  'async',
  'enabled',
  'enablegroups',
  'gpgcheck',
  'keepalive',
  'module_hotfixes',
  'protect',
  'repo_gpgcheck',
  's3_enabled',
  'skip_if_unavailable',
  'ssl_check_cert_permissions',
] as const;

const plain = (name: string) => A.opt(A.str(`Setting ${name} of the repository.`));
const switches = (name: string) => A.opt(A.bool(`Setting ${name} of the repository.`));
type Plain = { [K in (typeof PLAIN)[number]]: ReturnType<typeof plain> };
type Switches = { [K in (typeof BOOLEAN)[number]]: ReturnType<typeof switches> };

const args = Type.Object({
  name: A.str('Identifier of the repository: the heading of its section.'),
  description: A.opt(A.str('Its name for people.')),
  baseurl: A.opt(A.list('Its URLs.')),
  gpgkey: A.opt(A.list('URLs of the keys its packages are signed with.')),
  exclude: A.opt(A.list('Packages to leave out.', { aliases: ['excludepkgs'] })),
  includepkgs: A.opt(A.list('Packages to take, and no others.')),
  sslverify: A.opt(A.bool('Check the certificate of the server.', { aliases: ['validate_certs'] })),
  sslcacert: A.opt(A.str('Directory of the authorities to trust.', { aliases: ['ca_cert'] })),
  sslclientcert: A.opt(A.str('Certificate to show to the server.', { aliases: ['client_cert'] })),
  sslclientkey: A.opt(A.str('Key of that certificate.', { aliases: ['client_key'] })),
  password: A.opt(A.str('Password for the server.', { secret: true })),
  proxy_password: A.opt(A.str('Password for the proxy.', { secret: true })),
  file: A.opt(A.str('Name of the file without .repo; the identifier when not given.')),
  reposdir: A.path('Directory of the file.', { default: '/etc/yum.repos.d' }),
  state: A.choice(['absent', 'present'], 'Whether the repository should be there.', { default: 'present' }),
  // Object.fromEntries forgets the names.
  ...(Object.fromEntries(PLAIN.map(name => [name, plain(name)])) as Plain),
  // As above.
  ...(Object.fromEntries(BOOLEAN.map(name => [name, switches(name)])) as Switches),
  ...attributeArgs,
});

type Args = Static<typeof args>;

const LISTED = ['exclude', 'includepkgs'];
const OWN = [
  'baseurl',
  'gpgkey',
  ...LISTED,
  'sslverify',
  'sslcacert',
  'sslclientcert',
  'sslclientkey',
  'password',
  'proxy_password',
];

/** The settings in the order they are written, as text. */
function settings(args: Args): (readonly [string, string])[] {
  const settings: Readonly<Record<string, Json | undefined>> = args;
  const text = (key: string, value: Json): string => {
    if (Array.isArray(value)) return value.join(LISTED.includes(key) ? ' ' : '\n\t');
    return typeof value === 'boolean' ? (value ? '1' : '0') : String(value);
  };
  return [...PLAIN, ...BOOLEAN, ...OWN]
    .filter(key => settings[key] !== undefined)
    .map(key => [key, text(key, settings[key] ?? null)] as const)
    .concat([['name', args.description ?? '']])
    .sort(([x], [y]) => (x < y ? -1 : 1));
}

interface Section {
  readonly name: string;
  readonly body: string;
}

/** Sections as they are spelled; comments before the first are dropped, as Ansible drops them. */
function sections(text: string): Section[] {
  const found: { name: string; body: string }[] = [];
  for (const line of linesOf(text)) {
    const heading = /^\[(.*)\]\s*$/.exec(line)?.[1];
    if (heading !== undefined) found.push({ name: heading, body: '' });
    else if (line.trim() !== '' && !/^\s*[#;]/.test(line) && found.length > 0) {
      const pair = iniPair(line);
      defined(found.at(-1), 'the line before asked for a section').body += pair
        ? `${pair[0].toLowerCase()} = ${pair[1]}\n`
        : `\t${line.trim()}\n`;
    }
  }
  return found;
}

const written = (list: readonly Section[]) => list.map(s => `[${s.name}]\n${s.body}\n`).join('');

/** Order of settings within a section does not count when comparing. */
const sorted = (list: readonly Section[]) =>
  list
    .map(s => `[${s.name}]\n${(s.body.match(/^\t*[^\t\n][^\n]*\n(\t[^\n]*\n)*/gm) ?? []).sort().join('')}`)
    .sort()
    .join('');

/** The file as wanted; the text itself when it says the same already. Pure. */
export function editRepositories(text: string, args: Args): string {
  const found = sections(text);
  const others = found.filter(s => s.name !== toBytes(args.name));
  const body = settings(args)
    .map(([key, value]) => `${key} = ${toBytes(value)}\n`)
    .join('');
  const wanted = args.state === 'absent' ? others : [...others, { name: toBytes(args.name), body }];
  return sorted(wanted) === sorted(found) ? text : written(wanted);
}

const PASSWORD = /^[ \t]*(password|proxy_password)[ \t]*[=:][ \t]*(.*)$/gim;

/** The text without its passwords, neither the wanted one nor the one that was there. */
const shown = (text: string, args: Args): string =>
  text.replace(PASSWORD, (_, name: string, value: string) => {
    const key = name.toLowerCase() as 'password' | 'proxy_password';
    const wanted = args[key] !== undefined && toBytes(args[key]) === value;
    return `${key} = ${wanted ? '(as wanted)' : '(another one)'}`;
  });

const pathOf = (args: Args) => `${args.reposdir}/${args.file ?? args.name}.repo`;

export const yumRepository = defineState({
  name: 'yum_repository',
  summary: 'Keeps repositories of yum and dnf.',
  examples: `
- name: Add an internal mirror
  yum_repository:
    name: internal
    description: Internal packages
    baseurl: https://mirror.example.com/el9
    gpgkey: https://mirror.example.com/RPM-GPG-KEY-internal
    gpgcheck: true
`,
  args,
  returns: { repo: 'Identifier of the repository.', state: 'State wanted.' },
  differences: [
    'Values of other repositories in the file are left alone, but comments are dropped when the file changes.',
  ],
  touches: args => [pathOf(args)],

  *probe(args) {
    if (args.state === 'present' && args.description === undefined)
      throw new ModuleError("Parameter 'description' is required.");
    if (args.state === 'present' && (args.baseurl ?? args.metalink ?? args.mirrorlist) === undefined)
      throw new ModuleError(
        "Parameter 'baseurl', 'metalink' or 'mirrorlist' is required for adding a new repo.",
      );
    return yield* readText(pathOf(args));
  },

  diff(found: TextFile, args, ctx) {
    if (found.file.parent === 'missing')
      throw new ModuleError(`Repo directory '${args.reposdir}' does not exist.`);
    const after = editRepositories(found.text ?? '', args);
    const edit = after !== (found.text ?? '');
    const { status } = found.file;
    const attributes =
      status && args.state === 'present'
        ? attributeChanges(attributesFound({ ...found.file, status }), args, found.file.path, ctx.checkMode)
        : undefined;
    return {
      changes: [...(edit ? [`${found.file.path}: [${args.name}]`] : []), ...(attributes?.changes ?? [])],
      ...(edit && {
        diff: [textDiff(found.text && shown(found.text, args), shown(after, args), found.file.path)],
      }),
      result: { repo: args.name, state: args.state },
    };
  },

  *apply(found, args, ctx) {
    const after = editRepositories(found.text ?? '', args);
    const { status, path, realPath } = found.file;
    if (after === '' && args.state === 'absent')
      yield* mustSh(`Cannot remove empty repo file ${path}.`, `rm -f ${quote(realPath)}`);
    else if (after !== (found.text ?? '')) yield* writeText(found, after, { wanted: args });
    else if (status) {
      const changes = attributeChanges(attributesFound({ ...found.file, status }), args, path, ctx.checkMode);
      yield* applyAttributes(found.file, changes);
    }
    return {};
  },
});
