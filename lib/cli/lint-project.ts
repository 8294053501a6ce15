import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { FILES } from '../lint/config.ts';
import type { Finding } from '../lint/finding.ts';
import { mend } from '../lint/fix.ts';
import { type Judgement, judge } from '../lint/judge.ts';
import { lintText } from '../lint/lint-text.ts';
import { filesBelow, isExcluded, kindOf } from '../lint/project.ts';
import { lintPlaybook } from '../playbook/lint.ts';
import { sectionsOf } from '../playbook/listing.ts';
import { eachTask } from '../playbook/tasks/task-list.ts';
import type { Playbook } from '../playbook/types.ts';
import { SourceError, type SourceErrorCode, SourceErrors, UsageError } from '../source/errors.ts';
import { PACKAGE_ROOT } from '../source/package-root.ts';
import { replaceFile } from '../source/replace-file.ts';
import { isVault } from '../source/vault.ts';
import { displayPath, isDirectory, isFile } from '../source/yaml/read-yaml.ts';
import type { Session } from './session.ts';

interface Target {
  readonly path: string;
  /** Named on the command line: it counts as a playbook even when its text does not look like one. */
  readonly isNamed: boolean;
}

interface Project {
  readonly project: string;
  readonly exclude: readonly string[];
}

/** The nearest folder, from here upwards, that has settings; else this one. */
export function projectOf(configFile: string | undefined): string {
  if (configFile !== undefined) return resolve('.');
  for (let folder = resolve('.'); ; folder = dirname(folder)) {
    if (FILES.some(name => isFile(join(folder, name)))) return folder;
    if (dirname(folder) === folder) return resolve('.');
  }
}

/** The files that the command line names. Throws UsageError for a missing one. */
export function targetsOf(named: readonly string[], { project, exclude }: Project): readonly Target[] {
  return (named.length > 0 ? named : [project]).flatMap((name): Target[] => {
    const path = resolve(name);
    if (isFile(path)) return isExcluded(path, project, exclude) ? [] : [{ path, isNamed: true }];
    if (!isDirectory(path)) throw new UsageError(`"${name}" does not exist`);
    return filesBelow(path, project, exclude).map(file => ({ path: file, isNamed: false }));
  });
}

interface LintResult {
  readonly findings: readonly Finding[];
  /** How many files were read. */
  readonly files: number;
}

/** What all rules find in some files, and in the roles and task files that their playbooks bring. */
export function lintFiles(session: Session, targets: readonly Target[], variables: RegExp): LintResult {
  const whole: Finding[] = [];
  const paths = new Set<string>();
  for (const { path, isNamed } of targets) {
    paths.add(path);
    const kind = kindOf(path, textOf(path));
    if (kind !== 'playbook' && !(isNamed && kind === 'other')) continue;
    const { findings, reached } = lintWhole(session, path);
    whole.push(...findings);
    for (const one of reached) if (isOfProject(one)) paths.add(one);
  }
  for (const { at } of whole)
    if (isFile(resolve(at.file)) && isOfProject(resolve(at.file))) paths.add(resolve(at.file));
  const found = [...paths].flatMap(path => {
    const text = textOf(path);
    if (isVault(Buffer.from(text))) return [];
    const own = whole.filter(({ at }) => resolve(at.file) === path);
    return lintText(path, text, kindOf(path, text), { variables, found: own });
  });
  const nowhere = whole.filter(({ at }) => !paths.has(resolve(at.file)));
  return { findings: once([...nowhere, ...found]), files: paths.size };
}

const textOf = (path: string): string => readFileSync(path, 'utf8');

/** Files that came with the program are not the author's, unless the author works on the program. */
const isOfProject = (path: string): boolean =>
  relative(PACKAGE_ROOT, path).startsWith('..') || !relative(PACKAGE_ROOT, resolve('.')).startsWith('..');

function once(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ rule, at, message }) => {
    const key = `${at.file}:${at.line}:${at.col} ${rule} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** Findings that need the whole playbook; a playbook with mistakes gives only those. */
export function lintWhole(
  session: Session,
  file: string,
): { readonly findings: readonly Finding[]; readonly reached: readonly string[] } {
  try {
    const { inventory, templar, createLoader } = session;
    const doubtful: SourceError[] = [];
    const warn = (mistake: SourceError) => void doubtful.push(mistake);
    const playbook = createLoader([file], { warn }).loadPlaybook([file]);
    const inventoryNames = new Set([...session.extraVars.vars.keys()].map(String));
    for (const host of inventory.hosts.keys()) {
      for (const { vars } of inventory.layers(host, [playbook.dir]))
        for (const name of vars.keys()) inventoryNames.add(String(name));
    }
    const findings = lintPlaybook(playbook, { templar, inventoryNames });
    return { findings: [...doubtful.map(mistake), ...findings], reached: reachedBy(playbook) };
  } catch (error) {
    if (error instanceof SourceErrors) return { findings: error.errors.map(mistake), reached: [] };
    if (error instanceof SourceError) return { findings: [mistake(error)], reached: [] };
    throw error;
  }
}

const SYNTAX = new Set<SourceErrorCode>(['YAML_SYNTAX', 'YAML_TAB']);
const SCHEMA = new Set<SourceErrorCode>([
  'WRONG_TYPE',
  'UNKNOWN_KEY',
  'MISSING_KEY',
  'BAD_VALUE',
  'CONFLICTING_KEYS',
]);
const ARGUMENTS = new Set<SourceErrorCode>(['UNKNOWN_ARGUMENT', 'MISSING_ARGUMENT']);
const TEMPLATES = new Set<SourceErrorCode>([
  'TEMPLATE_SYNTAX',
  'UNKNOWN_FILTER',
  'UNKNOWN_TEST',
  'UNKNOWN_LOOKUP',
]);

/** A mistake that stops a run, under ansible-lint's name for it. */
function mistake({ code, message, hint, position }: SourceError): Finding {
  return { rule: ruleOf(code), at: position ?? { file: '', line: 1, col: 1 }, message, advice: hint };
}

function ruleOf(code: SourceErrorCode): string {
  if (SYNTAX.has(code)) return 'load-failure';
  if (code === 'DUPLICATE_KEY') return 'yaml[key-duplicates]';
  if (SCHEMA.has(code)) return 'schema[playbook]';
  if (ARGUMENTS.has(code)) return 'args[module]';
  return TEMPLATES.has(code) ? 'jinja[invalid]' : 'syntax-check';
}

/** Files that a playbook reads tasks and variables of roles from. */
function reachedBy({ plays }: Playbook): string[] {
  const tasks = plays.flatMap(play =>
    [...sectionsOf(play), play.handlers].flatMap(nodes => [...eachTask(nodes)]),
  );
  const ofRoles = plays
    .flatMap(play => play.roles)
    .flatMap(role => ['defaults', 'vars', 'handlers'].map(kind => join(role.path, kind)).filter(isDirectory))
    .flatMap(folder => filesBelow(folder, folder, []));
  return [
    ...new Set([...plays.map(({ at }) => at), ...tasks.map(({ at }) => at)].map(({ file }) => resolve(file))),
  ]
    .filter(isFile)
    .concat(ofRoles);
}

/** Mends the files of a project, and says which. */
export function mendFiles(
  session: Session,
  targets: readonly Target[],
  variables: RegExp,
  by: Judgement,
): string {
  const { findings } = lintFiles(session, targets, variables);
  const paths = new Set(
    judge(findings, by)
      .filter(({ finding }) => finding.fix)
      .map(({ finding }) => resolve(finding.at.file)),
  );
  const lines = [...paths].map(path => {
    const bytes = readFileSync(path);
    const text = bytes.toString('utf8');
    if (!Buffer.from(text).equals(bytes)) return `${displayPath(path)} is not UTF-8: left as it is\n`;
    const kind = kindOf(path, text);
    const lint = (current: string) =>
      judge(lintText(path, current, kind, { variables }), by).map(({ finding }) => finding);
    const mended = mend(text, lint);
    if (mended.text !== text) replaceFile(path, mended.text);
    return `${displayPath(path)}: ${mended.count} mended\n`;
  });
  return lines.join('');
}
