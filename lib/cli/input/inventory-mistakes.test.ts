import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { fileTree, loaderFor } from '../../../test/support/load-playbook.ts';
import { hintsBehind } from '../../../test/support/mistake-text.ts';
import { folderOf, startIn } from '../../../test/support/program.ts';
import { loadInventory } from '../../inventory/load-inventory.ts';
import type { Playbook } from '../../playbook/types.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { FileReader } from '../../source/yaml/read-yaml.ts';
import { failureText } from '../failure.ts';
import { checkClusterGroups } from './cluster-groups.ts';
import { checkInput } from './input-mistakes.ts';

const SITE = join(PACKAGE_ROOT, 'playbooks/site.yml');

/** The inventory of a first cluster, as `init` writes one; addresses that nobody has. */
const GOOD = `all:
  vars:
    ansible_user: root
    polardb_version: 15
    nbd_server_exports:
      - {name: export1, device: /dev/vdb}
  children:
    cluster:
      children:
        storage: {hosts: {st1: {ansible_host: 192.0.2.11}}}
        nodes:
          children:
            primary: {hosts: {rw1: {ansible_host: 192.0.2.12, polar_hostid: 1}}}
            replicas: {hosts: {ro1: {ansible_host: 192.0.2.13, polar_hostid: 2}}}
`;

/** What was typed where something else should stand, and what a person sees. */
const SLIPS: readonly (readonly [what: string, good: string, typed: string, shown: RegExp])[] = [
  [
    'a full-width comma',
    '192.0.2.12, polar',
    '192.0.2.12， polar',
    /^hosts\.yaml:13:\d+ YAML_SYNTAX .*\n.*\n.*\n.* = the line holds the full-width comma "，": YAML wants ","/m,
  ],
  [
    'quotes of an input method',
    'user: root',
    'user: “root”',
    /^hosts\.yaml:3:19 BAD_VALUE ansible_user is "“root”": "“" comes from an input method, write it in ASCII/m,
  ],
  [
    'full stops of an input method',
    '192.0.2.12',
    '192。0。2。12',
    /^hosts\.yaml:13:51 BAD_VALUE ansible_host is "192。0。2。12": "。" comes from an input method/m,
  ],
  [
    'a tab',
    '    ansible_user',
    '\tansible_user',
    /^hosts\.yaml:3:1 YAML_TAB a tab is used for indentation, YAML wants spaces: replace the tab$/m,
  ],
  [
    'a line indented otherwise',
    '    ansible_user',
    '   ansible_user',
    /^hosts\.yaml:3:4 YAML_SYNTAX this line is indented differently from its neighbours, line it up/m,
  ],
  [
    'a port behind the address',
    '192.0.2.13',
    '192.0.2.13:22',
    /BAD_VALUE ansible_host is "192\.0\.2\.13:22": a port stands in a variable of its own, ansible_host: 192\.0\.2\.13 and ansible_port: 22$/m,
  ],
  [
    'an address that is none',
    '192.0.2.13',
    '192.0.2.313',
    /BAD_VALUE ansible_host is "192\.0\.2\.313": this is no IPv4 address, expected four numbers from 0 to 255$/m,
  ],
  [
    'two addresses',
    '192.0.2.13,',
    '"192.0.2.13 192.0.2.14",',
    /BAD_VALUE ansible_host is "192\.0\.2\.13 192\.0\.2\.14": an address has no space, one host has one address$/m,
  ],
  [
    'a host that stands there twice',
    '192.0.2.13',
    '192.0.2.12',
    /^hosts\.yaml:14:\d+ BAD_INVENTORY ro1 is the same host as rw1: 192\.0\.2\.12 port 22, each host of the cluster is a machine of its own$/m,
  ],
  [
    'a node in two groups',
    '{ro1: {ansible_host: 192.0.2.13, polar_hostid: 2}}',
    '{rw1: }',
    /^BAD_INVENTORY rw1 stands in the groups primary and replicas, each host has one part in the cluster$/m,
  ],
  [
    'a storage host that is a node',
    '{ro1: {ansible_host: 192.0.2.13, polar_hostid: 2}}',
    '{st1: {polar_hostid: 2}}',
    /^BAD_INVENTORY st1 stands in the groups storage and nodes, each host has one part in the cluster$/m,
  ],
  [
    'an identity that stands there twice',
    'polar_hostid: 2',
    'polar_hostid: 1',
    /^hosts\.yaml:14:\d+ BAD_INVENTORY ro1 has the polar_hostid 1 of rw1, give each node its own, from 1 to 30$/m,
  ],
  [
    'an identity that is too large',
    'polar_hostid: 2',
    'polar_hostid: 31',
    /BAD_INVENTORY the polar_hostid of ro1 is 31, expected a number from 1 to 30$/m,
  ],
  [
    'an identity in words',
    'polar_hostid: 2',
    'polar_hostid: two',
    /WRONG_TYPE polar_hostid must be a whole number, not "two"$/m,
  ],
  [
    'a disk that stands there twice',
    'device: /dev/vdb}',
    'device: /dev/vdb}\n      - {name: export2, device: /dev/vdb}',
    /^hosts\.yaml:7:33 BAD_INVENTORY nbd_server_exports has the device \/dev\/vdb twice, two exports of one disk destroy its data$/m,
  ],
  [
    'a name of an export that stands there twice',
    'device: /dev/vdb}',
    'device: /dev/vdb}\n      - {name: export1, device: /dev/vdc}',
    /BAD_INVENTORY nbd_server_exports has the name export1 twice, give each export its own$/m,
  ],
  [
    'a disk without its folder',
    'device: /dev/vdb',
    'device: vdb',
    /BAD_INVENTORY the device vdb is no path, did you mean "\/dev\/vdb"\?$/m,
  ],
  [
    'a misspelt key of an export',
    'device: /dev/vdb',
    'devcie: /dev/vdb',
    /^hosts\.yaml:6:25 WRONG_TYPE nbd_server_exports has no "devcie", did you mean "device"\?$/m,
  ],
  [
    'an export without a name',
    'name: export1, ',
    '',
    /^hosts\.yaml:6:9 WRONG_TYPE an item of nbd_server_exports lacks "name"$/m,
  ],
  [
    'one disk for a list of exports',
    '\n      - {name: export1, device: /dev/vdb}',
    ' 5',
    /WRONG_TYPE each item of nbd_server_exports must be a mapping, not 5$/m,
  ],
  [
    'a version that does not exist',
    'polardb_version: 15',
    'polardb_version: 16',
    /^hosts\.yaml:4:22 WRONG_TYPE polardb_version must be 11, 15 or 17, not 16$/m,
  ],
  [
    'a port in words',
    'polardb_version: 15',
    'polardb_port: "54 32"',
    /^hosts\.yaml:4:19 WRONG_TYPE polardb_port must be a whole number, not "54 32"$/m,
  ],
  [
    'a port that is too large',
    'polardb_version: 15',
    'polardb_port: 543200',
    /^hosts\.yaml:4:19 BAD_INVENTORY polardb_port is 543200, expected a number from 1 to 65535$/m,
  ],
  [
    'a name with a space',
    'ro1:',
    'ro 1:',
    /^BAD_INVENTORY "ro 1" is no name for a host of a cluster: it has a space, write it in one word$/m,
  ],
  [
    'a misspelt key of a group',
    '{hosts: {rw1',
    '{host: {rw1',
    /^hosts\.yaml:13:23 UNKNOWN_KEY group "primary" has no "host", did you mean "hosts"\?$/m,
  ],
];

/** Files that another system wrote. */
const ENCODINGS: readonly (readonly [what: string, bytes: Buffer, shown: RegExp | undefined])[] = [
  ['line ends of Windows', Buffer.from(GOOD.replaceAll('\n', '\r\n')), undefined],
  ['a byte order mark', Buffer.from(`\ufeff${GOOD}`), undefined],
  [
    'UTF-16',
    Buffer.from(`\ufeff${GOOD}`, 'utf16le'),
    /^hosts\.yaml:1:1 NOT_UTF8 the file is not text in UTF-8, save it as UTF-8; editors of Windows may choose GBK or UTF-16$/m,
  ],
  [
    'GBK',
    Buffer.from(GOOD.replace('15', '15 # \xb0\xe6\xb1\xbe'), 'latin1'),
    /^hosts\.yaml:4:1 NOT_UTF8 the file is not text in UTF-8/m,
  ],
];

/** What is shown of the inventory, by what `check` and the deployment do first. */
function shownOf(hosts: string, playbook: Playbook): string {
  const { dir, remove } = fileTree({ 'hosts.yaml': hosts });
  try {
    const files = new FileReader();
    const inventory = loadInventory([join(dir, 'hosts.yaml')], files);
    checkInput({ inventory, files, extraVars: { source: 'extra vars', vars: new Map() } }, playbook);
    checkClusterGroups(playbook, inventory, dirname(SITE));
    return '';
  } catch (error) {
    return hintsBehind(failureText(error).text).replaceAll(`${dir}/`, '');
  } finally {
    remove();
  }
}

/** The same by the program itself. */
async function said(hosts: string | Buffer, args: readonly string[], name = 'hosts.yaml') {
  const dir = folderOf({ [name]: hosts });
  try {
    const { code, stdout, stderr } = await startIn(dir, args).ended;
    return { code, text: hintsBehind(stdout + stderr) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe('mistakes in the inventory of a cluster', function () {
  this.timeout(60_000);
  let site: Playbook;
  before(() => {
    site = loaderFor().loadPlaybook([SITE]);
  });

  it('that is right, are none', () => expect(shownOf(GOOD, site)).to.equal(''));

  for (const [what, good, typed, shown] of SLIPS)
    it(what, () => {
      expect(GOOD).to.include(good);
      expect(
        shownOf(
          GOOD.replace(good, () => typed),
          site,
        ),
      )
        .to.match(shown)
        .and.not.include('<class');
    });

  for (const [what, bytes, shown] of ENCODINGS)
    it(`${what}: ${shown ? 'refused' : 'read as it is meant'}`, async () => {
      const { code, text } = await said(bytes, ['site.yml', '-i', 'hosts.yaml', '--syntax-check']);
      expect(text).to.match(shown ?? /playbook: site\.yml/);
      expect(code).to.equal(shown ? 4 : 0);
    });

  for (const command of ['check', 'site.yml'])
    it(`${command} contacts no host for them`, async () => {
      const twice = GOOD.replace('192.0.2.13', '192.0.2.12');
      const { code, text } = await said(twice, [command, '-i', 'hosts.yaml']);
      expect(text)
        .to.match(/BAD_INVENTORY ro1 is the same host as rw1/)
        .and.not.match(/PLAY|HOST +PART/);
      expect(code).to.equal(4);
    });

  it('spaces around the equals sign of an INI file', async () => {
    const { code, text } = await said(
      'rw1 ansible_host = 192.0.2.12\n',
      ['run', 'all', '-i', 'hosts', '-m', 'ping'],
      'hosts',
    );
    expect(text).to.match(
      /^hosts:1:1 BAD_INVENTORY expected name=value, not "ansible_host", no space may stand around "="$/m,
    );
    expect(code).to.equal(4);
  });

  it('a host in other letters', async () => {
    const { code, text } = await said(GOOD, ['site.yml', '-i', 'hosts.yaml', '-l', 'RW1', '--syntax-check']);
    expect(text).to.match(/--limit RW1 matches no host of the inventory \(RW1\), did you mean "rw1"\?$/m);
    expect(code).to.equal(1);
  });

  it('no inventory where one lies in the folder', async () => {
    const { code, text } = await said(GOOD, ['check']);
    expect(text).to.match(/^polarplay: no inventory: name one with -i, such as -i hosts\.yaml$/m);
    expect(code).to.equal(1);
  });

  for (const [word, own] of [
    ['ansible-playbook', 'polarplay PLAYBOOK.yml'],
    ['ansible', 'polarplay run PATTERN'],
    ['ansible-vault', 'polarplay vault'],
  ] as const)
    it(`${word} for a command`, async () => {
      const { code, text } = await said(GOOD, [word, 'site.yml']);
      expect(text).to.include(`polarplay: "${word}" is Ansible's: here it is "${own}"`);
      expect(code).to.equal(5);
    });
});
