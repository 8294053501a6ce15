import type { VarLayer } from '../../inventory/types.ts';
import { setup } from '../../modules/system/setup.ts';
import { isNobody } from '../../playbook/play.ts';
import { findFile } from '../../playbook/search.ts';
import { newTask } from '../../playbook/tasks/new-task.ts';
import type { Play, Task, TaskNode } from '../../playbook/types.ts';
import { SourceError } from '../../source/errors.ts';
import { didYouMean } from '../../source/suggest.ts';
import { type Dict, type Json, toPlain, type Value } from '../../source/value.ts';
import { isFile } from '../../source/yaml/read-yaml.ts';
import { hostState, newPlayRun, type PlayRun, type Run } from '../run.ts';
import { keywordValue, truthy } from '../task/keyword.ts';
import { taskScope } from '../variables.ts';
import { liveHosts, runFree, runLinear } from './schedule.ts';

/** How a play left the run: whether later plays may follow. */
export type PlayEnd = 'go-on' | 'stop';

/** Runs one play, batch by batch (`serial`). Throws SourceError for mistakes that only show now. */
export async function runPlay(run: Run, play: Play): Promise<PlayEnd> {
  const name = playName(run, play);
  if (isNobody(hostsValue(run, play)))
    throw new SourceError('BAD_VALUE', 'the hosts of this play come to nothing', play.hosts.at);
  const hosts = selectHosts(run, play);
  if (hosts.length === 0) {
    run.emit({ type: 'play-skipped', name, reason: 'no hosts matched' });
    return 'go-on';
  }
  const promptVars = await askPrompts(run, play);
  const maximum = option(run, play, 'maxFailPercentage');
  const shared = {
    run,
    play,
    name,
    allHosts: hosts,
    promptVars,
    forceHandlers: play.forceHandlers
      ? truthy(option(run, play, 'forceHandlers'))
      : run.options.forceHandlers,
    maxFailPercentage: maximum === undefined ? undefined : Number(maximum),
  };
  const inOrder = ordered(hosts, String(option(run, play, 'order') ?? 'inventory'));
  for (const batch of batches(run, play, inOrder)) {
    if (run.signal.aborted) return 'stop';
    const playRun = newPlayRun({ ...shared, batch });
    run.emit({ type: 'play-start', name, hosts: batch });
    run.earlier?.enterPlay(batch);
    await runBatch(playRun);
    const lost = batch.filter(host => hostState(run, host).status !== 'active').length;
    if (lost === batch.length || playRun.ended === 'fatal') {
      if (playRun.ended === 'fatal') run.emit({ type: 'no-hosts-left' });
      return 'stop';
    }
    if (playRun.ended === 'play') return 'go-on';
  }
  return 'go-on';
}

async function runBatch(playRun: PlayRun): Promise<void> {
  const { play, run } = playRun;
  loadVarsFiles(playRun, false);
  const gathering: TaskNode[] = gathersFacts(run, play) ? [factsTask(playRun)] : [];
  const sections = [play.preTasks, [...play.roleTasks, ...play.tasks], play.postTasks];
  await runLinear(playRun, [gathering]);
  // A file name may use facts: files that were not found before are searched again.
  loadVarsFiles(playRun, true);
  const strategy = String(option(run, play, 'strategy') ?? run.options.defaults.strategy).replace(
    /^ansible\.builtin\./,
    '',
  );
  switch (strategy) {
    case 'linear':
    case 'debug':
      return runLinear(playRun, sections);
    case 'free':
      return runFree(playRun, sections, Number.POSITIVE_INFINITY);
    case 'host_pinned':
      return runFree(playRun, sections, run.options.forks);
    default:
      throw new SourceError(
        'BAD_VALUE',
        `there is no strategy "${strategy}"`,
        play.strategy?.at,
        'linear, free or host_pinned',
      );
  }
}

type PlayOption =
  | 'serial'
  | 'strategy'
  | 'order'
  | 'maxFailPercentage'
  | 'forceHandlers'
  | 'gatherFacts'
  | 'gatherSubset'
  | 'gatherTimeout';

/** A keyword of the play, rendered with the variables that need no host. */
function option(run: Run, play: Play, key: PlayOption): Json | undefined {
  const authored = play[key];
  return authored && keywordValue(run.templar, authored, playScope(run, play));
}

function playScope(run: Run, play: Play) {
  return taskScope(scopePlay(run, play), 'localhost', undefined);
}

/** A play run without hosts: enough for the variables of the play itself. */
const scopePlay = (run: Run, play: Play): PlayRun =>
  newPlayRun({
    run,
    play,
    name: play.name,
    allHosts: [],
    batch: [],
    promptVars: new Map(),
    forceHandlers: false,
    maxFailPercentage: undefined,
  });

function playName(run: Run, play: Play): string {
  if (play.isTextName) return play.name;
  try {
    return String(toPlain(run.templar.render(play.name, playScope(run, play), play.at)));
  } catch (error) {
    if (error instanceof SourceError) return play.name;
    throw error;
  }
}

function nearHost({ inventory }: Run, part: string): { readonly hint?: string } {
  const hint = didYouMean(part, [...inventory.hosts.keys(), ...inventory.groups.keys()]);
  return hint === undefined ? {} : { hint };
}

const hostsValue = (run: Run, play: Play): Value =>
  run.templar.render(play.hosts.value, playScope(run, play), play.hosts.at);

/** Hosts of the play that --limit leaves and that have not failed, in the inventory's order. */
export function selectHosts(run: Run, play: Play): string[] {
  const value = hostsValue(run, play);
  const rendered = toPlain(value);
  if (isNobody(value)) return [];
  const pattern = Array.isArray(rendered) ? rendered.map(String).join(',') : String(rendered);
  const { inventory } = run;
  const unmatched = (part: string) => {
    const near = nearHost(run, part);
    if (part === 'localhost' || (run.optionalGroups?.has(part) && near.hint === undefined)) return;
    run.emit({
      type: 'warning',
      message: `Could not match supplied host pattern, ignoring: ${part}`,
      ...near,
      position: play.hosts.at,
    });
  };
  let hosts: string[];
  try {
    hosts = [...inventory.select(pattern, unmatched)];
  } catch (error) {
    if (error instanceof SourceError && !error.position)
      throw new SourceError(error.code, error.message, play.hosts.at, error.hint);
    throw error;
  }
  const { limit } = run.options;
  if (limit !== undefined) {
    const allowed = new Set(inventory.select(limit));
    hosts = hosts.filter(host => allowed.has(host) || (host === 'localhost' && !inventory.hosts.has(host)));
  }
  return hosts.filter(host => hostState(run, host).status === 'active');
}

function ordered(hosts: string[], order: string): string[] {
  switch (order) {
    case 'reverse_inventory':
      return [...hosts].reverse();
    case 'sorted':
      return [...hosts].sort();
    case 'reverse_sorted':
      return [...hosts].sort().reverse();
    case 'shuffle':
      return hosts
        .map(host => [Math.random(), host] as const)
        .sort(([a], [b]) => a - b)
        .map(([, host]) => host);
    default:
      return hosts;
  }
}

/** `serial`: sizes or percentages of all hosts, the last one repeated; without it one batch of all. */
export function batches(run: Run, play: Play, hosts: readonly string[]): string[][] {
  const serial = option(run, play, 'serial');
  if (serial === undefined || serial === null) return [[...hosts]];
  const sizes = (Array.isArray(serial) ? serial : [serial]).map(size => batchSize(size, hosts.length));
  const result: string[][] = [];
  for (let start = 0, index = 0; start < hosts.length; index++) {
    const size = sizes[Math.min(index, sizes.length - 1)] ?? hosts.length;
    result.push(hosts.slice(start, start + size));
    start += size;
  }
  return result;
}

function batchSize(size: Json, total: number): number {
  const text = String(size);
  const count = text.endsWith('%')
    ? Math.floor((total * Number.parseFloat(text)) / 100) || 1
    : Number.parseInt(text, 10);
  return count > 0 ? count : total;
}

async function askPrompts(run: Run, play: Play): Promise<Dict> {
  const answers: Dict = new Map();
  for (const prompt of play.varsPrompt) {
    if (run.extraVars.vars.has(prompt.name)) continue;
    const fallback = prompt.default === undefined ? undefined : String(toPlain(prompt.default));
    const ask = (question: string) =>
      run.operator.ask(question, {
        secret: prompt.private,
        ...(fallback !== undefined && { default: fallback }),
      });
    let answer = await ask(prompt.prompt);
    while (prompt.confirm && run.operator.interactive && (await ask(`confirm ${prompt.prompt}`)) !== answer) {
      run.emit({ type: 'warning', message: 'the two entries do not match' });
      answer = await ask(prompt.prompt);
    }
    answers.set(prompt.name, prompt.encrypt ? encrypted(run, answer, prompt.encrypt) : answer);
  }
  return answers;
}

const encrypted = (run: Run, answer: string, method: string): Value =>
  run.templar.evaluate('answer | password_hash(method)', {
    get: name => (name === 'answer' ? answer : method.replace(/_crypt$/, '')),
    has: () => true,
    names: () => ['answer', 'method'],
  });

/** vars_files of a host, since their names may hold variables. Of a list of names the first existing file counts. */
function loadVarsFiles(playRun: PlayRun, mustExist: boolean): void {
  const { play } = playRun;
  if (play.varsFiles.length === 0) return;
  for (const host of liveHosts(playRun)) {
    playRun.filesVars.set(host, []);
    const layers: VarLayer[] = [];
    for (const entry of play.varsFiles) {
      const layer = loadVarsFile(playRun, host, entry, mustExist);
      if (layer) layers.push(layer);
      playRun.filesVars.set(host, [...layers]);
    }
  }
}

function loadVarsFile(
  playRun: PlayRun,
  host: string,
  { value, at }: Play['varsFiles'][number],
  mustExist: boolean,
): VarLayer | undefined {
  const { run, play } = playRun;
  const names = Array.isArray(value) ? value : [value];
  const tried: string[] = [];
  for (const name of names) {
    let file: string;
    try {
      const rendered = String(toPlain(run.templar.render(name, taskScope(playRun, host, undefined), at)));
      file =
        findFile({ role: undefined, includedFrom: [], playDir: play.dir }, 'vars', rendered).file ?? rendered;
    } catch (error) {
      if (!mustExist && error instanceof SourceError && error.code === 'UNDEFINED_VARIABLE') return undefined;
      throw error;
    }
    tried.push(file);
    if (isFile(file)) return { source: file, vars: run.files.vars(file, at) };
  }
  if (!mustExist) return undefined;
  throw new SourceError(
    'FILE_NOT_FOUND',
    `no variable file ${tried.map(file => `"${file}"`).join(' or ')}`,
    at,
  );
}

function gathersFacts(run: Run, play: Play): boolean {
  if (play.gatherFacts) return truthy(option(run, play, 'gatherFacts'));
  return run.options.defaults.gathering !== 'explicit';
}

/** The task that Ansible calls "Gathering Facts"; tagged `always`. */
function factsTask({ run, play }: PlayRun): Task {
  const args: Dict = new Map();
  const { defaults } = run.options;
  const subset = option(run, play, 'gatherSubset') ?? defaults.gatherSubset;
  if (subset !== undefined) args.set('gather_subset', subset as Value);
  const timeout = option(run, play, 'gatherTimeout') ?? defaults.gatherTimeout;
  if (timeout !== undefined) args.set('gather_timeout', timeout as Value);
  return newTask({
    ...play.keywords,
    id: `${play.at.file}:${play.at.line}:facts`,
    name: 'Gathering Facts',
    isTextName: true,
    at: play.at,
    argsAt: play.at,
    moduleName: 'gather_facts',
    module: setup,
    args,
    tags: [...play.keywords.tags, 'always'],
    implicit: 'facts',
    outer: play.keywords,
  });
}
