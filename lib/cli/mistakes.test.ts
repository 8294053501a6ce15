import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { hintsBehind } from '../../test/support/mistake-text.ts';
import { onlyAsRoot } from '../../test/support/requirements.ts';
import { makeKey, type Sshd, startSshd, whyNoSshd } from '../../test/support/sshd.ts';
import { addUser, type TestUser } from '../../test/support/users.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The program as people run it: the bundle, made from this source before the tests (see built.ts). */
const MAIN = join(ROOT, 'dist/polarplay.js');

interface Answer {
  readonly code: number;
  readonly text: string;
}

/** Runs the program as a person would, in a folder that holds `files`; what it says, colours and all. */
function polarplay(files: Readonly<Record<string, string>>, args: readonly string[]): Promise<Answer> {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-mistakes-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return new Promise(resolve => {
    const options = {
      cwd: dir,
      timeout: 60_000,
      env: { ...process.env, NO_COLOR: '1', ANSIBLE_ROLES_PATH: '' },
    };
    execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      rmSync(dir, { recursive: true, force: true });
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, text: stdout + stderr });
    });
  });
}

const play = (tasks: string, head = '') => `- hosts: all\n  gather_facts: false\n${head}  tasks:\n${tasks}`;
const site = (text: string, more: Readonly<Record<string, string>> = {}) => ({
  'site.yml': text,
  hosts: 'h1 ansible_connection=local\n',
  ...more,
});
const RUN = ['site.yml', '-i', 'hosts'];

/** An author's mistake: found before any host is contacted, with its place. */
const authorMistakes: readonly [string, Readonly<Record<string, string>>, readonly RegExp[]][] = [
  [
    'unknown module',
    site(play('    - debgu: {msg: x}\n')),
    [/^site\.yml:4:7 UNKNOWN_MODULE no module "debgu".*did you mean "debug"/m],
  ],
  [
    'unknown argument',
    site(play('    - debug: {mgs: x}\n')),
    [/^site\.yml:4:15 UNKNOWN_ARGUMENT .*"mgs".*msg/m],
  ],
  ['wrong type', site(play('    - wait_for: {port: many}\n')), [/^site\.yml:4:\d+ WRONG_TYPE .*integer/m]],
  ['tab in YAML', site('- hosts: all\n  tasks:\n\t- debug:\n'), [/^site\.yml:3:1 YAML_TAB /m]],
  [
    'duplicate key',
    site(play('    - name: a\n      name: b\n      debug: {msg: x}\n')),
    [/^site\.yml:5:7 DUPLICATE_KEY .*name/m],
  ],
  [
    'missing role',
    site('- hosts: all\n  roles: [nowhere]\n'),
    [/^site\.yml:2:\d+ UNKNOWN_ROLE .*"nowhere"/m],
  ],
  [
    'unknown keyword',
    site(play('    - debug: {msg: x}\n      wehn: true\n')),
    [/^site\.yml:5:7 UNKNOWN_KEY .*wehn.*when/m],
  ],
  [
    'unknown become method',
    site(play('    - debug: {msg: x}\n      become_method: sodu\n')),
    [/^site\.yml:5:\d+ WRONG_TYPE "become_method" must be sudo, su or doas.*did you mean "sudo"/m],
  ],
  [
    'unknown become method of a host',
    {
      ...site(play('    - debug: {msg: x}\n')),
      'host_vars/h1.yml': '# how\nansible_become_method: pfexec\n',
    },
    [/host_vars\/h1\.yml:2:\d+ BAD_VALUE there is no become method "pfexec"[\s\S]*sudo, su or doas/],
  ],
  [
    'unknown filter',
    site(play('    - debug: {msg: "{{ 1 | itn }}"}\n')),
    [/^site\.yml:4:\d+ UNKNOWN_FILTER .*itn.*int/m],
  ],
  [
    'template syntax',
    site(play('    - debug: {msg: "{{ 1 + }}"}\n')),
    [/^site\.yml:4:\d+ TEMPLATE_SYNTAX /m],
  ],
  [
    'indentation between two levels',
    site('- hosts: all\n  tasks:\n    - name: a\n     debug: {msg: x}\n'),
    [/^site\.yml:4:6 YAML_SYNTAX this line is indented differently from its neighbours, line it up/m],
  ],
  [
    'indentation that is not a second colon',
    site('- hosts: all\n  tasks:\n    - debug: {msg: x}\n  when: x\n   become: true\n'),
    [/^site\.yml:\d:\d YAML_SYNTAX this line is indented differently/m],
  ],
  [
    'a list item below a mapping',
    site('- hosts: all\n  tasks:\n    - debug:\n        msg: x\n        - y\n'),
    [/^site\.yml:5:9 YAML_SYNTAX this line is indented differently/m],
  ],
  [
    'a second colon',
    site(play('    - debug: msg: x\n')),
    [/^site\.yml:4:\d+ YAML_SYNTAX a second ": " on one line, quote the value/m],
  ],
  [
    'arguments at the level of the module',
    site(play('    - debug:\n      msg: x\n')),
    [/^site\.yml:5:7 UNKNOWN_KEY "msg" is neither .* indent it below "debug", whose argument it is/m],
  ],
  [
    'a loop over text',
    site(play('    - debug: {msg: x}\n      loop: "a,b,c"\n')),
    [/^site\.yml:5:13 WRONG_TYPE "loop" must be a list.* write \[a, b, c\]$/m],
  ],
  [
    'a loop over the name of a variable',
    site(play('    - debug: {msg: x}\n      loop: disks\n')),
    [/WRONG_TYPE "loop" must be a list.* write "\{\{ disks \}\}"$/m],
  ],
  [
    'a name that no variable has',
    site(play('    - command: uptime\n      register: my var\n')),
    [/^site\.yml:5:17 BAD_VALUE "my var" cannot be the name of a variable, .*"my_var"$/m],
  ],
  [
    'a command for a module',
    site(play('    - apt-get: {name: x}\n')),
    [/^site\.yml:4:7 UNKNOWN_MODULE no module "apt-get", did you mean "apt"\?$/m],
  ],
  [
    'a port with a letter',
    { ...site(play('    - debug: {msg: x}\n')), 'host_vars/h1.yml': 'ansible_port: "22x"\n' },
    [/host_vars\/h1\.yml:1:15 BAD_VALUE invalid port "22x", expected a number from 1 to 65535$/m],
  ],
  [
    'a play without hosts',
    site('- host: all\n  tasks: []\n'),
    [/UNKNOWN_KEY a play has no "host", did you mean "hosts"\?/, /MISSING_KEY this play names no hosts/],
  ],
  [
    'a mapping for a list of plays',
    site('hosts: all\ntasks: []\n'),
    [/^site\.yml:1:1 WRONG_TYPE a playbook must be a list of plays, begin it with "- hosts: …"$/m],
  ],
  [
    'a mapping for a list of tasks',
    site(play('    debug:\n      msg: x\n')),
    [/"tasks" must be a list of tasks/],
  ],
  [
    'a word for a flag',
    site(play('    - debug: {msg: x}\n      become: yess\n')),
    [/^site\.yml:5:15 WRONG_TYPE "become" must be true or false$/m],
  ],
  [
    'one equals sign',
    site(play('    - debug: {msg: x}\n      when: x = "Debian"\n')),
    [/^site\.yml:5:15 TEMPLATE_SYNTAX unexpected "=", expected the end of the expression, "==" compares$/m],
  ],
  [
    'a list of variables',
    site('- hosts: all\n  vars: [a]\n  tasks: []\n'),
    [/^site\.yml:2:10 WRONG_TYPE "vars" must be a mapping, write "name: value" lines below it$/m],
  ],
  [
    'a template at the begin of a value',
    site(play('    - debug:\n        msg: {{ x }}\n')),
    [/^site\.yml:5:14 YAML_SYNTAX a value that starts with "\{\{" must be quoted, write "\{\{ x \}\}"$/m],
  ],
  [
    'a template that is never closed',
    site(play('    - shell: echo {{ foo }\n')),
    [/^site\.yml:4:14 BAD_VALUE a quote or a template is opened and never closed/m],
  ],
  [
    'an if that is never closed',
    site(play('    - debug: {msg: "{% if 1 %}x"}\n')),
    [/^site\.yml:4:32 TEMPLATE_SYNTAX the "if" block is never closed, close it with \{% endif %\}$/m],
  ],
  [
    'a keyword of a task at a block',
    site(play('    - block:\n        - debug: {msg: x}\n      register: r\n')),
    [/^site\.yml:6:7 UNKNOWN_KEY a block has no "register", it belongs to a task$/m],
  ],
  [
    'a playbook imported among tasks',
    site(play('    - import_playbook: x.yml\n')),
    [
      /^site\.yml:4:7 BAD_VALUE "import_playbook" stands among plays, not among tasks, use "import_tasks" for a file of tasks$/m,
    ],
  ],
  [
    'a file of tasks for a playbook',
    site('- debug: {msg: x}\n- command: x\n'),
    [
      /^site\.yml:1:3 WRONG_TYPE this is a task \("debug"\), and a playbook is a list of plays, write it below "tasks:" of a play/m,
    ],
  ],
  [
    'a full-width colon after a key of a play',
    site('- hosts：all\n  tasks: []\n'),
    [/ = the line holds the full-width colon "：": YAML wants ":" and a space$/m],
  ],
  [
    'a full-width colon after a module',
    site(play('    - debug：\n        msg: x\n')),
    [
      /^site\.yml:4:7 YAML_SYNTAX expected "key: value"/m,
      / = the line holds the full-width colon "：": YAML wants/,
    ],
  ],
  [
    'a full-width colon in braces',
    site(play('    - debug: {msg：x}\n')),
    [/^site\.yml:4:15 UNKNOWN_ARGUMENT /m, / = the line holds the full-width colon "：": YAML wants/],
  ],
  [
    'full-width spaces for indentation',
    site(play('\u3000\u3000- debug: {msg: x}\n')),
    [/ = the line begins with a full-width or no-break space: YAML is indented with ordinary spaces$/m],
  ],
  [
    'arguments that exclude each other',
    site(play('    - copy: {dest: /tmp/never, content: x, src: y}\n')),
    [/CONFLICTING_KEYS arguments src and content of module "copy" exclude each other/],
  ],
  [
    'a state that a module does not know',
    site(play('    - service: {name: x, state: start}\n')),
    [
      /BAD_VALUE "state" of module "service" must be one of reloaded, restarted, started, stopped, not "start"$/m,
    ],
  ],
  [
    'a word for a number',
    site(play('    - command: "true"\n      retries: three\n      until: false\n')),
    [/^site\.yml:5:16 WRONG_TYPE "retries" must be a whole number$/m],
  ],
  [
    'an empty playbook',
    site(''),
    [/^site\.yml:1:1 WRONG_TYPE an empty playbook: there is nothing to do, begin it with "- hosts: …"$/m],
  ],
  [
    'hosts of an inventory as a list',
    { ...site(play('    - debug: {msg: x}\n')), hosts: '---\nall:\n  hosts: [h1, h2]\n' },
    [
      /^hosts:3:10 BAD_INVENTORY "hosts" of group "all" must be a mapping, write each name with a colon after it/m,
    ],
  ],
  [
    'a variable of a host without its equals sign',
    { ...site(play('    - debug: {msg: x}\n')), hosts: 'h1 ansible_host 10.0.0.1\n' },
    [/^hosts:1:\d+ BAD_INVENTORY expected name=value, not "ansible_host"/m],
  ],
  [
    'several mistakes at once',
    site(play('    - debgu: {msg: x}\n    - debug: {mgs: x}\n    - debug: {msg: x}\n      wehn: true\n')),
    [/UNKNOWN_MODULE/, /UNKNOWN_ARGUMENT/, /UNKNOWN_KEY/, /3 mistakes; no host was contacted/],
  ],
];

describe('mistakes of an author', () => {
  for (const [name, files, patterns] of authorMistakes) {
    it(name, async () => {
      const { code, text } = await polarplay(files, RUN);
      for (const pattern of patterns) expect(hintsBehind(text)).to.match(pattern);
      expect(text).not.to.match(/^\s+at .*\.ts:\d+/m);
      expect(text).not.to.include('PLAY [');
      expect(code).to.equal(4);
    });
  }
});

const runMistakes: readonly [
  string,
  Readonly<Record<string, string>>,
  readonly string[],
  number,
  readonly RegExp[],
][] = [
  [
    'a role that the playbook does not use',
    {
      ...site('- hosts: all\n  gather_facts: false\n  roles: [nbd]\n'),
      'roles/nbd/tasks/main.yml': '- debug:\n',
    },
    [...RUN, '--role', 'ndb'],
    1,
    [/^polarplay: --role: the playbook uses no role "ndb", did you mean "nbd"\?$/m],
  ],
  [
    'a task to start at that nobody has',
    site(play('    - name: Say it\n      debug: {msg: x}\n')),
    [...RUN, '--start-at-task', 'Sya it'],
    1,
    [/^polarplay: --start-at-task: no task is called "Sya it", did you mean "Say it"\?$/m],
  ],
  [
    'the deployment without an inventory',
    {},
    ['site.yml'],
    1,
    [/^polarplay: no inventory: name one with -i$/m],
  ],
  [
    'the deployment with an inventory of something else',
    { hosts: '[storge]\nst1\n[nodes]\nrw1\n' },
    ['site.yml', '-i', 'hosts'],
    1,
    [/^polarplay: the inventory has no host in the group "storage", did you mean "storge"\?$/m],
  ],
  [
    'status of something else',
    { hosts: 'db1\n' },
    ['status', '-i', 'hosts'],
    1,
    [
      /^polarplay: the inventory has no host in the group "storage", it has no groups; "polarplay init" writes one$/m,
    ],
  ],
  [
    'a misspelt variable of the connection',
    {
      ...site(play('    - debug: {msg: x}\n')),
      hosts: 'h1 ansible_connection=local ansible_hots=10.0.0.1\n',
    },
    RUN,
    0,
    [/"ansible_hots" has no meaning, did you mean "ansible_host"\?/],
  ],
  [
    'half a mapping for one task',
    { hosts: 'h1 ansible_connection=local\n' },
    ['run', 'h1', '-i', 'hosts', '-m', 'file', '-a', '{bad'],
    5,
    [/^polarplay: --args \{bad: what begins with "\{" must be JSON/m],
  ],
  [
    'a host that the inventory does not have',
    { hosts: 'db1 ansible_connection=local\n' },
    ['run', 'db2', '-i', 'hosts', '-m', 'ping'],
    0,
    [/Could not match supplied host pattern, ignoring: db2, did you mean "db1"\?/],
  ],
  [
    'a relative name for one task',
    { hosts: 'h1 ansible_connection=local\n', 'here.txt': 'x' },
    ['run', 'h1', '-i', 'hosts', '-C', '-m', 'copy', '-a', 'src=here.txt dest=/nowhere'],
    0,
    [/CHANGED/],
  ],
  [
    'a flag of the lab',
    {},
    ['lab', 'up', '--nmae', 'x'],
    5,
    [/^polarplay: unknown option --nmae, did you mean --name\?$/m],
  ],
  [
    'a word of the lab',
    {},
    ['lab', 'sttaus'],
    5,
    [/^polarplay: no lab command "sttaus", did you mean "status"\?$/m],
  ],
  [
    'mistakes that come up after a change',
    site(play('    - command: "true"\n    - include_tasks: "{{ name }}.yml"\n      vars: {name: late}\n'), {
      'late.yml': '- debug: {msg: x}\n  wehn: 1\n- debug: {msg: x}\n  wehn: 2\n',
    }),
    RUN,
    4,
    [/changed: \[h1\]/, /UNKNOWN_KEY/, /^2 mistakes$/m],
  ],
  [
    'a misspelt playbook',
    site(play('    - debug: {msg: x}\n')),
    ['site.yaml', '-i', 'hosts'],
    1,
    [/^polarplay: the playbook "site\.yaml" does not exist, did you mean "site\.yml"\?$/m],
  ],
  [
    'a host where an inventory is wanted',
    site(play('    - debug: {msg: x}\n')),
    ['site.yml', '-i', 'db1.example.org'],
    1,
    [/^polarplay: the inventory "db1.example.org" does not exist, .* write "db1.example.org,"$/m],
  ],
  [
    'a misspelt inventory',
    { ...site(play('    - debug: {msg: x}\n')), 'hosts.yaml': 'all: {}\n' },
    ['site.yml', '-i', 'hosts.yml'],
    1,
    [/^polarplay: the inventory "hosts\.yml" does not exist, did you mean "hosts\.yaml"\?$/m],
  ],
  [
    'a tag that no task has',
    site(play('    - debug: {msg: x}\n      tags: deploy\n')),
    [...RUN, '--tags', 'depoly'],
    0,
    [/^\[WARNING\]: --tags: no task has the tag "depoly", did you mean "deploy"\?$/m],
  ],
  [
    'a group that the inventory does not have',
    { ...site('- hosts: wbe\n  tasks: []\n'), hosts: '[web]\nh1\n' },
    RUN,
    0,
    [
      /^\[WARNING\]: Could not match supplied host pattern, ignoring: wbe, did you mean "web"\? \(site\.yml:1:10\)$/m,
    ],
  ],
  [
    'a misspelt handler',
    site(
      play(
        '    - command: "true"\n      notify: restrat\n  handlers:\n    - {name: restart, debug: {msg: x}}\n',
      ),
    ),
    RUN,
    1,
    [/^\[WARNING\]: no handler is called "restrat" or listens to it, did you mean "restart"\?/m],
  ],
  [
    'a misspelt loop',
    site(play('    - debug: {msg: x}\n      with_itmes: [1]\n')),
    RUN,
    2,
    [/FAILED! => there is no lookup "itmes"\n {4}hint {6}did you mean "items"\?\n/],
  ],
  [
    'a misspelt variable',
    site(play('    - debug: {msg: "{{ inventory_hostnam }}"}\n')),
    RUN,
    2,
    [/'inventory_hostnam' is undefined\n {4}hint {6}did you mean "inventory_hostname"\?\n/],
  ],
  [
    'a file that includes itself',
    { ...site(play('    - include_tasks: a.yml\n')), 'a.yml': '- include_tasks: a.yml\n' },
    RUN,
    2,
    [
      /FAILED! => 200 files deep, and "a\.yml" is included again\n {4}hint {6}a file that includes itself needs a "when"/,
    ],
  ],
  [
    'a report of a kind that there is not',
    site(play('    - debug: {msg: x}\n')),
    [...RUN, '--report', 'run.pdf'],
    5,
    [/^polarplay: --report run\.pdf: expected a name that ends in \.html, \.json, \.jsonl or \.xml$/m],
  ],
  [
    'extra variables in half a mapping',
    site(play('    - debug: {msg: x}\n')),
    [...RUN, '-e', '{bad'],
    4,
    [/^--extra-vars:1:\d+ YAML_SYNTAX /m],
  ],
  [
    'a file of extra variables that is not there',
    site(play('    - debug: {msg: x}\n')),
    [...RUN, '-e', '@vars.yml'],
    4,
    [/FILE_NOT_FOUND "vars\.yml" does not exist/],
  ],
  [
    'a word for a number of forks',
    site(play('    - debug: {msg: x}\n')),
    [...RUN, '--forks', 'many'],
    5,
    [/^polarplay: --forks wants a positive number, not "many"$/m],
  ],
  [
    'undefined variable',
    site(play('    - debug: {msg: "{{ nothing }}"}\n')),
    RUN,
    2,
    [/FAILED!.*site\.yml:4:\d+ .*'nothing' is undefined/],
  ],
  [
    'missing template',
    site(play('    - template: {src: no.j2, dest: /tmp/never}\n')),
    RUN,
    4,
    [/site\.yml:4:23 FILE_NOT_FOUND no file "no\.j2"/],
  ],
  [
    'command not found',
    site(play('    - command: no-such-program-here\n')),
    RUN,
    2,
    [/FAILED!/, /command +no-such-program-here/, /exit code +\d+/, /site\.yml:4:7/],
  ],
  [
    'failing command',
    site(play('    - shell: "echo oops >&2; exit 7"\n')),
    RUN,
    2,
    [/exit code 7/, /stderr +oops/, /site\.yml:4:7/],
  ],
  ['bad host pattern', site('- hosts: "~("\n  tasks: []\n'), RUN, 1, [/site\.yml:1:10 BAD_PATTERN/]],
  [
    'empty limit',
    site(play('    - debug: {msg: x}\n')),
    [...RUN, '--limit', 'nobody'],
    1,
    [/--limit nobody matches no host/],
  ],
  ['missing playbook', {}, ['nowhere.yml'], 1, [/the playbook "nowhere\.yml" does not exist/]],
  ['unknown flag', {}, ['site.yml', '--chek'], 5, [/unknown option --chek, did you mean --check\?/]],
  [
    'two storage hosts for the deployment',
    {
      hosts: [
        '[storage]\nst[1:2]',
        '[primary]\nrw1',
        '[nodes:children]\nprimary',
        '[cluster:children]\nstorage\nnodes',
        '[all:vars]\nansible_connection=local\nansible_become=false\n',
      ].join('\n'),
    },
    [join(ROOT, 'playbooks/site.yml'), '-i', 'hosts', '--check'],
    2,
    [/FAILED|failed/, /the group storage holds st1, st2: it must hold one host/],
  ],
  ['missing inventory', site(play('    - debug: {msg: x}\n')), ['site.yml', '-i', 'nowhere'], 1, [/nowhere/]],
];

describe('mistakes that show on the way', () => {
  for (const [name, files, args, exit, patterns] of runMistakes) {
    it(name, async () => {
      const { code, text } = await polarplay(files, args);
      for (const pattern of patterns) expect(text).to.match(pattern);
      expect(text).not.to.match(/^\s+at .*\.ts:\d+/m);
      expect(code).to.equal(exit);
    });
  }
});

describe('a reader that leaves', () => {
  it('does not stop the run, nor change its verdict', () => {
    const dir = mkdtempSync(join(tmpdir(), 'polarplay-reader-'));
    const left = join(dir, 'left');
    writeFileSync(
      join(dir, 'site.yml'),
      play(
        `    - debug: {msg: "{{ 'x' * 200000 }}"}\n    - shell: sleep 0.3\n    - debug: {msg: y}\n    - copy: {content: x, dest: ${left}}\n`,
      ),
    );
    writeFileSync(join(dir, 'hosts'), 'h1 ansible_connection=local\n');
    const line = '"$0" "$1" site.yml -i hosts | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"';
    const code = execFileSync('bash', ['-c', line, process.execPath, MAIN], {
      cwd: dir,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(code).to.equal('0\n');
    expect(readFileSync(left, 'utf8')).to.equal('x');
    rmSync(dir, { recursive: true });
  });
});

describe('a full disk', () => {
  const small = join(tmpdir(), `polarplay-small-${process.pid}`);

  before(function () {
    onlyAsRoot(this, 'mounts a disk that is full');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]);
    writeFileSync(join(small, 'file'), 'old');
  });
  after(() => {
    if (!existsSync(small)) return;
    execFileSync('umount', [small]);
    rmSync(small, { recursive: true });
  });

  it('fails with the cause, leaves the target as it was and nothing beside it', async () => {
    const task = `    - copy: {content: "{{ 'x' * 200000 }}", dest: ${small}/file}\n`;
    const { code, text } = await polarplay(site(play(task)), RUN);
    expect(text).to.match(/FAILED!.*cannot write .*100%/s);
    expect(code).to.equal(2);
    expect(readdirSync(small)).to.deep.equal(['file']);
    expect(readFileSync(join(small, 'file'), 'utf8')).to.equal('old');
  });
});

describe('hosts that refuse', () => {
  let sshd: Sshd;
  let user: TestUser | undefined;

  before(async function () {
    const why = whyNoSshd();
    if (why) {
      console.log(`    ${why}`);
      this.skip();
    }
    sshd = await startSshd();
    user = addUser('/bin/sh');
  });
  after(async () => {
    await sshd?.stop();
    user?.remove();
  });

  const tasks = play(
    '    - {name: who, command: id -un, register: r}\n    - {name: say, debug: {msg: "I am {{ r.stdout }}"}}\n',
  );
  /** The inventory of the test server, its key known unless `known` says otherwise. */
  const hosts = (more = '', known = sshd.settings.knownHostsFiles[0]) =>
    `h1 ansible_host=127.0.0.1 ansible_port=${sshd.port} ansible_user=root ansible_ssh_private_key_file=${sshd.key} ansible_ssh_common_args='-o UserKnownHostsFile=${known} -F none' ${more}\n`;

  it('lets the right key in', async () => {
    const { code, text } = await polarplay({ 'site.yml': tasks, hosts: hosts() }, RUN);
    expect(text).to.include('I am root');
    expect(code).to.equal(0);
  });

  it('unreachable host', async () => {
    const { code, text } = await polarplay(
      { 'site.yml': tasks, hosts: 'h1 ansible_host=127.0.0.1 ansible_port=1\n' },
      RUN,
    );
    expect(text).to.match(/UNREACHABLE!.*refused/i);
    expect(text).to.match(/h1 +: ok=0 .*unreachable=1/);
    expect(code).to.equal(4);
  });

  it('wrong key', async () => {
    const other = makeKey(join(sshd.directory, 'other'));
    const { code, text } = await polarplay(
      { 'site.yml': tasks, hosts: hosts(`ansible_ssh_private_key_file=${other}`).replace(sshd.key, other) },
      RUN,
    );
    expect(text).to.match(/UNREACHABLE!/);
    expect(text).to.match(/key|auth/i);
    expect(code).to.equal(4);
  });

  it('unknown host key, with its fingerprint and the way to accept it', async () => {
    const { code, text } = await polarplay(
      { 'site.yml': tasks, hosts: hosts('', join(sshd.directory, 'empty')) },
      RUN,
    );
    expect(text).to.match(/SHA256:/);
    expect(text).to.include('--accept-new-host-keys');
    expect(code).to.equal(4);
  });

  it('changed host key', async () => {
    const other = makeKey(join(sshd.directory, 'impostor'));
    const known = join(sshd.directory, 'changed');
    writeFileSync(known, `[127.0.0.1]:${sshd.port} ${readFileSync(`${other}.pub`, 'utf8')}`);
    const { code, text } = await polarplay({ 'site.yml': tasks, hosts: hosts('', known) }, RUN);
    expect(text).to.match(/changed/i);
    expect(text).to.include(`${known}:1`);
    expect(code).to.equal(4);
  });

  it('sudo password missing', async () => {
    user!.sudo(`${user!.name} ALL=(ALL) ALL`);
    const inventory = hosts().replace('ansible_user=root', `ansible_user=${user!.name}`);
    const { code, text } = await polarplay({ 'site.yml': tasks, hosts: inventory }, [...RUN, '--become']);
    expect(text).to.match(/password/i);
    expect(text).to.include('FAILED!');
    expect(code).to.equal(2);
  });
});
