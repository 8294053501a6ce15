import path from 'node:path';
import { expect } from 'chai';
import { fileTree, loaderFor } from '../../../test/support/load-playbook.ts';
import { hintsBehind } from '../../../test/support/mistake-text.ts';
import { loadInventory } from '../../inventory/load-inventory.ts';
import { formatSourceError } from '../../source/render.ts';
import { FileReader } from '../../source/yaml/read-yaml.ts';
import { roleVariableMistakes } from './role-variables.ts';

const SPECS = `argument_specs:
  main:
    options:
      web_port: {type: int}
      web_user: {type: str, choices: [www, nobody]}
      web_tls: {type: bool}
      web_sites: {type: list, elements: dict, options: {name: {type: str, required: true}, size: {type: str}}}
      shared_name: {type: str}
`;

/** What is said of the variables in `hosts.yml`, next to a role with specs and one beside it. */
function mistakes(vars: string, more: Readonly<Record<string, string>> = {}): string[] {
  const tree = fileTree({
    'site.yml': '- hosts: all\n  roles: [web]\n',
    'hosts.yml': `all:\n  hosts: {h1: , h2: }\n  vars:\n${vars.replace(/^/gm, '    ')}\n`,
    'roles/web/meta/argument_specs.yml': SPECS,
    'roles/web/defaults/main.yml': 'web_derived: 1\n',
    'roles/web/tasks/main.yml': '- {name: t, debug: {msg: "{{ web_sort }}"}}\n',
    'roles/beside/defaults/main.yml': 'web_users: []\n',
    ...more,
  });
  try {
    const files = new FileReader();
    const playbook = loaderFor().loadPlaybook([path.join(tree.dir, 'site.yml')]);
    const inventory = loadInventory([path.join(tree.dir, 'hosts.yml')], files);
    const layers = [...inventory.hosts.keys()].flatMap(host => inventory.layers(host, []));
    return roleVariableMistakes(playbook, layers, files).map(
      error =>
        hintsBehind(formatSourceError(error, file => files.read(file).toString('utf8')))
          .replace(`${tree.dir}/`, '')
          .split('\n')[0]!,
    );
  } finally {
    tree.remove();
  }
}

const cases: readonly (readonly [what: string, vars: string, said: readonly RegExp[]])[] = [
  ['right values', 'web_port: 80\nweb_tls: yes\nweb_sites: [{name: a, size: 1G}]\n', []],
  [
    'a text where a number is due',
    'web_port: eighty\n',
    [/^hosts\.yml:4:15 WRONG_TYPE web_port must be a whole number, not "eighty"$/],
  ],
  [
    'none of the choices',
    'web_user: root\n',
    [/^hosts\.yml:4:15 WRONG_TYPE web_user must be www or nobody, not "root"$/],
  ],
  ['an unknown key inside', 'web_sites: [{name: a, szie: 1G}]\n', [/szie/]],
  [
    'a missing key inside',
    'web_sites: [{size: 1G}]\n',
    [/^hosts\.yml:4:17 WRONG_TYPE an item of web_sites lacks "name"$/],
  ],
  ['a slip', 'web_prot: 80\n', [/^hosts\.yml:4:5 UNKNOWN_VARIABLE .*"web_prot".*did you mean "web_port"/]],
  ['a slip in a name without the prefix', 'shared_nam: x\n', [/did you mean "shared_name"/]],
  ['a longer slip below the prefix', 'web_user_nam: x\n', [/did you mean "web_user"/]],
  [
    'templates, checked when they are rendered',
    'web_port: "{{ other }}"\nweb_sites: [{name: "{{ x }}"}]\n',
    [],
  ],
  ['a near name that a task uses', 'web_sort: x\n', []],
  ['a near name that another variable uses', 'web_ports: [80]\nweb_port: "{{ web_ports[0] }}"\n', []],
  ['a default of the role, and of a role beside it', 'web_derived: 2\nweb_users: [a]\n', []],
  ['names of others', 'ntp_server: x\nansible_port: 22\nname: x\n', []],
];

describe('variables of roles with argument specs', () => {
  for (const [what, vars, said] of cases) {
    it(`${what}: ${said.length === 0 ? 'nothing is said' : 'refused, once for all hosts'}`, () => {
      const found = mistakes(vars);
      expect(found, found.join('\n')).to.have.length(said.length);
      for (const [index, pattern] of said.entries()) expect(found[index]).to.match(pattern);
    });
  }

  it('a broken role that only stands beside is nobody’s business', () => {
    const broken = {
      'roles/broken/defaults/main.yml': 'a: [\n',
      'roles/broken/meta/argument_specs.yml': '- x\n',
    };
    expect(mistakes('web_port: 1\nweb_prt: 1\n', broken)).to.have.length(1);
  });

  it('without specs nothing is said', () => {
    expect(mistakes('web_prot: 80\n', { 'roles/web/meta/argument_specs.yml': '{}\n' })).to.deep.equal([]);
  });
});
