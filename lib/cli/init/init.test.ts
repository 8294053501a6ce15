import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadInventory } from '../../inventory/load-inventory.ts';
import { UsageError } from '../../source/errors.ts';
import { toPlain } from '../../source/value.ts';
import { Vault } from '../../source/vault.ts';
import { FileReader } from '../../source/yaml/read-yaml.ts';
import { type ClusterAnswers, checkDisk, checkDistinct, parseHost, readHostsFile } from './answers.ts';
import { writeFiles } from './files.ts';

const host = (name: string, address: string) => ({ name, address, port: undefined });
const ANSWERS: ClusterAnswers = {
  storage: host('st1', '10.0.0.1'),
  disks: ['/dev/vdb', '/dev/vdc'],
  primary: { name: 'rw1', address: '10.0.0.2', port: 2222 },
  replicas: [host('ro1', '10.0.0.3')],
  database: '15',
  user: 'admin',
  privateKey: undefined,
  sshArgs: '-o "ProxyJump=a b"',
};

describe('polarplay init', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'polarplay-init-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('writes an inventory that says what was answered', () => {
    writeFiles(folder, ANSWERS);
    const inventory = loadInventory([join(folder, 'hosts.yaml')], new FileReader(new Vault([])), undefined);
    const groups = (name: string) => inventory.hosts.get(name)?.groups;
    expect(groups('st1')).to.include.members(['cluster', 'storage']);
    expect(groups('rw1')).to.include.members(['cluster', 'nodes', 'primary']);
    expect(groups('ro1')).to.include.members(['cluster', 'nodes', 'replicas']);
    const vars = (name: string) =>
      Object.assign({}, ...inventory.layers(name, []).map(layer => toPlain(layer.vars)));
    expect(vars('rw1')).to.deep.include({
      ansible_user: 'admin',
      ansible_host: '10.0.0.2',
      ansible_port: 2222,
      ansible_ssh_common_args: '-o "ProxyJump=a b"',
      polar_hostid: 1,
      polardb_version: 15,
    });
    expect(vars('st1')['nbd_server_exports']).to.deep.equal([
      { name: 'export1', device: '/dev/vdb' },
      { name: 'export2', device: '/dev/vdc' },
    ]);
  });

  it('overwrites nothing, and keeps what git ignores already', () => {
    writeFileSync(join(folder, '.gitignore'), 'mine');
    writeFiles(folder, ANSWERS);
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).to.equal('mine\ncredentials/\n.polarplay/\n');
    expect(() => writeFiles(folder, ANSWERS)).to.throw(UsageError, /exists already/);
    rmSync(join(folder, 'hosts.yaml'));
    expect(() => writeFiles(folder, ANSWERS)).to.throw(UsageError, /site\.yml exists already/);
    expect(existsSync(join(folder, 'hosts.yaml'))).to.equal(false);
  });

  const hosts: readonly [string, object | RegExp][] = [
    ['10.0.0.1', { name: 'st1', address: '10.0.0.1', port: undefined }],
    ['db=db.example.com:2222', { name: 'db', address: 'db.example.com', port: 2222 }],
    ['db=[fd00::1]:2222', { name: 'db', address: 'fd00::1', port: 2222 }],
    ['fd00::1', { name: 'st1', address: 'fd00::1', port: undefined }],
    ['-oProxyCommand', /not a host/],
    ['a b', /not a host/],
    ['-x=10.0.0.1', /cannot be the name/],
    ['a=b:99999', /invalid port "99999"/],
    ['{{ x }}', /not a host/],
  ];
  for (const [text, expected] of hosts)
    it(`reads the host ${text}`, () => {
      if (expected instanceof RegExp) expect(() => parseHost(text, 'st1')).to.throw(UsageError, expected);
      else expect(parseHost(text, 'st1')).to.deep.equal(expected);
    });

  const files: readonly [string, RegExp][] = [
    ['storge st1 10.0.0.1', /hosts\.txt:1: "storge" is not a part .*did you mean "storage"\?/],
    ['# a\n\nstorage st1', /hosts\.txt:3: expected "storage NAME ADDRESS"/],
    ['primary rw1 10.0.0.1 /dev/vdb', /:1: disks belong to the storage host, not to rw1/],
    ['storage a 10.0.0.1\nstorage b 10.0.0.2', /:2: a second storage host/],
    ['storage a 10.0.0.1 vdb', /:1: "vdb" is not a disk/],
  ];
  for (const [text, message] of files)
    it(`refuses ${JSON.stringify(text)}`, () => {
      const file = join(folder, 'hosts.txt');
      writeFileSync(file, text);
      try {
        readHostsFile(file);
        expect.fail('no error');
      } catch (error) {
        expect(error).to.be.instanceOf(UsageError);
        const { message: said, hint } = error as UsageError;
        expect([said, hint].filter(Boolean).join(', ')).to.match(message);
      }
    });

  it('reads hosts from a file', () => {
    const file = join(folder, 'hosts.txt');
    writeFileSync(
      file,
      'storage st1 10.0.0.1 /dev/vdb # two\nprimary rw1 10.0.0.2\n\nreplica ro1 10.0.0.3:2222\n',
    );
    expect(readHostsFile(file)).to.deep.equal({
      storage: host('st1', '10.0.0.1'),
      primary: host('rw1', '10.0.0.2'),
      replicas: [{ ...host('ro1', '10.0.0.3'), port: 2222 }],
      disks: ['/dev/vdb'],
    });
    expect(() => readHostsFile(join(folder, 'nosuch'))).to.throw(UsageError, /there is no such file/);
  });

  it('refuses two hosts in one place, and paths that are not a disk', () => {
    const twice = { ...ANSWERS, replicas: [host('ro1', '10.0.0.1')] };
    expect(() => checkDistinct(twice)).to.throw(UsageError, /two hosts have the address 10\.0\.0\.1/);
    for (const path of ['/etc/passwd', '/dev/../etc', '/dev/vdb; x', 'vdb'])
      expect(() => checkDisk(path)).to.throw(UsageError, /is not a disk/);
  });
});
