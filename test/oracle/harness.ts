import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Json } from '../../lib/source/value.ts';

/** One playbook that Ansible and polarplay run alike. */
export interface OracleCase {
  readonly name: string;
  readonly play: string;
  readonly args?: readonly string[];
  readonly hosts?: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Why results and recap are others here: they are not compared. */
  readonly differs?: string;
  /** Tells of the machine it runs on: no recording serves another. */
  readonly live?: boolean;
  /** Hosts come to their tasks in any order. */
  readonly unordered?: boolean;
  /** Compares what a terminal shows instead of the results. */
  readonly terminal?: boolean;
}

/** What a run came to, in terms both programs share. */
export interface Verdict {
  readonly exitCode: number;
  /** `task | host status`, tasks in order, hosts by name. */
  readonly tasks: readonly string[];
  /** What debug tasks said. */
  readonly said: readonly Json[];
  readonly stats: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Files left in the work directory, by name: mode and hash. */
  readonly files: Readonly<Record<string, string>>;
  /** Banners, states and recap as a terminal shows them; without the results. */
  readonly shown?: readonly string[];
}

interface TaskResult {
  readonly changed?: boolean;
  readonly failed?: boolean;
  readonly failed_when_result?: boolean;
  readonly skipped?: boolean;
  readonly unreachable?: boolean;
  readonly msg?: Json;
  readonly status?: string;
  readonly action?: string;
  readonly results?: readonly TaskResult[];
}

interface Document {
  readonly plays: readonly { readonly tasks: readonly Task[] }[];
  readonly stats: Record<string, Record<string, number>>;
}

interface Task {
  readonly name?: string;
  readonly module?: string;
  readonly task?: { readonly name: string };
  readonly hosts: Record<string, TaskResult>;
}

/** Runs a case in a directory of its own; `{work}` in its texts stands for a folder whose files are compared. */
export async function runCase(
  test: OracleCase,
  program: 'ansible' | 'polarplay',
  polarplay: string,
): Promise<Verdict> {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-oracle-'));
  const work = join(dir, 'work');
  mkdirSync(work);
  const text = (raw: string) => raw.replaceAll('{work}', work);
  const hosts = test.hosts ?? 'h1\nh2\nh3\n';
  const files = {
    'site.yml': test.play,
    hosts: `${hosts}\n[all:vars]\nansible_connection=local\nansible_python_interpreter=/usr/bin/python3\n`,
    ...test.files,
  };
  for (const [name, raw] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text(raw), { mode: raw.startsWith('#!') ? 0o755 : 0o644 });
  }
  try {
    const args = ['-i', 'hosts', ...(test.args ?? []).map(text), 'site.yml'];
    const terminal = test.terminal === true;
    const output = await (program === 'ansible'
      ? runAnsible(dir, args, terminal)
      : runPolarplay(dir, args, polarplay, terminal));
    const found = terminal ? shownVerdict(output, work, dir) : verdict(output, work, dir);
    const tasks = test.unordered ? [...found.tasks].sort() : found.tasks;
    return test.differs === undefined ? { ...found, tasks } : { ...found, tasks: [], stats: {} };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Output {
  readonly code: number;
  readonly stdout: string;
}

function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Output> {
  return new Promise((resolve, reject) => {
    execFile(command, [...args], { cwd, env, timeout: 280_000, maxBuffer: 64 << 20 }, (error, stdout) => {
      if (error?.killed) reject(new Error(`${command} took longer than its time: ${args.join(' ')}`));
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout });
    });
  });
}

const runAnsible = (dir: string, args: readonly string[], terminal: boolean): Promise<Output> =>
  run('/usr/bin/python3', ['/usr/bin/ansible-playbook', ...args], dir, {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: dir,
    LANG: 'C.UTF-8',
    ANSIBLE_STDOUT_CALLBACK: terminal ? 'default' : 'json',
    ANSIBLE_PIPELINING: '1',
    ANSIBLE_ASYNC_DIR: join(dir, '.ansible_async'),
    ANSIBLE_JINJA2_NATIVE: '1',
    ANSIBLE_LOCALHOST_WARNING: 'False',
    ANSIBLE_DEPRECATION_WARNINGS: 'False',
    ANSIBLE_RETRY_FILES_ENABLED: 'False',
    ANSIBLE_FORKS: '10',
  });

const runPolarplay = (
  dir: string,
  args: readonly string[],
  polarplay: string,
  terminal: boolean,
): Promise<Output> =>
  run(process.execPath, [polarplay, ...args, ...(terminal ? [] : ['--format', 'json'])], dir, {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: dir,
    LANG: 'C.UTF-8',
  });

function verdict({ code: exitCode, stdout }: Output, work: string, dir: string): Verdict {
  const start = stdout.indexOf('{\n');
  let document: Document = { plays: [], stats: {} };
  if (start >= 0) document = JSON.parse(stdout.slice(start)) as Document;
  const tasks = document.plays
    .flatMap(play => play.tasks)
    .map(task => ({ name: task.task?.name ?? task.name ?? '', hosts: task.hosts }));
  const plain = (json: Json): Json => JSON.parse(JSON.stringify(json).replaceAll(dir, '{dir}')) as Json;
  return {
    exitCode,
    tasks: tasks.flatMap(({ name, hosts }) =>
      Object.entries(hosts)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .filter(([, result]) => !isInclude(result))
        .map(([host, result]) => `${name.replaceAll(dir, '{dir}')} | ${host} ${statusOf(result)}`),
    ),
    said: tasks.flatMap(({ name, hosts }) =>
      name.includes('say')
        ? Object.entries(hosts)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([, result]) => plain(result.msg ?? null))
        : [],
    ),
    stats: Object.fromEntries(
      Object.entries(document.stats).map(([host, stats]) => [
        host,
        {
          ok: stats['ok']!,
          changed: stats['changed']!,
          unreachable: stats['unreachable']!,
          failed: (stats['failures'] ?? stats['failed'])!,
          skipped: stats['skipped']!,
          rescued: stats['rescued']!,
          ignored: stats['ignored']!,
        },
      ]),
    ),
    files: filesIn(work),
  };
}

/** What an include brought is told by its tasks; only one that failed or was skipped is told itself. */
function isInclude(result: TaskResult): boolean {
  if (statusOf(result) !== 'ok') return false;
  return 'include' in result || 'include_args' in result || result.results?.some(isInclude) === true;
}

const BANNER = /^(PLAY|TASK|RUNNING HANDLER|NO MORE HOSTS LEFT|CUSTOM STATS)/;
const STATE = /^(ok|changed|skipping|unknown|fatal|failed|included|FAILED - RETRYING|\.\.\.ignoring)/;

function shownVerdict({ code: exitCode, stdout }: Output, work: string, dir: string): Verdict {
  const sections: { readonly banner: string; readonly states: string[] }[] = [];
  const recap: Record<string, Record<string, number>> = {};
  for (const line of stdout.replaceAll(dir, '{dir}').split('\n')) {
    const counts = /^(\S+) +: (ok=.*)$/.exec(line);
    if (counts) recap[counts[1]!] = countsOf(counts[2]!);
    else if (BANNER.test(line)) sections.push({ banner: line.replace(/ \*+$/, ''), states: [] });
    else if (STATE.test(line)) sections.at(-1)?.states.push(stateOf(line));
  }
  // Ansible repeats the banner of a meta task for every host.
  const told = sections.filter(
    ({ banner, states }, i) => states.length > 0 || sections[i - 1]?.banner !== banner,
  );
  const ran = told.flatMap(({ banner, states }) => [banner, ...states.sort()]);
  // What only lists has no banners, and is all compared.
  const shown = ran.length > 0 ? ran : stdout.split('\n').filter(line => !/^(\[WARNING\].*|\s*)$/.test(line));
  return { exitCode, tasks: [], said: [], stats: recap, files: filesIn(work), shown };
}

const countsOf = (text: string): Record<string, number> =>
  Object.fromEntries([...text.matchAll(/(?!unknown)\b(\w+)=(\d+)/g)].map(m => [m[1]!, Number(m[2])]));

/** A line without the result; what check mode cannot know counts as skipped. */
const stateOf = (line: string): string =>
  line
    .replace(/^unknown(: \[.*?\]).*/, 'skipping$1')
    .replace(/( =>)? [{(](?!item=).*$| => [^(].*$| =>$/, '')
    .trimEnd();

function statusOf(result: TaskResult): string {
  if (result.unreachable) return 'unreachable';
  if (result.failed_when_result ?? result.failed) return 'failed';
  if (result.skipped) return 'skipped';
  return result.changed ? 'changed' : 'ok';
}

function filesIn(work: string): Record<string, string> {
  const names = readdirSync(work, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names.map(name => {
      const file = join(work, name);
      const stat = statSync(file);
      const mode = (stat.mode & 0o7777).toString(8);
      const hash = stat.isFile()
        ? createHash('sha1').update(readFileSync(file)).digest('hex').slice(0, 12)
        : 'directory';
      return [relative(work, file), `${mode} ${hash}`];
    }),
  );
}
