import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { isTemplate } from '../../templating/templar.ts';
import type { Edit, Finding } from '../finding.ts';
import { fullName, isOwnModule } from '../full-names.ts';
import { isPlain, isTrue, itemsOf, type LintFile, pairsOf, scalarOf, textOf } from '../lint-file.ts';
import type { Call, LintTask } from '../tasks.ts';

type Rule = (file: LintFile, task: LintTask) => Finding[];

/** Replaces a node that is written plainly. */
export function replaceNode(file: LintFile, node: Node, text: string): readonly Edit[] {
  const [start, end] = file.range(node);
  return [{ start, end, text }];
}

const SHORT_NAMES_WITHOUT_TITLE = new Set([
  'include_tasks',
  'import_tasks',
  'include_role',
  'import_role',
  'meta',
]);

const names: Rule = (file, { map, pairs, call, isBlock, isHandler }) => {
  const pair = pairs.get('name');
  const text = textOf(pair?.value)?.trim();
  if (!text) {
    if (isBlock && !pair) return [];
    if (call && SHORT_NAMES_WITHOUT_TITLE.has(call.short) && !pair) return [];
    const advice = 'say what it is for: the name is what people see when it fails';
    return [
      file.finding('name[missing]', map, `${isBlock ? 'a block' : (call?.short ?? 'a task')} has no name`, {
        advice,
      }),
    ];
  }
  return [
    ...casing(file, pair!.value!, text, isHandler ? 'a handler' : 'a task', !isHandler),
    ...titleTemplate(file, map, text),
  ];
};

/** A name that begins with a small letter. What notifies a handler must have the same name: that is for people. */
export function casing(file: LintFile, node: Node, text: string, what: string, mend: boolean): Finding[] {
  const letter = text[0]!;
  if (letter === letter.toUpperCase() || !/\p{Ll}/u.test(letter)) return [];
  const [start] = file.range(node);
  const at = file.text.indexOf(letter, start);
  const fix = mend && at - start <= 1 ? [{ start: at, end: at + 1, text: letter.toUpperCase() }] : undefined;
  const advice = `begin it with "${letter.toUpperCase()}"`;
  return [
    file.finding('name[casing]', node, `the name of ${what} begins with a small letter`, { advice, fix }),
  ];
}

function titleTemplate(file: LintFile, map: Node, text: string): Finding[] {
  if (!/\}\}./s.test(text.replace(/\{\{.*?\}\}\s*$/s, ''))) return [];
  const advice = 'put it at the end, so that the task can be found by the words before it';
  return [file.finding('name[template]', map, 'a template within a name', { advice })];
}

const fullNames: Rule = (file, { call, map }) => {
  if (!call || call.key.value === 'action' || call.key.value === 'local_action') return [];
  const { name, key } = call;
  if (name.includes('.')) return canonical(file, call);
  const full = fullName(name);
  if (isOwnModule(name) || (full === undefined && call.module)) return [];
  const fix = full !== undefined && isPlain(key) ? replaceNode(file, key, full) : undefined;
  const core = full?.startsWith('ansible.builtin.') === true;
  const advice = full === undefined ? 'write it with its collection' : `write "${full}"`;
  return [
    file.finding(core ? 'fqcn[action-core]' : 'fqcn[action]', map, `"${name}" is a short name`, {
      advice,
      fix,
    }),
  ];
};

/** `community.general.docker_image` has moved. */
function canonical(file: LintFile, { name, short, key, module }: Call): Finding[] {
  const full = module && fullName(short);
  const moved = full !== undefined && !/^ansible\.(builtin|legacy)\./.test(name) && full !== name;
  if (!moved) return [];
  const fix = isPlain(key) ? replaceNode(file, key, full) : undefined;
  return [
    file.finding('fqcn[canonical]', key, `"${name}" is an old name`, { advice: `write "${full}"`, fix }),
  ];
}

const LAST_IN_BLOCKS = ['block', 'rescue', 'always'];

const keyOrder: Rule = (file, { map, pairs }) => {
  const keys = [...pairs.keys()];
  const rank = (key: string) =>
    key === 'name' ? 0 : LAST_IN_BLOCKS.includes(key) ? 2 + LAST_IN_BLOCKS.indexOf(key) : 1;
  const sorted = [...keys].sort((a, b) => rank(a) - rank(b));
  if (sorted.every((key, i) => key === keys[i])) return [];
  const nameIsLate = keys.indexOf('name') > 0;
  const fix = nameIsLate ? nameFirst(file, map) : undefined;
  const advice = `the order is ${sorted.join(', ')}`;
  return [
    file.finding(
      'key-order[task]',
      map,
      nameIsLate ? 'the name does not stand first' : 'the tasks of a block do not stand last',
      { advice, fix },
    ),
  ];
};

/** Moves a `name` of one line to the beginning of its mapping. */
export function nameFirst(file: LintFile, map: Node): readonly Edit[] | undefined {
  if (!isMap(map) || map.flow) return undefined;
  const pair = pairsOf(map).get('name');
  const first = map.items[0]?.key;
  if (!pair?.value || !first) return undefined;
  const [keyStart] = file.range(pair.key);
  const [valueStart, valueEnd] = file.range(pair.value);
  const line = file.lineOf(keyStart);
  const [start] = file.range(first as Node);
  const from = file.startOf(line);
  const to = file.startOf(line + 1);
  const oneLine =
    file.lineOf(valueStart) === line && file.lineOf(Math.max(valueStart, valueEnd - 1)) === line;
  if (
    !oneLine ||
    file.text.slice(from, keyStart).trim() !== '' ||
    /[|>&*!]/.test(file.text[valueStart] ?? '')
  )
    return undefined;
  const text = file.text.slice(keyStart, to).replace(/\n?$/, '\n');
  return [
    { start, end: start, text: text + file.text.slice(from, keyStart) },
    { start: from, end: to, text: '' },
  ];
}

const partialBecome: Rule = (file, { map, pairs }) =>
  pairs.has('become_user') && !pairs.has('become')
    ? [
        file.finding('partial-become[task]', map, 'become_user without become', {
          advice: 'add "become: true" beside it',
        }),
      ]
    : [];

/** Conditions of a keyword, one or a list. */
function conditions(task: LintTask, name = 'when'): readonly Node[] {
  const value = task.pairs.get(name)?.value;
  return isSeq(value) ? itemsOf(value) : value ? [value] : [];
}

const jinjaInWhen: Rule = (file, task) =>
  conditions(task)
    .filter(node => (textOf(node) ?? '').includes('{{'))
    .map(node =>
      file.finding('no-jinja-when', node, 'a condition is an expression already', {
        advice: 'leave the braces out',
      }),
    );

const literalCompare: Rule = (file, task) =>
  conditions(task)
    .filter(node => /[!=]=\s*(True|true|False|false)\b/.test(textOf(node) ?? ''))
    .map(node =>
      file.finding('literal-compare', node, 'a comparison with true or false', {
        advice: 'write "x", or "not x"',
      }),
    );

const emptyCompare: Rule = (file, task) =>
  conditions(task)
    .filter(node => /[!=]=\s*(""|'')/.test(textOf(node) ?? ''))
    .map(node =>
      file.finding('empty-string-compare', node, 'a comparison with the empty text', {
        advice: 'write "x | length > 0"',
      }),
    );

const noHandler: Rule = (file, task) => {
  if (task.isHandler || task.isBlock) return [];
  const value = task.pairs.get('when')?.value;
  const [only, second] = isSeq(value) ? itemsOf(value) : [value];
  const text = textOf(only);
  if (second || text === undefined || /\b(and|or|not)\b/.test(text)) return [];
  if (!/^[\w.[\]'"]+(\.changed|\s+is\s+changed)$|\|\s*changed$|^[\w.]+\['changed'\]$/.test(text.trim()))
    return [];
  const advice =
    'notify a handler instead: it runs once, and also after a run that failed in between (--resume)';
  return [file.finding('no-handler', task.map, 'a task that runs after a change of another', { advice })];
};

const ignoreErrors: Rule = (file, { map, pairs }) => {
  const value = pairs.get('ignore_errors')?.value;
  if (!isTrue(value) || pairs.has('register')) return [];
  const advice = 'say with failed_when which failures are none, or register the result and look at it';
  return [file.finding('ignore-errors', map, 'every failure is ignored', { advice })];
};

/** Modules that make a file, with what says that they do not. */
const MAKES_FILES = new Set(['archive', 'assemble', 'copy', 'file', 'get_url', 'replace', 'template']);
/** Those that make one only with `create`; the value is its default. */
const MAY_CREATE: Readonly<Record<string, boolean>> = {
  blockinfile: false,
  lineinfile: false,
  htpasswd: true,
  ini_file: true,
};

const filePermissions: Rule = (file, { call, map }) => {
  if (!call) return [];
  const { args, short, nodes } = call;
  const mode = args.get('mode');
  const may = Object.hasOwn(MAY_CREATE, short) ? MAY_CREATE[short] : undefined;
  if (!MAKES_FILES.has(short) && may === undefined) return [];
  const advice = 'add a mode in quotes, such as mode: "0644": otherwise it depends on the host';
  const found = [
    file.finding('risky-file-permissions', map, `${short} may make a file, and says no mode`, { advice }),
  ];
  if (mode === 'preserve') return ['copy', 'template'].includes(short) ? [] : found;
  if (args.has('mode') || nodes.has('mode')) return [];
  if (may !== undefined) {
    const create = args.has('create') ? args.get('create') : may;
    return create === true || create === 'yes' ? found : [];
  }
  const state = args.get('state');
  if (short === 'file') {
    if (state === undefined || state === 'absent' || state === 'link' || state === 'hard' || state === 'file')
      return [];
    return isTrueValue(args.get('recurse')) ? [] : found;
  }
  if (short === 'replace' || state === 'absent') return [];
  return found;
};

const isTrueValue = (value: unknown): boolean => value === true || value === 'yes' || value === 'true';

/** A mode as a decimal number: hardly ever what is meant. An octal one is for yaml[octal-values]. */
const octalMode: Rule = (file, { call }) => {
  if (!call) return [];
  return ['mode', 'directory_mode'].flatMap(name => {
    const node = call.nodes.get(name);
    const value = scalarOf(node);
    if (!isScalar(node) || typeof value !== 'number' || file.written(node as Node).startsWith('0')) return [];
    const message = `"${name}" is the number ${value}, permissions 0${value.toString(8)}`;
    const advice = `write "${meant(value)}" in quotes if that is what is meant`;
    return [file.finding('risky-octal', node as Node, message, { advice })];
  });
};

/** The digits that the author of a bare number means: `644` is not an octal number, and 01204 not what anybody wants. */
function meant(value: number): string {
  const octal = value.toString(8);
  const isUsual = /^[0-7]?[4-7][0-7]{2}$/.test(octal);
  return `0${!isUsual && /^[0-7]{3,4}$/.test(String(value)) ? String(value) : octal}`;
}

const PACKAGES = new Set(
  'apk apt bower bundler dnf easy_install gem homebrew jenkins_plugin npm openbsd_pkg opkg package pacman pear pip pkg5 pkgin pkgutil portage swdepot swupd yum zypper'.split(
    ' ',
  ),
);

const packageLatest: Rule = (file, { call, map }) => {
  if (!call || !PACKAGES.has(call.short) || call.args.get('state') !== 'latest') return [];
  if (
    call.args.has('version') ||
    isTrueValue(call.args.get('update_only')) ||
    isTrueValue(call.args.get('only_upgrade')) ||
    isTrueValue(call.args.get('download_only'))
  )
    return [];
  const advice = 'write "state: present", and the version if one is meant';
  return [file.finding('package-latest', map, 'the newest version, whatever it is', { advice })];
};

const gitLatest: Rule = (file, { call, map }) => {
  if (call?.short !== 'git') return [];
  const version = call.args.get('version') ?? 'HEAD';
  if (version !== 'HEAD') return [];
  return [
    file.finding('latest[git]', map, 'the newest commit, whatever it is', {
      advice: 'name a tag or a commit as version',
    }),
  ];
};

const runOnce: Rule = (file, { pairs, play }) => {
  const node = pairs.get('run_once');
  if (!node || textOf(play?.pairs.get('strategy')?.value) !== 'free') return [];
  return [
    file.finding('run-once[task]', node, 'run_once has no meaning with the strategy free', {
      advice: 'use the strategy linear',
    }),
  ];
};

const relativePaths: Rule = (file, { call, map }) => {
  if (!call || !['copy', 'win_copy', 'template', 'win_template'].includes(call.short)) return [];
  const src = call.args.get('src');
  if (typeof src !== 'string' || !src.startsWith('../')) return [];
  const advice = 'put it below files/ or templates/, or name it by its whole path';
  return [file.finding('no-relative-paths', map, `"${src}" leads out of files/ and templates/`, { advice })];
};

const implicitContent: Rule = (file, { call, map }) => {
  const content = call?.short === 'copy' ? call.nodes.get('content') : undefined;
  if (!isMap(content) && !isSeq(content)) return [];
  const advice = 'say how it is written: content: "{{ value | to_json }}"';
  return [file.finding('avoid-implicit[copy-content]', map, 'content is not a text', { advice })];
};

const bareLoop: Rule = (file, { pairs, map }) =>
  [...pairs].flatMap(([name, { value }]) => {
    if (
      !name.startsWith('with_') ||
      [
        'with_fileglob',
        'with_file',
        'with_lines',
        'with_sequence',
        'with_ini',
        'with_inventory_hostnames',
        'with_env',
        'with_pipe',
        'with_url',
        'with_template',
        'with_random_choice',
        'with_first_found',
        'with_filetree',
      ].includes(name)
    )
      return [];
    const text = textOf(value);
    if (text === undefined || isTemplate(text)) return [];
    const advice = `write "{{ ${text} }}" for the variable, or a list`;
    return [file.finding('deprecated-bare-vars', map, `"${name}" loops over the word "${text}"`, { advice })];
  });

const localAction: Rule = (file, { pairs, map }) =>
  pairs.has('local_action')
    ? [
        file.finding('deprecated-local-action', map, 'local_action is the old form', {
          advice: 'write the module, and "delegate_to: localhost"',
        }),
      ]
    : [];

const GONE = new Set(
  'accelerate aos_asset azure cl_bond cl_bridge cl_img_install cl_interface cl_interface_policy cl_license cl_ports cs_nic docker ec2_ami_find ec2_ami_search ec2_facts ec2_remote_facts ec2_vpc fireball include kubernetes netscaler nxos_ip_interface nxos_mtu nxos_portchannel nxos_switchport oc panos_nat_policy panos_security_policy s3 vsphere_guest win_msi'.split(
    ' ',
  ),
);

const goneModule: Rule = (file, { call, map }) =>
  call && GONE.has(call.short)
    ? [
        file.finding(
          'deprecated-module',
          map,
          `Ansible no longer has "${call.short}"`,
          call.short === 'include' ? { advice: 'use include_tasks or import_tasks' } : {},
        ),
      ]
    : [];

const loopPrefix: Rule = (file, { pairs, map }) => {
  if (
    !/(^|\/)roles\/[^/]+\//.test(file.path) ||
    ![...pairs.keys()].some(key => key === 'loop' || key.startsWith('with_'))
  )
    return [];
  const role = /roles\/([^/]+)\//.exec(file.path)![1]!;
  const loopVar = textOf(pairsOf(pairs.get('loop_control')?.value).get('loop_var')?.value);
  if (loopVar?.startsWith('__') || loopVar?.startsWith(`${role}_`)) return [];
  const advice = `name it in loop_control: {loop_var: ${role}_item}`;
  return [
    file.finding(
      loopVar === undefined ? 'loop-var-prefix[missing]' : 'loop-var-prefix[wrong]',
      map,
      `a loop of a role over "${loopVar ?? 'item'}"`,
      { advice },
    ),
  ];
};

const loggedPassword: Rule = (file, { call, pairs, map }) => {
  const loops = [...pairs.keys()].some(key => key === 'loop' || key.startsWith('with_'));
  const secret = call && [...call.args.keys()].some(name => /password/.test(name));
  if (!loops || !secret || pairs.has('no_log')) return [];
  return [file.finding('no-log-password', map, 'a password in a loop', { advice: 'add "no_log: true"' })];
};

const sameOwner: Rule = (file, { call, map }) => {
  if (call?.short !== 'synchronize' && call?.short !== 'unarchive') return [];
  const risky =
    call.short === 'synchronize'
      ? !['owner', 'group'].every(name => call.args.get(name) === false)
      : !/--no-same-owner/.test(String(call.args.get('extra_opts') ?? ''));
  if (!risky || !call.args.has('src')) return [];
  return [
    file.finding('no-same-owner', map, 'owners of the control machine come to the host', {
      advice: 'set owner and group',
    }),
  ];
};

const onlyBuiltins: Rule = (file, { call, map }) => {
  const full = call && (call.name.includes('.') ? call.name : (fullName(call.name) ?? call.name));
  if (full === undefined || /^ansible\.(builtin|legacy)\./.test(full)) return [];
  return [file.finding('only-builtins', map, `"${call!.name}" is not a module of Ansible itself`)];
};

export const TASK_RULES: readonly Rule[] = [
  names,
  fullNames,
  keyOrder,
  partialBecome,
  jinjaInWhen,
  literalCompare,
  emptyCompare,
  noHandler,
  ignoreErrors,
  filePermissions,
  octalMode,
  packageLatest,
  gitLatest,
  runOnce,
  relativePaths,
  implicitContent,
  bareLoop,
  localAction,
  goneModule,
  loopPrefix,
  loggedPassword,
  sameOwner,
  onlyBuiltins,
];
