import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseFlags } from '../../source/flags.ts';
import { PLAYBOOK_FLAGS } from '../playbook-flags.ts';
import { openSession } from '../session.ts';
import { lintFile } from './lint.ts';

const PROJECT = join(import.meta.dirname, '../../..');

/** Codes and lines that lint finds in a play of these lines. */
async function lint(body: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-lint-'));
  const session = await openSession(parseFlags(PLAYBOOK_FLAGS, ['-i', 'localhost,']));
  try {
    const file = join(dir, 'site.yml');
    writeFileSync(file, `- hosts: all\n${body}`);
    return lintFile(session, file).map(({ code, error }) => `${error.position?.line} ${code}`);
  } finally {
    await session.close();
    rmSync(dir, { recursive: true });
  }
}

describe('lint', () => {
  const cases: [string, string, string[]][] = [
    ['nothing', '  tasks:\n    - {name: a, debug: {msg: hi}}\n', []],
    [
      'a module for a command',
      '  tasks:\n    - {name: a, command: mkdir /x, changed_when: false}\n',
      ['3 module-for-command'],
    ],
    [
      'no module for looking',
      '  tasks:\n    - {name: a, command: systemctl is-active x, changed_when: false}\n',
      [],
    ],
    [
      'no module for looking, with options before it',
      '  tasks:\n    - {name: a, shell: systemctl -q is-active x || systemctl start x, changed_when: false}\n',
      [],
    ],
    [
      'a shell without need',
      '  tasks:\n    - {name: a, shell: uptime, changed_when: false}\n',
      ['3 shell-without-need'],
    ],
    ['a command that always changes', '  tasks:\n    - {name: a, command: uptime}\n', ['3 changed-unknown']],
    [
      'a mode as a number',
      '  tasks:\n    - {name: a, lineinfile: {path: /x, line: y, mode: 0644}}\n',
      ['3 bare-mode'],
    ],
    [
      'an unused handler',
      '  tasks: []\n  handlers:\n    - {name: h, debug: {msg: x}}\n',
      ['4 unused-handler'],
    ],
    [
      'braces in a condition',
      '  vars: {x: 1}\n  tasks:\n    - {name: a, debug: {msg: b}, when: "{{ x }}"}\n',
      ['4 braces-in-condition'],
    ],
    ['a secret', '  vars:\n    db_password: hunter2\n  tasks: []\n', ['3 plain-secret']],
    [
      'an undefined variable',
      '  tasks:\n    - {name: a, debug: {msg: "{{ x }}"}}\n',
      ['3 undefined-variable'],
    ],
    [
      'a guarded variable',
      '  tasks:\n    - {name: a, debug: {msg: "{{ x | default(1) }}"}, when: y is defined}\n',
      [],
    ],
    ['an unknown keyword', '  tasks:\n    - {name: a, debug: {msg: x}, wehn: true}\n', ['3 UNKNOWN_KEY']],
    ['a missing handler', '  tasks:\n    - {name: a, debug: {msg: x}, notify: h}\n', ['3 missing-handler']],
  ];
  for (const [name, body, found] of cases)
    it(`finds ${name}`, async () => expect(await lint(body)).to.deep.equal(found));

  it('finds nothing in the playbooks and roles of this project', async () => {
    // What the operations are given by -e; parts get `operation` from what imports them.
    const given = ['new_primary', 'node', 'backup', 'operation'].flatMap(name => ['-e', `${name}=x`]);
    const inventory = join(PROJECT, 'inventory/hosts.yaml');
    const session = await openSession(parseFlags(PLAYBOOK_FLAGS, ['-i', inventory, ...given]));
    try {
      const found = ['playbooks', 'playbooks/parts']
        .flatMap(dir => readdirSync(join(PROJECT, dir)).map(name => join(PROJECT, dir, name)))
        .filter(file => file.endsWith('.yml'))
        .flatMap(file => lintFile(session, file))
        .map(({ text, error }) => `${error.position?.file}:${error.position?.line} ${text}`);
      expect([...new Set(found)]).to.deep.equal([]);
    } finally {
      await session.close();
    }
  });
});
