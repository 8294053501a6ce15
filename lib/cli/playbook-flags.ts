import { type Flags, flagsHelp } from '../source/flags.ts';
import { VAULT_FLAGS } from './vault-secrets.ts';

/** Flags that say which hosts and how to reach them; shared by all commands that contact hosts. */
export const HOST_FLAGS = {
  inventory: {
    short: 'i',
    value: 'FILE',
    multiple: true,
    aliases: ['inventory-file'],
    help: 'Inventory: a YAML or INI file, a directory, a program, or "host1,host2,"; may be repeated.',
  },
  limit: { short: 'l', value: 'PATTERN', aliases: ['subset'], help: 'Only the hosts that match.' },
  'extra-vars': {
    short: 'e',
    value: 'VARS',
    multiple: true,
    help: 'Variables: name=value, JSON or YAML, or @FILE. They take precedence over all others.',
  },
  forks: { short: 'f', value: 'N', help: 'How many hosts work at the same time (default 50).' },
  user: { short: 'u', value: 'NAME', help: 'Log in as this user.' },
  'private-key': { value: 'FILE', aliases: ['key-file'], help: 'Log in with this key.' },
  'ask-pass': { short: 'k', aliases: ['connection-password'], help: 'Ask for the password of the login.' },
  connection: { short: 'c', value: 'KIND', help: 'ssh (default) or local.' },
  timeout: { short: 'T', value: 'SECONDS', help: 'How long a login may take (default 10).' },
  'ssh-common-args': {
    value: 'ARGS',
    help: 'Options in the form of ssh(1), such as "-o ProxyJump=bastion".',
  },
  'accept-new-host-keys': {
    help: 'Trust hosts that are not in known_hosts at the first login, and record their keys.',
  },
  become: { short: 'b', help: 'Run the tasks as another user (default root).' },
  'become-user': { value: 'NAME', help: 'The user to become.' },
  'become-method': { value: 'sudo|su|doas', help: 'How to become that user.' },
  'ask-become-pass': { short: 'K', help: 'Ask for the password of the user to become, or of sudo.' },
  ...VAULT_FLAGS,
  'output-limit': {
    value: 'SIZE',
    help: 'How much of the output of a command is kept, such as 500K or 1G (default 32M of each stream).',
  },
  'output-dir': {
    value: 'DIR',
    help: 'Write the whole output of commands below this directory, as it comes.',
  },
  verbose: { short: 'v', help: 'Show results; up to -vvvv shows more.' },
} as const satisfies Flags;

export const PLAYBOOK_FLAGS = {
  ...HOST_FLAGS,
  tags: { short: 't', value: 'TAGS', multiple: true, help: 'Only tasks with one of these tags.' },
  'skip-tags': { value: 'TAGS', multiple: true, help: 'No tasks with one of these tags.' },
  role: {
    value: 'NAME',
    multiple: true,
    help: 'Only the tasks of this role, and those tagged always; may be repeated.',
  },
  check: { short: 'C', help: 'Look at the hosts and say what would change, without changing it.' },
  diff: { short: 'D', help: 'Show what changes in files.' },
  'start-at-task': { value: 'NAME', help: 'Begin at the task of this name.' },
  resume: {
    help: 'Go on from the last run of this playbook, which failed or was killed: what is finished is not run again.',
  },
  step: { help: 'Ask before each task.' },
  'syntax-check': { help: 'Only read the playbooks and report mistakes.' },
  strict: { help: 'Mistakes in tasks that may never be reached are errors, not warnings.' },
  'list-hosts': { help: 'Only list the hosts of each play.' },
  'list-tasks': { help: 'Only list the tasks.' },
  'list-tags': { help: 'Only list the tags.' },
  'force-handlers': { help: 'Run notified handlers even on hosts that failed.' },
  'flush-cache': { help: 'First forget the facts that earlier runs kept (setting fact_caching).' },
  format: {
    value: 'FORMAT',
    help: 'terminal (default), json, jsonl (each event at once) or junit, on standard output.',
  },
  'task-times': { help: 'Below the recap, show the slowest tasks and their hosts.' },
  report: {
    value: 'FILE',
    multiple: true,
    help: 'Write the run to FILE too: .html (one page), .json, .jsonl or .xml (JUnit); may be repeated.',
  },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

export const PLAYBOOK_HELP = `polarplay PLAYBOOK… -i INVENTORY [options]

${flagsHelp(PLAYBOOK_FLAGS)}

Examples:
  polarplay site.yml -i hosts.yaml                        # the whole deployment
  polarplay site.yml -i hosts.yaml --check --diff         # what it would change
  polarplay site.yml -i hosts.yaml --role nbd_client -l ro1
  polarplay site.yml -i hosts.yaml -e polardb_version=11 -e @secrets.yml
  polarplay site.yml -i hosts.yaml --list-tasks

Exit codes: 0 done, 1 or 5 a mistake on the command line, 2 a host failed, 4 a host could not be reached or a file has
mistakes, 99 interrupted.
`;
