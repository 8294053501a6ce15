import { isScalar } from 'yaml';
import type { Finding } from '../finding.ts';
import { isPlain, type LintFile } from '../lint-file.ts';
import { commandOf, type LintTask } from '../tasks.ts';

/** Programs whose work a module does. */
const INSTEAD: Readonly<Record<string, string>> = {
  'apt-get': 'apt',
  chkconfig: 'service',
  curl: 'get_url or uri',
  git: 'git',
  hg: 'hg',
  letsencrypt: 'acme_certificate',
  mktemp: 'tempfile',
  mount: 'mount',
  patch: 'patch',
  rpm: 'dnf or rpm_key',
  rsync: 'synchronize',
  sed: 'template, replace or lineinfile',
  service: 'service',
  supervisorctl: 'supervisorctl',
  svn: 'subversion',
  systemctl: 'systemd',
  tar: 'unarchive',
  unzip: 'unarchive',
  wget: 'get_url or uri',
  yum: 'dnf',
  // Beyond ansible-lint:
  apt: 'apt',
  cp: 'copy',
  crontab: 'cron',
  dnf: 'dnf',
  groupadd: 'group',
  hostnamectl: 'hostname',
  modprobe: 'modprobe',
  pip: 'pip',
  psql: 'postgresql_query',
  sysctl: 'sysctl',
  timedatectl: 'timezone',
  useradd: 'user',
  usermod: 'user',
};

/** What these programs do that no module does, mostly looking. */
const ONLY_HERE: Readonly<Record<string, RegExp>> = {
  'apt-get': /^(-\S+ )*(download|source|changelog|check|indextargets)\b/,
  crontab: /(^|\s)-l\b/,
  git: /^(-\S+ (\S+ )?)*(branch|config|describe|log|lfs|ls-files|ls-remote|rev-list|rev-parse|rev-parse|show|show-ref|status|diff|fsck|archive)\b/,
  hostnamectl: /^$|^status\b/,
  mount: /^$|^-l\b/,
  rpm: /(^|\s)(-[a-zA-Z]*q|--query|--nodeps)/,
  sysctl: /^-n\b/,
  systemctl:
    /^(-\S+ )*(is-|show|status|cat\b|list|daemon-reexec|get-default|set-default|kill|reset-failed|isolate|set-property|show-environment|set-environment|import-environment)/,
  tar: /^-?-?t/,
  timedatectl: /^$|^(status|show)\b/,
  yum: /^(-\S+ )*(clean|list|history|info|provides|repolist|search)\b/,
  dnf: /^(-\S+ )*(clean|list|history|info|provides|repolist|repoquery|search)\b/,
};

/** Words that are the shell itself: `command` cannot run them. */
const BUILTINS = new Set(
  '. : [ alias bg bind builtin cd command declare eval exec exit export fg function hash if jobs read set shopt source time times trap type typeset ulimit umask unalias unset until wait while for case'.split(
    ' ',
  ),
);

type Rule = (file: LintFile, task: LintTask) => Finding[];

const commandInsteadOfModule: Rule = (file, task) => {
  const { call } = task;
  const text = commandOf(task);
  if (!call || call.short === 'raw' || !text) return [];
  const [program = '', rest = ''] = text.split(/\s+(.*)/s);
  const name = program.replace(/^.*\//, '');
  const module = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
  if (module === undefined || ONLY_HERE[name]?.test(rest)) return [];
  const advice = `use the module ${module}: it knows when nothing is to do, and check mode can look`;
  return [file.finding('command-instead-of-module', task.map, `"${name}" by ${call.short}`, { advice })];
};

const commandInsteadOfShell: Rule = (file, task) => {
  const { call } = task;
  const text = commandOf(task);
  if (call?.short !== 'shell' || !text || call.args.has('executable')) return [];
  if (/[&|<>;$\n*[\]{}?`~()!]/.test(text.replace(/\{\{.*?\}\}/g, '{}').replaceAll('{}', ''))) return [];
  const plain = isScalar(call.key) && isPlain(call.key) && call.key.value === call.name;
  const isCommand =
    !BUILTINS.has(text.split(/\s/)[0]!) && !/[\\'"]|\{\{|^\S*=/.test(text) && !call.args.has('stdin');
  const [start, end] = file.range(call.key);
  const fix = plain && isCommand ? [{ start, end, text: call.name.replace(/shell$/, 'command') }] : undefined;
  const advice = 'use the module command: it hands the words over as they are';
  return [
    file.finding('command-instead-of-shell', task.map, 'shell runs a command without shell syntax', {
      advice,
      fix,
    }),
  ];
};

const noChangedWhen: Rule = (file, task) => {
  const { call, pairs, isHandler } = task;
  if (!call || isHandler || !['command', 'shell', 'raw', 'script'].includes(call.short)) return [];
  if (pairs.has('changed_when') || call.args.has('creates') || call.args.has('removes')) return [];
  const advice = 'add changed_when, creates or removes: without one the task counts as changed in each run';
  return [
    file.finding('no-changed-when', task.map, `${call.short} without a way to tell a change`, { advice }),
  ];
};

const inlineEnvironment: Rule = (file, task) => {
  const text = commandOf(task);
  if (task.call?.short !== 'command' || !text || !/^\w+=\S/.test(text)) return [];
  const advice = 'put it below "environment:": command starts a program, it sets no variables';
  return [file.finding('inline-env-var', task.map, 'a variable is set within a command', { advice })];
};

const shellPipe: Rule = (file, task) => {
  const text = commandOf(task);
  if (task.call?.short !== 'shell' || !text || /pwsh/.test(String(task.call.args.get('executable') ?? '')))
    return [];
  const bare = text.replace(/\{\{.*?\}\}/gs, '');
  if (!/(?<!\|)\|(?!\|)/.test(bare) || /^\s*set\s.*?-\w*o\s*\w*\s*pipefail|set .*pipefail/m.test(bare))
    return [];
  const advice = 'begin with "set -o pipefail" (executable: /bin/bash), or write without a pipe';
  return [
    file.finding('risky-shell-pipe', task.map, 'only the last command of the pipe can fail', { advice }),
  ];
};

/** Programs that change files, for which the module file has a state. */
const OF_FILES = new Set(['chgrp', 'chmod', 'chown', 'ln', 'mkdir', 'rm', 'rmdir', 'touch']);

const fileCommand: Rule = (file, task) => {
  const { call } = task;
  const program = commandOf(task)?.split(/\s/)[0]?.replace(/^.*\//, '') ?? '';
  if (!call || call.short === 'raw' || !OF_FILES.has(program)) return [];
  const advice = 'use the module file: it knows when nothing is to do, and check mode can look';
  return [file.finding('deprecated-command-syntax', task.map, `"${program}" by ${call.short}`, { advice })];
};

export const COMMAND_RULES: readonly Rule[] = [
  commandInsteadOfModule,
  commandInsteadOfShell,
  noChangedWhen,
  inlineEnvironment,
  shellPipe,
  fileCommand,
];
