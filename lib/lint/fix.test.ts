import { expect } from 'chai';
import { mend } from './fix.ts';
import { lintText } from './lint-text.ts';

const fixed = (text: string): string =>
  mend(text, current => lintText('/project/site.yml', current, 'playbook', { variables: /^[a-z_]/ })).text;

/** A play with these tasks, and what becomes of them. */
const cases: readonly (readonly [what: string, before: string, after: string])[] = [
  [
    'short names',
    '- name: A\n  debug: # why\n    msg: hi\n',
    '- name: A\n  ansible.builtin.debug: # why\n    msg: hi\n',
  ],
  [
    'modules of collections',
    '- name: A\n  mount: {path: /x, state: absent}\n',
    '- name: A\n  ansible.posix.mount: {path: /x, state: absent}\n',
  ],
  ['small letters', '- name: a "b"\n  meta: noop\n', '- name: A "b"\n  ansible.builtin.meta: noop\n'],
  ['small letters in quotes', '- name: "a"\n  pfs_probe:\n', '- name: "A"\n  pfs_probe:\n'],
  [
    'a name that does not stand first',
    '- pfs_probe:\n  # about the name\n  name: A # end\n  when: x\n',
    '- name: A # end\n  pfs_probe:\n  # about the name\n  when: x\n',
  ],
  [
    'a shell',
    '- name: A\n  ansible.builtin.shell: uptime\n',
    '- name: A\n  ansible.builtin.command: uptime\n',
  ],
  [
    'no shell that is one',
    '- name: A\n  ansible.builtin.shell: ulimit -n\n',
    '- name: A\n  ansible.builtin.shell: ulimit -n\n',
  ],
  [
    'free form',
    '- name: A\n  ansible.builtin.copy: src=a dest="/x y" mode=0644 force=no\n  when: x\n',
    '- name: A\n  ansible.builtin.copy:\n    src: a\n    dest: /x y\n    mode: "0644"\n    force: "no"\n  when: x\n',
  ],
  [
    'free form with templates',
    '- name: A\n  ansible.builtin.file: path={{ a }}/b state=touch mode=u=rw\n',
    '- name: A\n  ansible.builtin.file:\n    path: "{{ a }}/b"\n    state: touch\n    mode: u=rw\n',
  ],
  ['octal numbers', '- name: A\n  pfs_probe: {mode: 0644}\n', '- name: A\n  pfs_probe: {mode: "0644"}\n'],
  ['no decimal numbers', '- name: A\n  pfs_probe: {mode: 644}\n', '- name: A\n  pfs_probe: {mode: 644}\n'],
  [
    'truth values',
    '- name: A\n  pfs_probe:\n  become: yes # root\n',
    '- name: A\n  pfs_probe:\n  become: true # root\n',
  ],
  [
    'templates',
    '- name: A\n  pfs_probe: {a: "{{x|default( \'a,b\',true )}}-{{ y  }}"}\n',
    '- name: A\n  pfs_probe: {a: "{{ x | default(\'a,b\', true) }}-{{ y }}"}\n',
  ],
  [
    'layout',
    '- name:  A  \n  pfs_probe: {  a: [ 1,2 ]}\n  #why\n  when : x\n\n\n\n\n  tags:\n    - b',
    '- name: A\n  pfs_probe: { a: [1, 2]}\n  # why\n  when: x\n\n\n  tags:\n    - b\n',
  ],
  [
    'nothing within a text of several lines',
    '- name: A\n  pfs_probe:\n    a: |\n      b  \n\n\n\n\n      #c',
    '- name: A\n  pfs_probe:\n    a: |\n      b  \n\n\n\n\n      #c',
  ],
  [
    'nothing that is answered for',
    '- name: a # noqa: name[casing]\n  pfs_probe:\n',
    '- name: a # noqa: name[casing]\n  pfs_probe:\n',
  ],
  ['line ends of Windows', '- name: A\r\n  pfs_probe:\r\n', '- name: A\n  pfs_probe:\n'],
];

describe('lint --fix', () => {
  const play = '---\n- name: Play\n  hosts: all\n  tasks:\n';
  const within = (text: string) => play + text.replace(/^(?=[^\n])/gm, '    ');
  for (const [what, before, after] of cases)
    it(`mends ${what}`, () => {
      expect(fixed(within(before))).to.equal(within(after));
      expect(fixed(within(after)), 'a second time').to.equal(within(after));
    });

  it('leaves a file alone that cannot be read', () => {
    expect(fixed('- name: [a\n  x: yes  \n')).to.equal('- name: [a\n  x: yes  \n');
  });
});
