import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Emit } from '../engine/events.ts';
import { Crash, EXIT } from '../engine/exit-code.ts';
import { FactCache } from '../engine/fact-cache.ts';
import { allModules, findModule } from '../engine/module-list.ts';
import { PLAY_DEFAULTS, type PlayDefaults, type Run, type RunOptions } from '../engine/run.ts';
import { loadInventory } from '../inventory/load-inventory.ts';
import type { Inventory, VarLayer } from '../inventory/types.ts';
import { NO_KEYWORDS } from '../playbook/inherit.ts';
import type { LoaderOptions } from '../playbook/load-state.ts';
import { PlaybookLoader } from '../playbook/loader.ts';
import { searchPath } from '../playbook/search.ts';
import type { Keywords } from '../playbook/types.ts';
import { printWarning } from '../report/warning.ts';
import { UsageError } from '../source/errors.ts';
import type { Parsed } from '../source/flags.ts';
import { PACKAGE_ROOT } from '../source/package-root.ts';
import { didYouMean } from '../source/suggest.ts';
import type { Dict, Value } from '../source/value.ts';
import { Vault } from '../source/vault.ts';
import { FileReader } from '../source/yaml/read-yaml.ts';
import type { OnDuplicate } from '../source/yaml/yaml.ts';
import { createTemplar } from '../templating/index.ts';
import type { Templar, Variables } from '../templating/templar.ts';
import { OUTPUT_LIMIT } from '../transport/connection.ts';
import { becomeMethod, noBecomeMethod } from '../transport/shell/become.ts';
import { openConnections } from './connections.ts';
import { parseExtraVars } from './extra-vars.ts';
import { failureText } from './failure.ts';
import { terminalOperator } from './operator.ts';
import { projectPlugins, subdirectories } from './project-plugins.ts';
import { FilesRead } from './run-origin.ts';
import { loadSettings, type SettingName, type Settings } from './settings.ts';
import { vaultOptions, vaultSecrets } from './vault-secrets.ts';

const DEFAULT_FORKS = 50;

type OwnOptions = Pick<
  RunOptions,
  'checkMode' | 'diffMode' | 'tags' | 'skipTags' | 'roles' | 'startAtTask' | 'forceHandlers'
> & {
  readonly step: boolean;
  readonly strict?: boolean;
  readonly onlyReads?: boolean;
  readonly sum?: Run['sum'];
};

/** What becomes of mistakes in tasks that may never be reached. */
type LoadingOptions = Partial<Pick<LoaderOptions, 'warn' | 'strict' | 'onlyReads'>>;

/** What a command that contacts hosts needs: inventory, templates, connections; closed in one place. */
export interface Session {
  readonly inventory: Inventory;
  readonly templar: Templar;
  /** What the command line gives to all hosts. */
  readonly extraVars: VarLayer;
  readonly settings: Settings;
  readonly files: FileReader;
  readonly filesRead: FilesRead;
  readonly verbosity: number;
  /** Fires when the program is told to stop. */
  readonly signal: AbortSignal;
  /** Throws UsageError when --limit leaves no host. */
  checkLimit(): void;
  createRun(emit: Emit, options: OwnOptions): Run;
  /** A loader for playbooks that are only read. */
  createLoader(playbooks: readonly string[], own?: LoadingOptions): PlaybookLoader;
  close(): Promise<void>;
}

/**
 * Reads the inventory and asks for passwords. Throws SourceErrors and UsageError; contacts no host. Where one of several
 * inventories does not exist, `missingInventory` says what that is; when none of those that are named exists it is an error.
 */
export async function openSession(
  flags: Parsed,
  missingInventory: 'warning' | 'error' = 'error',
): Promise<Session> {
  const operator = terminalOperator(process.stdin, process.stdout);
  const settings = loadSettings(process.env, process.cwd());
  const vault = new Vault(await vaultSecrets(flags, settings, operator), vaultOptions(settings));
  const filesRead = new FilesRead();
  const files = new FileReader(
    vault,
    (file, content) => filesRead.note(file, content),
    duplicateKeys(settings),
  );
  const sources = inventorySources(flags, settings);
  const warn = missingInventory === 'error' ? undefined : printWarning;
  const extraVars = parseExtraVars(flags.texts('extra-vars'), files);
  const inventoryOptions = {
    onMissing: warn,
    merges: settings.text('hashBehaviour') === 'merge',
    extraVars: extraVars.vars,
  };
  let inventory = loadInventory(sources, files, inventoryOptions);
  const becomePassword =
    flags.has('ask-become-pass') || settings.flag('becomeAskPass')
      ? await operator.ask('BECOME password', { secret: true })
      : undefined;
  const loginPassword =
    flags.has('ask-pass') || settings.flag('askPass')
      ? await operator.ask('SSH password', { secret: true })
      : undefined;
  const templar = createTemplar({
    searchPath: templateSearchPath,
    readFile: path => files.read(path),
    decrypt: text => vault.decrypt(text).toString('utf8'),
    env: process.env,
    managed: settings.text('managed'),
    isPlugin: projectPlugins(pluginPlaces(flags.positionals, settings), {
      filter: settings.paths('filterPlugins', ':'),
      test: settings.paths('testPlugins', ':'),
      lookup: settings.paths('lookupPlugins', ':'),
    }),
  });
  const pool = openConnections(flags, settings, operator, loginPassword);
  const limit = flags.text('limit');
  const verbosity = flags.count('verbose') || (settings.number('verbosity', 0) ?? 0);
  const interrupt = interruptSignal();
  return {
    inventory,
    templar,
    settings,
    files,
    filesRead,
    verbosity,
    signal: interrupt.signal,
    checkLimit: () => checkLimit(inventory, limit),
    createRun: (emit, { step, strict, onlyReads, sum, ...own }) => ({
      options: {
        ...own,
        forks: positive(flags, 'forks') ?? settings.number('forks', 1) ?? DEFAULT_FORKS,
        limit,
        flushCache: flags.has('flush-cache'),
        verbosity,
        output: outputOptions(flags),
        defaults: playDefaults(settings),
        become: {
          enabled: flags.has('become') || settings.flag('become'),
          user: flags.text('become-user') ?? settings.text('becomeUser'),
          method: becomeMethodOf(flags, settings),
          password: becomePassword,
        },
      },
      templar,
      loader: createLoader(settings, templar, files, extraVars.vars, flags.positionals, {
        ...(strict !== undefined && { strict }),
        ...(onlyReads !== undefined && { onlyReads }),
        warn: ({ message, hint, position }) =>
          emit({
            type: 'warning',
            message,
            ...(hint !== undefined && { hint }),
            ...(position && { position }),
          }),
      }),
      get inventory() {
        return inventory;
      },
      connections: pool,
      operator,
      emit,
      sum,
      signal: interrupt.signal,
      extraVars,
      flagVars: flagVariables(flags, settings),
      hosts: new Map(),
      foreignNames: new Set(),
      customStats: new Map(),
      factCache: factCache(settings),
      files,
      refreshInventory: () => {
        const read = loadInventory(sources, files, inventoryOptions);
        inventory.addAgainTo(read);
        inventory = read;
      },
      now: () => performance.now(),
      jobs: new Map(),
      atEnd: [],
      stepping: { on: step },
    }),
    extraVars,
    createLoader: (playbooks, own) => createLoader(settings, templar, files, extraVars.vars, playbooks, own),
    close: async () => {
      interrupt.stop();
      await pool.close();
    },
  };
}

/** --become-method or the setting; a name that means none ends the program before a host is contacted. */
function becomeMethodOf(flags: Parsed, settings: Settings): string | undefined {
  const name = flags.text('become-method') ?? settings.text('becomeMethod');
  if (name === undefined || becomeMethod(name)) return name;
  const { message, hint } = noBecomeMethod(name);
  throw new UsageError(message, 5, hint);
}

/** --output-limit and --output-dir; each run has a folder of its own there. */
function outputOptions(flags: Parsed): NonNullable<RunOptions['output']> {
  const directory = flags.text('output-dir');
  const started = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return {
    limit: bytesOf(flags, 'output-limit') ?? OUTPUT_LIMIT,
    directory: directory === undefined ? undefined : join(resolve(directory), `${started}.${process.pid}`),
  };
}

const UNITS: Readonly<Record<string, number>> = { '': 0, K: 1, M: 2, G: 3 };

function bytesOf(flags: Parsed, name: string): number | undefined {
  const text = flags.text(name);
  if (text === undefined) return undefined;
  const [, number, unit = ''] = /^(\d+)([KMG]?)(?:i?B)?$/i.exec(text) ?? [];
  if (number !== undefined) return Number(number) * 1024 ** (UNITS[unit.toUpperCase()] ?? 0);
  throw new UsageError(`--${name} wants a size such as 500K, 32M or 1G, not "${text}"`, 5);
}

/** -i, else the inventory the settings name, else the usual file. */
export function inventorySources(flags: Parsed, settings: Settings): readonly string[] {
  const given = flags.texts('inventory');
  if (given.length > 0) return given;
  const usual = settings.paths('inventory', ',');
  if (usual.length > 0) return usual;
  return existsSync('/etc/ansible/hosts') ? ['/etc/ansible/hosts'] : [];
}

function checkLimit(inventory: Inventory, limit: string | undefined): void {
  if (limit === undefined) return;
  const unmatched: string[] = [];
  const hosts = inventory.select(limit, part => unmatched.push(part));
  if (hosts.length > 0 || limit === 'localhost') return;
  const names = unmatched.length > 0 ? unmatched.join(', ') : limit;
  const hint = unmatched.map(name =>
    didYouMean(name, [...inventory.hosts.keys(), ...inventory.groups.keys()]),
  );
  throw new UsageError(`--limit ${limit} matches no host of the inventory (${names})`, 1, hint.find(Boolean));
}

/** Where a project's own plugins may be: beside its playbooks and in its roles. */
function pluginPlaces(playbooks: readonly string[], settings: Settings): string[] {
  const dirs = playbooks.map(file => dirname(resolve(file)));
  const roots = [...dirs.map(dir => join(dir, 'roles')), ...settings.paths('rolesPath', ':')];
  return [...dirs, ...roots.flatMap(subdirectories)];
}

/** Roles stand beside the playbook, in a sibling folder of the playbook's, where Ansible looks, or in the package. */
function createLoader(
  settings: Settings,
  templar: Templar,
  files: FileReader,
  extraVars: Dict,
  playbooks: readonly string[],
  own: LoadingOptions = {},
): PlaybookLoader {
  const home = homedir();
  return new PlaybookLoader({
    templar,
    files,
    extraVars,
    keywords: keywordDefaults(settings),
    rolesPath: [
      ...settings.paths('rolesPath', ':'),
      ...playbooks.map(file => join(dirname(resolve(file)), '../roles')),
      join(home, '.ansible/roles'),
      '/usr/share/ansible/roles',
      '/etc/ansible/roles',
      join(PACKAGE_ROOT, 'roles'),
    ],
    collectionsPath: [
      ...settings.paths('collectionsPath', ':'),
      join(home, '.ansible/collections'),
      '/usr/share/ansible/collections',
    ],
    ownCollection: { name: 'polarplay.polardb', path: PACKAGE_ROOT },
    findModule,
    moduleNames: () => allModules().map(module => module.name),
    ...own,
  });
}

/** Where lookups search: the task's directories, which the engine puts into variables. */
function templateSearchPath(vars: Variables, kind: 'files' | 'templates' | 'vars'): readonly string[] {
  const text = (name: string): string | undefined => {
    if (!vars.has(name)) return undefined;
    const value = vars.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const playDir = text('playbook_dir') ?? process.cwd();
  const searched = vars.has('ansible_search_path') ? vars.get('ansible_search_path') : [];
  const dirs = Array.isArray(searched)
    ? searched.filter((dir): dir is string => typeof dir === 'string')
    : [];
  const own = searchPath({ role: undefined, includedFrom: [], playDir }, kind);
  return [...new Set([...dirs.flatMap(dir => [join(dir, kind), dir]), ...own])];
}

/** Level 1 of variable precedence: what flags and settings say about the login. */
function flagVariables(flags: Parsed, settings: Settings): VarLayer {
  const vars: Dict = new Map<Value, Value>();
  const set = (name: string, text: string | undefined) => {
    if (text !== undefined) vars.set(name, text);
  };
  set('ansible_user', flags.text('user') ?? settings.text('remoteUser'));
  set('ansible_port', settings.text('remotePort'));
  set('ansible_ssh_private_key_file', flags.text('private-key') ?? settings.paths('privateKeyFile', '\n')[0]);
  set('ansible_connection', flags.text('connection') ?? settings.text('transport'));
  set('ansible_ssh_args', settings.text('sshArgs'));
  set('ansible_ssh_common_args', flags.text('ssh-common-args') ?? settings.text('sshCommonArgs'));
  set('ansible_ssh_extra_args', settings.text('sshExtraArgs'));
  set('ansible_ssh_retries', settings.text('sshRetries'));
  set('ansible_host_key_checking', settings.text('hostKeyChecking'));
  return { source: 'command line', vars };
}

/** Keywords that hold where no play, block or task says otherwise. */
function keywordDefaults(settings: Settings): Keywords {
  const given = (name: SettingName, read: (name: SettingName) => Value | undefined) => {
    const value = settings.text(name) === undefined ? undefined : read(name);
    return value === undefined ? undefined : { value, at: { file: 'ansible.cfg', line: 1, col: 1 } };
  };
  const flag = (name: SettingName) => settings.flag(name);
  return {
    ...NO_KEYWORDS,
    anyErrorsFatal: given('anyErrorsFatal', flag),
    noLog: given('noLog', flag),
    timeout: given('taskTimeout', name => settings.number(name, 0)),
  };
}

/** What plays that say nothing of it go by. */
function playDefaults(settings: Settings): PlayDefaults {
  const gathering = settings.text('gathering') ?? PLAY_DEFAULTS.gathering;
  if (gathering !== 'implicit' && gathering !== 'explicit' && gathering !== 'smart')
    throw new UsageError(`the setting gathering is implicit, explicit or smart, not "${gathering}"`, 5);
  const subset = settings.list('gatherSubset');
  return {
    gathering,
    gatherSubset: subset.length > 0 ? subset : undefined,
    gatherTimeout: settings.number('gatherTimeout', 1),
    strategy: settings.text('strategy') ?? PLAY_DEFAULTS.strategy,
    pollInterval: settings.number('pollInterval', 1) ?? PLAY_DEFAULTS.pollInterval,
    mergeHashes: settings.text('hashBehaviour') === 'merge',
    needsHandlers:
      settings.text('errorOnMissingHandler') === undefined || settings.flag('errorOnMissingHandler'),
    managed: settings.text('managed'),
    version: releaseOf(settings),
    configFile: settings.file,
  };
}

/** Where facts are kept between runs; Ansible's other caches keep nothing here. */
function factCache(settings: Settings): FactCache | undefined {
  const kind = settings.text('factCaching')?.replace(/^ansible\.(builtin|legacy)\./, '') ?? 'memory';
  if (kind === 'memory') return undefined;
  if (kind !== 'jsonfile') {
    printWarning(`fact_caching ${kind} is not supported, only jsonfile: facts last as long as the run`);
    return undefined;
  }
  const [directory] = settings.paths('factCachingDirectory', '\n');
  if (directory === undefined)
    throw new UsageError('fact_caching jsonfile needs a directory: set fact_caching_connection', 5);
  return new FactCache({
    directory,
    prefix: settings.text('factCachingPrefix') ?? '',
    timeout: settings.number('factCachingTimeout', 0) ?? 86_400,
    warn: printWarning,
  });
}

/** Who hears of keys that are given twice, where the settings say that these are not mistakes. */
function duplicateKeys(settings: Settings): OnDuplicate | undefined {
  const word = settings.text('duplicateDictKey') ?? 'error';
  if (word === 'error') return undefined;
  if (word === 'ignore') return () => {};
  if (word === 'warn')
    return ({ message, position }) =>
      printWarning(`${message} (${position?.file}:${position?.line}:${position?.col})`);
  throw new UsageError(`the setting duplicate_dict_key is error, warn or ignore, not "${word}"`, 5);
}

function releaseOf(settings: Settings): string {
  const release = settings.text('version') ?? PLAY_DEFAULTS.version;
  if (/^\d+\.\d+(\.\d+)?$/.test(release)) return release;
  throw new UsageError(`the setting ansible_version wants a release such as 2.18.6, not "${release}"`, 5);
}

function positive(flags: Parsed, name: string): number | undefined {
  const text = flags.text(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UsageError(`--${name} wants a positive number, not "${text}"`, 5);
}

/**
 * The first Ctrl-C stops the run in order; a second one ends the program at once. A terminal that is closed stops it too,
 * and so does an error in nobody's task: hosts are told to stop, and the reports say how far it came.
 */
function interruptSignal(): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  // One listener for each request under way: with many hosts that is many, and no leak.
  setMaxListeners(0, controller.signal);
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write(
      '\n[interrupted: telling the running tasks to stop; press Ctrl-C again to leave at once]\n',
    );
    controller.abort();
  };
  // Without a terminal there is none that was closed: the run was started to outlive it (nohup).
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some(stream => stream.isTTY);
  const onHangup = () => {
    if (hasTerminal) controller.abort();
    else process.stderr.write('\n[hangup: there is no terminal, the run goes on]\n');
  };
  const onCrash = (error: unknown) => {
    const { text } = failureText(error);
    process.stderr.write(text);
    // Where the run has just ended, its own code says nothing of this.
    process.once('exit', () => {
      process.exitCode ||= EXIT.bug;
    });
    controller.abort(new Crash(`internal error: ${error instanceof Error ? error.message : String(error)}`));
  };
  const handlers = [
    ['SIGINT', onSignal],
    ['SIGTERM', onSignal],
    ['SIGHUP', onHangup],
  ] as const;
  for (const [name, handler] of handlers) process.on(name, handler);
  // It stays to the end of the program: an error while the last report is written would end it with another exit code.
  process.on('uncaughtException', onCrash);
  return {
    signal: controller.signal,
    stop: () => {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}
