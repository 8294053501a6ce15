import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../source/errors.ts';
import { parseIniText } from '../source/ini-text.ts';
import { isFile } from '../source/yaml/read-yaml.ts';
import { readIfThere } from './failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a setting stands in ansible.cfg, and the environment variables that win over it, the strongest first. */
interface Place {
  readonly section: string;
  readonly keys: readonly string[];
  readonly environment: readonly string[];
  readonly help: string;
}

const place = (section: string, key: string, help: string, more: Partial<Place> = {}): Place => ({
  section,
  keys: [key],
  environment: [`ANSIBLE_${key.toUpperCase()}`],
  help,
  ...more,
});

const SSH = 'ssh_connection';
const BECOME = 'privilege_escalation';
const PYTHON_PLUGINS =
  'Folders of plugins in Python: they do not run here, but their names are told from slips of the pen.';

/** The settings of `ansible.cfg` that count here; all others are passed over. */
export const SETTINGS = {
  inventory: place('defaults', 'inventory', 'Inventories when there is no -i.'),
  rolesPath: place('defaults', 'roles_path', 'Directories of roles.'),
  collectionsPath: place('defaults', 'collections_path', 'Directories of collections.', {
    keys: ['collections_path', 'collections_paths'],
    environment: ['ANSIBLE_COLLECTIONS_PATH', 'ANSIBLE_COLLECTIONS_PATHS'],
  }),
  filterPlugins: place('defaults', 'filter_plugins', PYTHON_PLUGINS),
  testPlugins: place('defaults', 'test_plugins', PYTHON_PLUGINS),
  lookupPlugins: place('defaults', 'lookup_plugins', PYTHON_PLUGINS),
  forks: place('defaults', 'forks', 'Hosts at the same time.'),
  remoteUser: place('defaults', 'remote_user', 'User to log in as.'),
  remotePort: place('defaults', 'remote_port', 'Port of SSH servers.'),
  privateKeyFile: place('defaults', 'private_key_file', 'Key to log in with.'),
  hostKeyChecking: place('defaults', 'host_key_checking', 'Whether host keys are checked.', {
    environment: ['ANSIBLE_SSH_HOST_KEY_CHECKING', 'ANSIBLE_HOST_KEY_CHECKING'],
  }),
  timeout: place('defaults', 'timeout', 'Seconds a login may take.'),
  transport: place('defaults', 'transport', 'Kind of connection: ssh, smart or local.'),
  askPass: place('defaults', 'ask_pass', 'Ask for the password of the login.'),
  askVaultPass: place('defaults', 'ask_vault_pass', 'Ask for the vault password.'),
  vaultPasswordFile: place('defaults', 'vault_password_file', 'File or program with the vault password.'),
  vaultIdentityList: place(
    'defaults',
    'vault_identity_list',
    'Vault passwords with labels, as for --vault-id.',
  ),
  vaultEncryptIdentity: place(
    'defaults',
    'vault_encrypt_identity',
    'Label of the vault password that encrypts, as for --encrypt-vault-id.',
  ),
  vaultIdMatch: place(
    'defaults',
    'vault_id_match',
    'Only vault passwords with the label of a text are tried on it.',
  ),
  gathering: place('defaults', 'gathering', 'When facts are gathered: implicit, explicit or smart.'),
  gatherSubset: place('defaults', 'gather_subset', 'Groups of facts to gather.'),
  gatherTimeout: place('defaults', 'gather_timeout', 'Seconds that gathering facts may take.'),
  factCaching: place('defaults', 'fact_caching', 'jsonfile: facts are kept between runs.', {
    environment: ['ANSIBLE_CACHE_PLUGIN'],
  }),
  factCachingDirectory: place(
    'defaults',
    'fact_caching_connection',
    'Directory of the facts that are kept.',
    {
      environment: ['ANSIBLE_CACHE_PLUGIN_CONNECTION'],
    },
  ),
  factCachingPrefix: place('defaults', 'fact_caching_prefix', 'How their files begin.', {
    environment: ['ANSIBLE_CACHE_PLUGIN_PREFIX'],
  }),
  factCachingTimeout: place(
    'defaults',
    'fact_caching_timeout',
    'Seconds that they are good for, 86400 when unset; 0: for ever.',
    { environment: ['ANSIBLE_CACHE_PLUGIN_TIMEOUT'] },
  ),
  duplicateDictKey: place(
    'defaults',
    'duplicate_dict_key',
    'What a key is that a mapping has twice: error (also when nothing is said), warn or ignore.',
    { environment: ['ANSIBLE_DUPLICATE_YAML_DICT_KEY'] },
  ),
  hashBehaviour: place('defaults', 'hash_behaviour', 'merge: mappings of the same name are merged.'),
  strategy: place('defaults', 'strategy', 'Strategy of plays that name none.'),
  anyErrorsFatal: place('defaults', 'any_errors_fatal', 'A failure on one host is a failure of all.'),
  forceHandlers: place('defaults', 'force_handlers', 'Handlers run even on hosts that failed.'),
  errorOnMissingHandler: place(
    'defaults',
    'error_on_missing_handler',
    'false: a handler that nobody defines is a warning.',
  ),
  noLog: place('defaults', 'no_log', 'Results are not shown.'),
  taskTimeout: place('defaults', 'task_timeout', 'Seconds a task may take.'),
  pollInterval: place('defaults', 'poll_interval', 'Seconds between looks at a background task.'),
  managed: place('defaults', 'ansible_managed', 'The text of the variable `ansible_managed`.'),
  version: place(
    'defaults',
    'ansible_version',
    'The release in the variable `ansible_version`, for playbooks that refuse others; 2.18.6 when unset.',
    { environment: ['POLARPLAY_ANSIBLE_VERSION'] },
  ),
  verbosity: place('defaults', 'verbosity', 'How often -v counts as given.'),
  callbacksEnabled: place(
    'defaults',
    'callbacks_enabled',
    'profile_tasks: the slowest tasks are shown, as with --task-times; others have no meaning here.',
  ),
  stdoutCallback: place('defaults', 'stdout_callback', 'json: the report is JSON, as with --format json.'),
  logPath: place('defaults', 'log_path', 'A file that what the terminal shows is added to.'),
  retryFiles: place('defaults', 'retry_files_enabled', 'Write PLAYBOOK.retry with the hosts that failed.'),
  retryFilesPath: place('defaults', 'retry_files_save_path', 'Directory of these files.'),
  become: place(BECOME, 'become', 'Work as another user.'),
  becomeMethod: place(BECOME, 'become_method', 'sudo, su or doas.'),
  becomeUser: place(BECOME, 'become_user', 'The user to become.'),
  becomeAskPass: place(BECOME, 'become_ask_pass', 'Ask for the password of the user to become, or of sudo.'),
  sshArgs: place(SSH, 'ssh_args', 'Options in the form of ssh(1).'),
  sshCommonArgs: place(SSH, 'ssh_common_args', 'More of them.'),
  sshExtraArgs: place(SSH, 'ssh_extra_args', 'More of them.'),
  sshRetries: place(SSH, 'retries', 'How often a login is tried again.', {
    environment: ['ANSIBLE_SSH_RETRIES'],
  }),
  diffAlways: place('diff', 'always', 'As --diff.', { environment: ['ANSIBLE_DIFF_ALWAYS'] }),
  runTags: place('tags', 'run', 'As --tags.', { environment: ['ANSIBLE_RUN_TAGS'] }),
  skipTags: place('tags', 'skip', 'As --skip-tags.', { environment: ['ANSIBLE_SKIP_TAGS'] }),
} as const satisfies Readonly<Record<string, Place>>;

export type SettingName = keyof typeof SETTINGS;

/** What a project's `ansible.cfg` and the environment say; flags win over both. */
export class Settings {
  readonly file: string | undefined;
  readonly #sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #environment: Environment;

  constructor(file: string | undefined, environment: Environment) {
    this.file = file;
    this.#environment = environment;
    this.#sections = parseIniText((file !== undefined && readIfThere(file)) || '');
  }

  text(name: SettingName): string | undefined {
    return this.#find(name)?.value;
  }

  flag(name: SettingName): boolean {
    return /^(y|yes|on|1|true|t)$/i.test(this.text(name) ?? '');
  }

  /** A number from `least` on. Throws UsageError for anything else. */
  number(name: SettingName, least: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (Number.isInteger(number) && number >= least) return number;
    throw new UsageError(
      `the setting ${SETTINGS[name].keys[0]} wants a number from ${least} on, not "${text}"`,
      5,
    );
  }

  list(name: SettingName, separator = ','): readonly string[] {
    const parts = (this.text(name) ?? '').split(separator);
    return parts.map(part => part.trim()).filter(Boolean);
  }

  /** Paths; relative ones in ansible.cfg start where the file is. */
  paths(name: SettingName, separator: string): readonly string[] {
    const found = this.#find(name);
    if (!found) return [];
    const parts = found.value.split(separator).map(part => part.trim());
    return parts.filter(Boolean).map(part => (part.includes(',') ? part : this.#path(part, found.base)));
  }

  #path(text: string, base: string): string {
    const home = homedir();
    const expanded = text
      .replaceAll('{{CWD}}', process.cwd())
      .replace(/^~(?=\/|$)/, home)
      .replace(/\$\{?(\w+)\}?/g, (whole, name: string) => this.#environment[name] ?? whole);
    return resolve(base, expanded);
  }

  #find(name: SettingName): { readonly value: string; readonly base: string } | undefined {
    const { section, keys, environment }: Place = SETTINGS[name];
    for (const variable of environment) {
      const value = this.#environment[variable];
      if (value !== undefined && value !== '') return { value, base: process.cwd() };
    }
    for (const key of keys) {
      const value = this.#sections.get(section)?.get(key);
      if (value !== undefined && value !== '')
        return { value: value.replace(/^(['"])(.*)\1$/, '$2'), base: dirname(this.file!) };
    }
    return undefined;
  }
}

/** The settings that hold in a directory: of the file that ANSIBLE_CONFIG names, else of the usual places the first. */
export function loadSettings(environment: Environment, dir: string): Settings {
  const named = environment['ANSIBLE_CONFIG'];
  const candidates = [
    ...(named ? [isFile(named) ? named : join(named, 'ansible.cfg')] : []),
    ...(isWritableByAll(dir) ? [] : [join(dir, 'ansible.cfg')]),
    join(homedir(), '.ansible.cfg'),
    '/etc/ansible/ansible.cfg',
  ];
  return new Settings(candidates.find(isFile), environment);
}

/** Anybody could put settings there: such a directory is passed over, as in Ansible. */
const isWritableByAll = (dir: string): boolean => (statSync(dir).mode & 0o002) !== 0;
