import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EarlierRun } from '../../lib/engine/earlier-run.ts';
import type { HostOutcome, RunEvent, RunSummary } from '../../lib/engine/events.ts';
import { allModules, findModule } from '../../lib/engine/module-list.ts';
import { PLAY_DEFAULTS, type Run, type RunOptions } from '../../lib/engine/run.ts';
import { runPlaybooks } from '../../lib/engine/run-playbooks.ts';
import { loadInventory } from '../../lib/inventory/load-inventory.ts';
import { PlaybookLoader } from '../../lib/playbook/loader.ts';
import { type Dict, fromPlain, type Json } from '../../lib/source/value.ts';
import { FileReader } from '../../lib/source/yaml/read-yaml.ts';
import { createTemplar } from '../../lib/templating/index.ts';
import type { Connection } from '../../lib/transport/connection.ts';
import { localConnection } from '../../lib/transport/index.ts';

/** What a playbook did, for tests: events, and the outcomes as short lines. */
export interface Trial {
  readonly events: readonly RunEvent[];
  readonly summary: RunSummary;
  /** `task host status`, in order. */
  readonly lines: readonly string[];
  /** `msg` of debug tasks, in order. */
  readonly said: readonly Json[];
  /** The error that ended the run, if one did. */
  readonly error: Error | undefined;
}

export interface TrialOptions extends Partial<RunOptions> {
  readonly hosts?: string;
  readonly extraVars?: Readonly<Record<string, Json>>;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** Finds modules in place of the registry. */
  readonly findModule?: typeof findModule;
  /** A folder of the test's own, which stays; without it one is made and removed. */
  readonly dir?: string;
  /** The run that this one goes on from. */
  readonly earlier?: EarlierRun;
}

/**
 * Runs a playbook of a test on this machine: every host of the inventory is a local shell of its own. `files` are
 * written beside `site.yml` in a temporary directory, which is removed afterwards.
 */
export async function trial(
  files: Readonly<Record<string, string>> | string,
  options: TrialOptions = {},
): Promise<Trial> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'polarplay-trial-'));
  const connections = new Map<string, Connection>();
  try {
    const all = typeof files === 'string' ? { 'site.yml': files } : files;
    for (const [name, text] of Object.entries({ hosts: options.hosts ?? 'h1\nh2\nh3\n', ...all })) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
    }
    return await runIn(dir, connections, options);
  } finally {
    await Promise.all([...connections.values()].map(connection => connection.close()));
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
  }
}

async function runIn(
  dir: string,
  connections: Map<string, Connection>,
  options: TrialOptions,
): Promise<Trial> {
  const events: RunEvent[] = [];
  const run = trialRun(dir, connections, options, event => {
    events.push(event);
    options.onEvent?.(event);
  });
  let error: Error | undefined;
  let summary: RunSummary | undefined;
  try {
    const file = join(dir, 'site.yml');
    summary = await runPlaybooks(run, run.loader.loadPlaybook([file]), [file]);
  } catch (thrown) {
    error = thrown as Error;
  }
  const outcomes = events.filter(
    (event): event is { type: 'outcome' } & HostOutcome => event.type === 'outcome',
  );
  return {
    events,
    summary: summary ??
      events.find(event => event.type === 'run-end')?.summary ?? {
        hosts: {},
        exitCode: 1,
        elapsedMs: 0,
        custom: {},
      },
    lines: inHostOrder(outcomes).map(o => `${o.task.name} ${o.host} ${o.ignored ? 'ignored' : o.status}`),
    said: inHostOrder(outcomes)
      .filter(o => o.task.module === 'debug' && o.status === 'ok')
      .map(o => o.result.msg ?? null),
    error,
  };
}

/** Hosts finish a task in any order: within a task they are listed by name. */
function inHostOrder(outcomes: readonly HostOutcome[]): HostOutcome[] {
  const groups: HostOutcome[][] = [];
  for (const outcome of outcomes) {
    const last = groups.at(-1);
    if (last?.[0]?.task === outcome.task) last.push(outcome);
    else groups.push([outcome]);
  }
  return groups.flatMap(group => group.sort((a, b) => (a.host < b.host ? -1 : 1)));
}

function trialRun(
  dir: string,
  connections: Map<string, Connection>,
  options: TrialOptions,
  emit: (event: RunEvent) => void,
): Run {
  const files = new FileReader();
  const templar = createTemplar({
    searchPath: () => [dir],
    readFile: path => files.read(path),
    decrypt: text => text,
    env: process.env,
  });
  const extraVars: Dict = fromPlain((options.extraVars ?? {}) as Json) as Dict;
  const {
    hosts: _hosts,
    extraVars: _extra,
    signal,
    onEvent: _onEvent,
    findModule: find,
    dir: _dir,
    earlier,
    ...overrides
  } = options;
  return {
    options: {
      checkMode: false,
      diffMode: false,
      forks: 10,
      tags: ['all'],
      skipTags: [],
      roles: [],
      limit: undefined,
      startAtTask: undefined,
      forceHandlers: false,
      flushCache: false,
      verbosity: 0,
      become: { enabled: false, user: undefined, method: undefined, password: undefined },
      defaults: PLAY_DEFAULTS,
      ...overrides,
    },
    templar,
    loader: new PlaybookLoader({
      templar,
      files,
      extraVars,
      rolesPath: [],
      collectionsPath: [],
      findModule: find ?? findModule,
      moduleNames: () => allModules().map(module => module.name),
    }),
    inventory: loadInventory([join(dir, 'hosts')], files),
    connections: {
      open: async host => {
        const connection = connections.get(host) ?? localConnection({ kind: 'local', host });
        connections.set(host, connection);
        return connection;
      },
    },
    operator: { interactive: false, ask: async (_prompt, { default: fallback }) => fallback ?? '' },
    emit,
    sum: text => text,
    ...(earlier && { earlier }),
    signal: signal ?? new AbortController().signal,
    extraVars: { source: 'extra vars', vars: extraVars },
    flagVars: { source: 'command line', vars: new Map() },
    hosts: new Map(),
    foreignNames: new Set(),
    customStats: new Map(),
    files,
    refreshInventory: () => {},
    now: () => performance.now(),
    jobs: new Map(),
    atEnd: [],
    stepping: { on: false },
  };
}
