import { Ajv } from 'ajv';
import { expect } from 'chai';
import { allModules } from '../engine/module-list.ts';
import { type Json, toPlain } from '../source/value.ts';
import { parseYaml } from '../source/yaml/yaml.ts';
import { KEYWORDS, LOOP_CONTROL, VARS_PROMPT } from './keywords.ts';
import { playbookSchema } from './schema.ts';

describe('schema for editors', () => {
  const validate = new Ajv({ strict: false, allowUnionTypes: true }).compile(playbookSchema(allModules()));
  const accepts = (text: string): boolean => validate(toPlain(parseYaml(text, 'x.yml')) as Json);

  const GOOD = [
    '- hosts: all\n  gather_facts: no\n  roles: [a, {role: b, tags: x, p: 1}]\n  tasks:\n  - debug: msg=x\n    when: [a, b]\n    loop: "{{ x }}"\n    loop_control: {label: a}\n',
    '- import_playbook: x.yml\n  when: a\n',
    '- block:\n  - ansible.builtin.debug: {msg: x}\n  rescue:\n  always: []\n',
    '- some.other.module: {a: 1}\n  register: x\n',
    '- hosts: all\n  handlers: [{name: h, debug: , listen: t}]\n  vars_prompt: [{name: x}]\n',
  ];
  for (const text of GOOD)
    it(`accepts ${JSON.stringify(text)}`, () =>
      expect(accepts(text), JSON.stringify(validate.errors)).to.equal(true));

  const BAD = [
    '- hosts: all\n  gather_fact: no\n',
    '- debug: {mgs: x}\n',
    '- debug:\n  whn: x\n',
    '- debug:\n  listen: x\n',
    '- hosts: all\n  vars_prompt: [{nam: x}]\n',
    'hosts: all\n',
  ];
  for (const text of BAD) it(`refuses ${JSON.stringify(text)}`, () => expect(accepts(text)).to.equal(false));
});

describe('keyword tables', () => {
  it('hold each name once, with a sentence', () => {
    for (const table of [KEYWORDS, LOOP_CONTROL, VARS_PROMPT]) {
      const names = table.map(({ name }) => name);
      expect(new Set(names).size).to.equal(names.length);
      for (const { description } of table) expect(description).to.match(/^\S.*\.$/);
    }
  });
});
