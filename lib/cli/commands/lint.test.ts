import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readConfig } from '../../lint/config.ts';
import { type Judgement, judge } from '../../lint/judge.ts';
import { parseFlags } from '../../source/flags.ts';
import { lintFiles, targetsOf } from '../lint-project.ts';
import { PLAYBOOK_FLAGS } from '../playbook-flags.ts';
import { openSession } from '../session.ts';

const BY: Judgement = {
  profile: 'shared',
  skip: ['name[play]', 'yaml'],
  warn: [],
  enable: [],
  isIgnored: () => false,
};

const PROJECT = join(import.meta.dirname, '../../..');

/** Codes and lines that lint finds in a play of these lines. */
async function lint(body: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-lint-'));
  const session = await openSession(parseFlags(PLAYBOOK_FLAGS, ['-i', 'localhost,']));
  try {
    const file = join(dir, 'site.yml');
    writeFileSync(file, `- hosts: all\n${body}`);
    const targets = targetsOf([file], { project: dir, exclude: [] });
    const { findings } = lintFiles(session, targets, /^[a-z_]/);
    return judge(findings, BY).map(({ finding: { at, rule } }) => `${at.line} ${rule}`);
  } finally {
    await session.close();
    rmSync(dir, { recursive: true });
  }
}

describe('lint', () => {
  const cases: [string, string, string[]][] = [
    ['nothing', '  tasks:\n    - {name: A, debug: {msg: hi}}\n', []],
    [
      'a module for a command',
      '  tasks:\n    - {name: A, command: mkdir /x, changed_when: false}\n',
      ['3 deprecated-command-syntax'],
    ],
    [
      'no module for looking',
      '  tasks:\n    - {name: A, command: systemctl is-active x, changed_when: false}\n',
      [],
    ],
    [
      'no module for looking, with options before it',
      '  tasks:\n    - {name: A, shell: systemctl -q is-active x || systemctl start x, changed_when: false}\n',
      [],
    ],
    [
      'a shell without need',
      '  tasks:\n    - {name: A, shell: uptime, changed_when: false}\n',
      ['3 command-instead-of-shell'],
    ],
    ['a command that always changes', '  tasks:\n    - {name: A, command: uptime}\n', ['3 no-changed-when']],
    [
      'a mode as a number',
      '  tasks:\n    - {name: A, lineinfile: {path: /x, line: y, mode: 644}}\n',
      ['3 risky-octal'],
    ],
    [
      'an unused handler',
      '  tasks: []\n  handlers:\n    - {name: H, debug: {msg: x}}\n',
      ['4 unused-handler'],
    ],
    [
      'braces in a condition',
      '  vars: {x: 1}\n  tasks:\n    - {name: A, debug: {msg: b}, when: "{{ x }}"}\n',
      ['4 no-jinja-when'],
    ],
    ['a secret', '  vars:\n    db_password: hunter2\n  tasks: []\n', ['3 plain-secret']],
    [
      'an undefined variable',
      '  tasks:\n    - {name: A, debug: {msg: "{{ x }}"}}\n',
      ['3 undefined-variable'],
    ],
    [
      'a guarded variable',
      '  tasks:\n    - {name: A, debug: {msg: "{{ x | default(1) }}"}, when: y is defined}\n',
      [],
    ],
    [
      'an unknown keyword',
      '  tasks:\n    - {name: A, debug: {msg: x}, wehn: true}\n',
      ['3 schema[playbook]'],
    ],
    ['a missing handler', '  tasks:\n    - {name: A, debug: {msg: x}, notify: h}\n', ['3 missing-handler']],
  ];
  for (const [name, body, found] of cases)
    it(`finds ${name}`, async () => expect(await lint(body)).to.deep.equal(found));

  it('finds nothing in the playbooks and roles of this project', async () => {
    // What the operations are given by -e; parts get `operation` from what imports them.
    const given = ['new_primary', 'node', 'backup', 'operation'].flatMap(name => ['-e', `${name}=x`]);
    const inventory = join(PROJECT, 'inventory/hosts.yaml');
    const session = await openSession(parseFlags(PLAYBOOK_FLAGS, ['-i', inventory, ...given]));
    try {
      const config = readConfig(PROJECT, undefined);
      const targets = targetsOf(
        ['playbooks', 'roles', 'examples', 'bench'].map(dir => join(PROJECT, dir)),
        {
          project: PROJECT,
          exclude: config.exclude,
        },
      );
      const by = { ...BY, ...config, profile: config.profile ?? BY.profile };
      const found = judge(lintFiles(session, targets, config.variables).findings, by).map(
        ({ finding: { at, rule, message } }) => `${at.file}:${at.line} ${rule}: ${message}`,
      );
      expect([...new Set(found)]).to.deep.equal([]);
    } finally {
      await session.close();
    }
  });
});
