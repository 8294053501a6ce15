import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import type { Module, Result } from '../../lib/modules/kit/define.ts';
import type { Json } from '../../lib/source/value.ts';
import { checkFidelity, runModule, type TestOptions, withTemporaryDirectory } from './run-module.ts';

/** One task that Ansible and we carry out in equal directories. `{dir}` in any text is the directory. */
export interface OracleCase {
  /** Name of the case; also that of its directory. */
  readonly name: string;
  /** Shell commands that fill the directory. */
  readonly setup?: string;
  readonly args: Readonly<Record<string, Json>>;
  /** Fields not to compare, where the documentation says that we differ. */
  readonly except?: readonly string[];
  /** A second run changes something again, in Ansible too. */
  readonly repeats?: boolean;
  /** What check mode cannot know (the verdict of a validator): then only its innocence is tested. */
  readonly unpredictable?: boolean;
  /** The resulting files differ on purpose, as the documentation says. */
  readonly otherFiles?: boolean;
}

type Arguments = Readonly<Record<string, Json>>;

/** Makes cases that share some arguments. */
export const casesWith =
  (shared: Arguments) =>
  (name: string, setup: string, args: Arguments, more: Partial<OracleCase> = {}): OracleCase => ({
    name,
    setup,
    args: { ...shared, ...args },
    ...more,
  });

/** Makes cases that edit the file `f`, which a shell command writes first. */
export const editsOf =
  (file: string) =>
  (name: string, args: Arguments, setup = file, more: Partial<OracleCase> = {}): OracleCase =>
    casesWith({ path: '{dir}/f' })(name, setup, args, more);

/** A case of a command module, its command as an argument. */
export const commandCase = (
  name: string,
  args: Arguments,
  setup = '',
  more: Partial<OracleCase> = {},
): OracleCase => ({ name, setup, args, ...more });

/** A case of a command module, its command as free-form text. */
export const lineCase = (name: string, line: string, args: Arguments = {}, setup = ''): OracleCase =>
  commandCase(name, { _raw_params: line, ...args }, setup);

export interface OracleTable {
  /** Result fields compared in every case, besides `changed` and `failed`. */
  readonly fields: readonly string[];
  /** Ansible's name of the module, when it is not `ansible.builtin.NAME`. */
  readonly ansibleName?: string;
  /**
   * `module` runs the module's own code; `action` that of its action plugin, for modules with a part on the control
   * machine. All in one Python process, since a start of Ansible costs more than a second.
   */
  readonly via: 'module' | 'action';
  /** Arguments that only Ansible's side gets (`_uses_shell`). */
  readonly extra?: Readonly<Record<string, Json>>;
  readonly options?: (dir: string) => TestOptions;
  /** Programs, and other files by their paths, without which the table cannot run. */
  readonly needs?: readonly string[];
  /** Permissions of files differ on purpose. */
  readonly otherModes?: boolean;
  /** Keys of nested results that differ by nature, such as inode numbers. */
  readonly without?: readonly string[];
}

const ANSIBLE = '/usr/bin/ansible';
const COLLECTIONS = '/usr/lib/python3/dist-packages/ansible_collections';

/**
 * Compares a module with Ansible's: each case runs twice for real, and the fields of both results and all that is in
 * the directory afterwards must be the same.
 */
export function itAgreesWithAnsible(module: Module, table: OracleTable, cases: readonly OracleCase[]): void {
  it(`agrees with Ansible in ${cases.length} cases`, async function () {
    if (!existsSync(ANSIBLE)) {
      console.log(
        `skipped: ansible-core is not installed; with it, ${module.name} is compared with Ansible's`,
      );
      this.skip();
    }
    if (!/^ansible\.(builtin|legacy)\./.test(nameOf(module, table)) && !existsSync(COLLECTIONS)) {
      console.log(
        `skipped: Debian's package ansible is not installed; with it, ${module.name} is compared with Ansible's`,
      );
      this.skip();
    }
    const missing = table.needs?.filter(name => !existsSync(resolve('/usr/bin', name))) ?? [];
    if (missing.length > 0) {
      console.log(
        `skipped: ${missing.join(', ')} not installed; with it, ${module.name} is compared with Ansible's`,
      );
      this.skip();
    }
    this.timeout(30_000 + cases.length * 5_000);
    await withTemporaryDirectory(async root => {
      for (const { name, setup } of cases)
        for (const side of ['ansible', 'ours']) fill(join(root, side, folder(name)), setup);
      const theirs = runAnsible(
        nameOf(module, table),
        table.via,
        join(root, 'ansible'),
        cases.map(testCase => ({ ...testCase, args: { ...testCase.args, ...table.extra } })),
      );
      const differences: string[] = [];
      for (const [i, testCase] of cases.entries())
        differences.push(...(await compare(module, table, testCase, root, theirs[i]!)));
      expect(differences.join('\n'), 'differences').to.equal('');
    });
  });
}

/** Proves for every case of a table that check mode predicts the run. */
export function itPredictsTheRun(
  module: Module,
  cases: readonly OracleCase[],
  options: (dir: string) => TestOptions = () => ({}),
): void {
  for (const { name, setup, args, repeats, unpredictable } of cases) {
    it(`check mode predicts the run: ${name}`, () =>
      withTemporaryDirectory(async root => {
        const dir = join(root, 'd');
        fill(dir, setup);
        await checkFidelity(module, withDirectory(args, dir) as Record<string, Json>, dir, {
          cwd: dir,
          ...(repeats && { repeats }),
          ...(unpredictable && { unpredictable }),
          ...options(dir),
        });
      }));
  }
}

const nameOf = (module: Module, table: OracleTable) => table.ansibleName ?? `ansible.builtin.${module.name}`;

const folder = (name: string) => name.replace(/\W+/g, '-');

function fill(dir: string, setup: string | undefined): void {
  mkdirSync(dir, { recursive: true });
  if (setup) execFileSync('sh', ['-ec', `umask 022\n${setup}`], { cwd: dir });
}

const ORACLE = join(import.meta.dirname, 'ansible_oracle.py');

/** Two results per case. */
function runAnsible(
  name: string,
  via: OracleTable['via'],
  side: string,
  cases: readonly OracleCase[],
): Result[][] {
  const jobs = cases.flatMap(testCase => {
    const dir = join(side, folder(testCase.name));
    const job = { dir, args: withDirectory(testCase.args, dir) };
    return [job, job];
  });
  const run = spawnSync('/usr/bin/python3', ['-W', 'ignore', ORACLE], {
    input: JSON.stringify({ name, via, cases: jobs }),
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  if (run.status !== 0) throw new Error(`Ansible's code failed:\n${run.stderr}`);
  const flat = JSON.parse(run.stdout) as Result[];
  return cases.map((_, i) => flat.slice(2 * i, 2 * i + 2));
}

/** What differs, one line each. */
async function compare(
  module: Module,
  table: OracleTable,
  testCase: OracleCase,
  root: string,
  theirs: readonly Result[],
): Promise<string[]> {
  const fields = ['changed', 'failed', ...table.fields].filter(field => !testCase.except?.includes(field));
  const dirs = {
    ansible: join(root, 'ansible', folder(testCase.name)),
    ours: join(root, 'ours', folder(testCase.name)),
  };
  const args = withDirectory(testCase.args, dirs.ours) as Record<string, Json>;
  const differences: string[] = [];
  for (const [round, expected] of theirs.entries()) {
    const result = await runModule(module, args, { cwd: dirs.ours, ...table.options?.(dirs.ours) });
    differences.push(
      ...differing(
        `${testCase.name}, run ${round + 1}`,
        picked(result, fields, dirs.ours, table.without),
        picked(expected, fields, dirs.ansible, table.without),
      ),
    );
  }
  const files = testCase.otherFiles
    ? []
    : differing(testCase.name, contents(dirs.ours, table), contents(dirs.ansible, table));
  return [...differences, ...files];
}

function differing(
  where: string,
  ours: Readonly<Record<string, Json>>,
  theirs: Readonly<Record<string, Json>>,
): string[] {
  const text = (value: Json | undefined) => JSON.stringify(value, sortKeys);
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
    .filter(key => text(ours[key]) !== text(theirs[key]))
    .map(key => `${where}: ${key || '.'} is ${parting(text(ours[key]), text(theirs[key]))}`);
}

/** Both texts from a little before where they part. */
function parting(ours = 'nothing', theirs = 'nothing'): string {
  let at = 0;
  while (at < ours.length && ours[at] === theirs[at]) at++;
  const from = Math.max(0, at - 40);
  const part = (text: string) => (text.length > 300 ? `…${text.slice(from, from + 200)}…` : text);
  return `${part(ours)}, Ansible's is ${part(theirs)}`;
}

const sortKeys = (_: string, value: Json): Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

function withDirectory(value: Json, dir: string): Json {
  return JSON.parse(JSON.stringify(value).replaceAll('{dir}', dir)) as Json;
}

/** Lists of found files come in no certain order. */
const byPath = (value: Json): Json =>
  Array.isArray(value) && value.every(item => typeof (item as { path?: Json } | null)?.path === 'string')
    ? [...value].sort((a, b) => ((a as { path: string }).path < (b as { path: string }).path ? -1 : 1))
    : value;

const BACKUP = /\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~/g;

/** The named fields, with the directory and the times in names of copies taken out. */
function picked(
  result: Result,
  fields: readonly string[],
  dir: string,
  without: readonly string[] = [],
): Record<string, Json> {
  const plain = JSON.parse(
    JSON.stringify(result, (key, value: Json) => (without.includes(key) ? undefined : byPath(value)))
      .replaceAll(dir, '{dir}')
      .replace(BACKUP, '.COPY~'),
  ) as Record<string, Json>;
  return Object.fromEntries(
    fields.map(field => [
      field,
      field === 'failed' || field === 'changed' ? plain[field] === true : (plain[field] ?? null),
    ]),
  );
}

/** Everything below a directory: type, permissions, owner, and content or link target; times of copies taken out. */
function contents(dir: string, { otherModes }: OracleTable): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string, name: string) => {
    const entry = lstatSync(path);
    const body = entry.isSymbolicLink()
      ? readlinkSync(path).replaceAll(dir, '{dir}')
      : entry.isFile()
        ? readFileSync(path, 'latin1').replaceAll(dir, '{dir}')
        : '';
    found[name.replace(BACKUP, '.COPY~')] =
      `${otherModes ? '' : entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${entry.isDirectory() ? '' : entry.nlink} ${body}`;
    if (entry.isDirectory())
      for (const child of readdirSync(path)) visit(join(path, child), `${name}/${child}`);
  };
  visit(dir, '');
  return found;
}
