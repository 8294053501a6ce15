import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Emit } from '../engine/events.ts';
import type { Run, RunOptions } from '../engine/run.ts';
import { loadInventory } from '../inventory/load.ts';
import type { Inventory, VarLayer } from '../inventory/types.ts';
import { allModules, findModule } from '../modules/index.ts';
import { PlaybookLoader } from '../playbook/loader.ts';
import { searchPath } from '../playbook/search.ts';
import { UsageError } from '../source/errors.ts';
import { FileReader } from '../source/load.ts';
import type { Dict, Value } from '../source/value.ts';
import { Vault } from '../source/vault.ts';
import { createTemplar } from '../templating/index.ts';
import type { Templar, Variables } from '../templating/templar.ts';
import { openConnections } from './connections.ts';
import { parseExtraVars } from './extra-vars.ts';
import type { Parsed } from './flags.ts';
import { terminalOperator } from './operator.ts';
import { vaultSecrets } from './vault-secrets.ts';

const DEFAULT_FORKS = 50;

type OwnOptions = Pick<
  RunOptions,
  'checkMode' | 'diffMode' | 'tags' | 'skipTags' | 'roles' | 'startAtTask' | 'forceHandlers'
> & { readonly step: boolean };

/** What a command that contacts hosts needs: inventory, templates, connections; closed in one place. */
export interface Session {
  readonly inventory: Inventory;
  readonly templar: Templar;
  readonly verbosity: number;
  /** Throws UsageError when --limit leaves no host. */
  checkLimit(): void;
  createRun(emit: Emit, options: OwnOptions): Run;
  /** A loader for playbooks that are only read. */
  createLoader(playbooks: readonly string[]): PlaybookLoader;
  close(): Promise<void>;
}

/** Reads the inventory and asks for passwords. Throws SourceErrors and UsageError; contacts no host. */
export async function openSession(flags: Parsed): Promise<Session> {
  const operator = terminalOperator(process.stdin, process.stdout);
  const vault = new Vault(await vaultSecrets(flags, operator));
  const files = new FileReader(vault);
  const sources = inventorySources(flags);
  let inventory = loadInventory(sources, files);
  const extraVars = parseExtraVars(flags.texts('extra-vars'), files);
  const becomePassword = flags.has('ask-become-pass')
    ? await operator.ask('BECOME password', { secret: true })
    : undefined;
  const loginPassword = flags.has('ask-pass')
    ? await operator.ask('SSH password', { secret: true })
    : undefined;
  const templar = createTemplar({
    searchPath: templateSearchPath,
    readFile: path => files.read(path),
    decrypt: text => vault.decrypt(text).toString('utf8'),
    env: process.env,
  });
  const pool = openConnections(flags, operator, loginPassword);
  const limit = flags.text('limit');
  const interrupt = interruptSignal();
  return {
    inventory,
    templar,
    verbosity: flags.count('verbose'),
    checkLimit: () => checkLimit(inventory, limit),
    createRun: (emit, { step, ...own }) => ({
      options: {
        ...own,
        forks: positive(flags, 'forks', DEFAULT_FORKS),
        limit,
        flushCache: flags.has('flush-cache'),
        verbosity: flags.count('verbose'),
        become: {
          enabled: flags.has('become'),
          user: flags.text('become-user'),
          method: flags.text('become-method'),
          password: becomePassword,
        },
      },
      templar,
      loader: createLoader(templar, files, extraVars.vars, flags.positionals),
      get inventory() {
        return inventory;
      },
      connections: pool,
      operator,
      emit,
      signal: interrupt.signal,
      extraVars,
      flagVars: flagVariables(flags),
      hosts: new Map(),
      customStats: new Map(),
      files,
      refreshInventory: () => {
        inventory = loadInventory(sources, files);
      },
      now: () => performance.now(),
      jobs: new Map(),
      atEnd: [],
      stepping: { on: step },
    }),
    createLoader: playbooks => createLoader(templar, files, extraVars.vars, playbooks),
    close: async () => {
      interrupt.stop();
      await pool.close();
    },
  };
}

/** -i, else the inventory the environment names, else the usual file. */
function inventorySources(flags: Parsed): readonly string[] {
  const given = flags.texts('inventory');
  if (given.length > 0) return given;
  const fromEnvironment = process.env['ANSIBLE_INVENTORY'];
  if (fromEnvironment) return fromEnvironment.split(',');
  return existsSync('/etc/ansible/hosts') ? ['/etc/ansible/hosts'] : [];
}

function checkLimit(inventory: Inventory, limit: string | undefined): void {
  if (limit === undefined) return;
  const unmatched: string[] = [];
  const hosts = inventory.select(limit, part => unmatched.push(part));
  if (hosts.length > 0 || limit === 'localhost') return;
  const names = unmatched.length > 0 ? unmatched.join(', ') : limit;
  throw new UsageError(`--limit ${limit} matches no host of the inventory (${names})`);
}

/** The package's own folder: the bundle stands in dist/, the source in lib/cli/. */
const packageRoot = (): string =>
  join(import.meta.dirname, basename(import.meta.dirname) === 'dist' ? '..' : '../..');

/** Roles stand beside the playbook, in a sibling folder of the playbook's, where Ansible looks, or in the package. */
function createLoader(
  templar: Templar,
  files: FileReader,
  extraVars: Dict,
  playbooks: readonly string[],
): PlaybookLoader {
  const paths = (name: string, ...usual: string[]) => [
    ...(process.env[name]?.split(':').filter(Boolean) ?? []),
    ...usual,
  ];
  const home = homedir();
  return new PlaybookLoader({
    templar,
    files,
    extraVars,
    rolesPath: paths(
      'ANSIBLE_ROLES_PATH',
      ...playbooks.map(file => join(dirname(resolve(file)), '../roles')),
      join(home, '.ansible/roles'),
      '/usr/share/ansible/roles',
      '/etc/ansible/roles',
      join(packageRoot(), 'roles'),
    ),
    collectionsPath: paths(
      'ANSIBLE_COLLECTIONS_PATH',
      join(home, '.ansible/collections'),
      '/usr/share/ansible/collections',
    ),
    findModule,
    moduleNames: () => allModules().map(module => module.name),
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

/** Level 1 of variable precedence: what flags say about the login. */
function flagVariables(flags: Parsed): VarLayer {
  const vars: Dict = new Map<Value, Value>();
  const set = (flag: string, name: string) => {
    const text = flags.text(flag);
    if (text !== undefined) vars.set(name, text);
  };
  set('user', 'ansible_user');
  set('private-key', 'ansible_ssh_private_key_file');
  set('connection', 'ansible_connection');
  set('ssh-common-args', 'ansible_ssh_common_args');
  return { source: 'command line', vars };
}

function positive(flags: Parsed, name: string, fallback: number): number {
  const text = flags.text(name);
  if (text === undefined) return fallback;
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UsageError(`--${name} wants a positive number, not "${text}"`, 5);
}

/** The first Ctrl-C stops the run in order; a second one ends the program at once. */
function interruptSignal(): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  // One listener for each request under way: with many hosts that is many, and no leak.
  setMaxListeners(0, controller.signal);
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(99);
    process.stderr.write(
      '\n[interrupted: telling the running tasks to stop; press Ctrl-C again to leave at once]\n',
    );
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    stop: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
