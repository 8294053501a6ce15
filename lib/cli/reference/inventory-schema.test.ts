import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect } from 'chai';
import { parse } from 'yaml';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { inventoryText } from '../init/files.ts';
import { inventorySchema } from './inventory-schema.ts';

const validate = new Ajv({ strict: false, allowUnionTypes: true }).compile(
  inventorySchema(join(PACKAGE_ROOT, 'roles')),
);
const mistakes = (text: string) =>
  validate(parse(text)) ? [] : validate.errors!.map(error => error.instancePath);

describe('the schema of inventories', () => {
  it('takes the inventories that come with the package, and what init writes', () => {
    const folder = join(PACKAGE_ROOT, 'inventory');
    for (const name of readdirSync(folder).filter(file => file !== 'small.yaml'))
      expect(mistakes(readFileSync(join(folder, name), 'utf8')), name).to.deep.equal([]);
    const host = (name: string) => ({ name, address: '10.0.0.1', port: undefined });
    const written = inventoryText({
      storage: host('st1'),
      disks: ['/dev/vdb'],
      primary: host('rw1'),
      replicas: [host('ro1')],
      database: '15',
      user: undefined,
      privateKey: undefined,
      sshArgs: undefined,
    });
    expect(mistakes(written)).to.deep.equal([]);
  });

  it('takes templates for any value', () => {
    expect(mistakes('all: {vars: {polardb_port: "{{ 5000 + 1 }}"}}')).to.deep.equal([]);
  });

  for (const text of [
    'all: {vars: {polardb_port: many}}',
    'all: {hosts: {h: {ansible_port: 99999}}}',
    'all: {vars: {polardb_version: 14}}',
    'all: {hosts: {h: {nbd_server_exports: [{device: /dev/vdb}]}}}',
    'all: {host: {h: {}}}',
  ])
    it(`refuses ${text}`, () => expect(mistakes(text)).not.to.deep.equal([]));

  it('describes every variable, and says its default', () => {
    const { $defs } = inventorySchema(join(PACKAGE_ROOT, 'roles')) as unknown as {
      $defs: { vars: { properties: Record<string, { description?: string; default?: unknown }> } };
    };
    const { properties } = $defs.vars;
    expect(properties['cluster_nbd_port']).to.include({ default: 1921 });
    expect(properties['polardb_version']?.description).to.match(/^Major version of PolarDB/);
    // A comment speaks of all variables below it up to an empty line.
    const bare = Object.entries(properties).filter(([, { description }]) => !description);
    expect(bare.map(([name]) => name)).to.deep.equal([]);
  });
});
