import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  inProfile,
  isProfile,
  knownWords,
  nearRule,
  PROFILES,
  type Profile,
  RULES,
} from '../../lint/catalogue.ts';
import { readConfig } from '../../lint/config.ts';
import type { Finding } from '../../lint/finding.ts';
import { type Judged, type Judgement, judge, profileMet } from '../../lint/judge.ts';
import { sarif } from '../../lint/sarif.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, oneOf, type Parsed, parseFlags } from '../../source/flags.ts';
import { fnmatch } from '../../source/fnmatch.ts';
import { formatSourceError } from '../../source/render.ts';
import { visible, visibleJson } from '../../source/visible.ts';
import { readIfThere } from '../failure.ts';
import { lintFiles, mendFiles, projectOf, targetsOf } from '../lint-project.ts';
import { HOST_FLAGS } from '../playbook-flags.ts';
import { openSession } from '../session.ts';
import { VAULT_FLAGS } from '../vault-secrets.ts';

const FORMATS = ['text', 'pep8', 'json', 'sarif'] as const;
const DEFAULT_PROFILE: Profile = 'shared';

const FLAGS = {
  inventory: HOST_FLAGS.inventory,
  'extra-vars': HOST_FLAGS['extra-vars'],
  profile: {
    value: 'PROFILE',
    help: `Profile, the set of rules that counts: ${PROFILES.join(', ')} (default ${DEFAULT_PROFILE}).`,
  },
  skip: {
    short: 'x',
    value: 'RULES',
    multiple: true,
    aliases: ['skip-list'],
    help: 'Rules to leave out, by name or tag.',
  },
  'warn-list': { short: 'w', value: 'RULES', multiple: true, help: 'Rules that only warn.' },
  'enable-list': {
    value: 'RULES',
    multiple: true,
    help: 'Rules to add to those of the profile.',
  },
  exclude: { value: 'PATH', multiple: true, help: 'Files and folders to leave out.' },
  fix: { aliases: ['write'], help: 'Mend what can be mended safely; comments and layout stay.' },
  strict: { short: 's', help: 'Warnings count as failures.' },
  format: { short: 'f', value: 'FORMAT', help: `${FORMATS.join(', ')} (default text).` },
  'sarif-file': { value: 'FILE', help: 'Write SARIF into a file as well.' },
  'config-file': { short: 'c', value: 'FILE', help: 'Settings (default .ansible-lint of the project).' },
  'list-rules': { short: 'L', help: 'All rules, a line each.' },
  'list-profiles': { short: 'P', help: 'The rules of each profile.' },
  ...VAULT_FLAGS,
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay lint [FILE|FOLDER…]: mistakes and style findings, by ansible-lint's rules

Without a file it reads all playbooks, roles and files of variables below this folder.

${flagsHelp(FLAGS)}

"# noqa: RULE" at the end of a line silences a finding. Each finding has file:line:col, its rule and advice.
Exit code 2 when there are any, 0 when there are none or only warnings.
`;

/** `polarplay lint`: contacts no host. */
export async function runLintCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  const list = flags.has('help')
    ? HELP
    : flags.has('list-profiles')
      ? profileList()
      : flags.has('list-rules')
        ? ruleList()
        : undefined;
  if (list !== undefined) {
    process.stdout.write(list);
    return 0;
  }
  const format = oneOf('format', FORMATS, flags.text('format') ?? 'text');
  const project = projectOf(flags.text('config-file'));
  const config = readConfig(project, flags.text('config-file'));
  const by: Judgement = {
    profile: profileOf(flags) ?? config.profile ?? DEFAULT_PROFILE,
    skip: [...config.skip, ...words(flags, 'skip')],
    warn: [...config.warn, ...words(flags, 'warn-list')],
    enable: [...config.enable, ...words(flags, 'enable-list')],
    isIgnored: ({ rule, at }) =>
      config.ignored.some(one => one.rule === rule && fnmatch(one.file).test(at.file)),
  };
  const exclude = [...config.exclude, ...flags.texts('exclude')];
  const targets = targetsOf(flags.positionals, { project, exclude });
  const session = await openSession(flags);
  try {
    const mended = flags.has('fix') ? mendFiles(session, targets, config.variables, by) : undefined;
    if (mended) process.stderr.write(mended);
    const { findings, files } = lintFiles(session, targets, config.variables);
    const judged = judge(findings, by);
    const file = flags.text('sarif-file');
    if (file !== undefined) writeFileSync(file, sarifText(judged));
    print(format, judged, summary(judged, findings, files, by));
    const isStrict = config.strict || flags.has('strict');
    return judged.some(({ level }) => isStrict || level === 'error') ? 2 : 0;
  } finally {
    await session.close();
  }
}

function profileOf(flags: Parsed): Profile | undefined {
  const name = flags.text('profile');
  if (name === undefined || isProfile(name)) return name;
  return oneOf('profile', PROFILES, name);
}

/** Rules that a flag names. Throws UsageError for an unknown one. */
function words(flags: Parsed, flag: 'skip' | 'warn-list' | 'enable-list'): string[] {
  const given = flags.texts(flag).flatMap(text => text.split(',').map(word => word.trim()));
  const known = knownWords();
  for (const word of given.filter(Boolean)) {
    if (known.has(word) || known.has(word.replace(/\[.*/, ''))) continue;
    const near = nearRule(word);
    throw new UsageError(`no rule "${word}"${near === undefined ? '' : `, did you mean "${near}"?`}`, 5);
  }
  return given.filter(Boolean);
}

const sarifText = (judged: readonly Judged[]): string =>
  `${visibleJson(sarif(judged, process.env['POLARPLAY_VERSION'] ?? '0.0.0', resolve('.')), 1)}\n`;

function print(format: (typeof FORMATS)[number], judged: readonly Judged[], end: string): void {
  if (format === 'json') process.stdout.write(`${visibleJson(judged.map(plain), 2)}\n`);
  else if (format === 'sarif') process.stdout.write(sarifText(judged));
  else {
    process.stdout.write(judged.map(format === 'pep8' ? line : paragraph).join(''));
    process.stderr.write(end);
  }
}

const plain = ({ finding: { rule, at, message, advice }, level }: Judged): object => ({
  code: rule,
  level,
  message,
  advice: advice ?? null,
  ...at,
});

const line = ({ finding: { rule, at, message }, level }: Judged): string =>
  visible(`${at.file}:${at.line}:${at.col}: ${rule}: ${message}${level === 'warning' ? ' (warning)' : ''}\n`);

/** Shown like a mistake. */
function paragraph({ finding: { rule, at, message, advice }, level }: Judged): string {
  const code = level === 'warning' ? `${rule} (warning)` : rule;
  return `${formatSourceError({ code, message, hint: advice, position: at }, readIfThere)}\n`;
}

function summary(
  judged: readonly Judged[],
  findings: readonly Finding[],
  files: number,
  by: Judgement,
): string {
  const of = (level: Judged['level']) => judged.filter(one => one.level === level).length;
  const met = profileMet(findings, by);
  const passes = met === undefined ? 'no profile passes' : `passes the profile ${met}`;
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
  const mendable = judged.filter(({ finding }) => finding.fix).length;
  const more = mendable > 0 ? `; --fix mends ${mendable} of them` : '';
  return `\n${count(of('error'), 'failure')} and ${count(of('warning'), 'warning')} in ${count(files, 'file')} by the profile ${by.profile}; ${passes}${more}\n`;
}

const ruleList = (): string =>
  RULES.map(({ id, profile, summary: text, optIn, fixed }) => {
    const marks = [...(optIn ? ['opt-in'] : []), ...(fixed ? ['--fix'] : [])].join(', ');
    return `${id.padEnd(30)} ${profile.padEnd(10)} ${text}${marks === '' ? '' : ` (${marks})`}\n`;
  }).join('');

const profileList = (): string =>
  PROFILES.map((profile, i) => {
    const before = PROFILES[i - 1];
    const own = RULES.filter(
      ({ id, optIn }) => !optIn && inProfile(id, profile) && !(before && inProfile(id, before)),
    );
    return `${profile}${before === undefined ? '' : `: the rules of ${before}, and`}\n${own.map(({ id }) => `  ${id}\n`).join('')}`;
  }).join('\n');
