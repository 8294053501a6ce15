import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadInventory } from '../../lib/inventory/load-inventory.ts';
import type { Value } from '../../lib/source/value.ts';
import { FileReader } from '../../lib/source/yaml/read-yaml.ts';
import { folderOf, runIn } from '../../test/support/program.ts';
import { productionMark } from './production.ts';

/** A cluster of this machine alone: nothing may be done to it. */
const inventory = (vars: string, hostVars = '') => `all:
  vars: {ansible_connection: local, polardb_database: postgresql${vars}}
  children:
    storage: {hosts: {st1: {nbd_server_exports: [{name: export1, file: /srv/none, size: 1G}]}}}
    nodes:
      children:
        primary: {hosts: {rw1: {polar_hostid: 1}}}
        replicas: {hosts: {ro1: {polar_hostid: 2${hostVars}}}}
`;

describe('a production cluster', () => {
  const dirs: string[] = [];
  const folder = (text: string) => {
    const dir = folderOf({ 'hosts.yaml': text });
    dirs.push(dir);
    return dir;
  };
  afterEach(() => {
    for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
  });

  const markOf = (text: string, extra: [Value, Value][] = []) =>
    productionMark(loadInventory([join(folder(text), 'hosts.yaml')], new FileReader()), new Map(extra));

  for (const value of ['true', 'yes', '"true"', 'prod', '1', 'null'])
    it(`is known by production: ${value}`, () =>
      expect(markOf(inventory(`, production: ${value}`))).to.match(/is marked production in the inventory/));

  it('is known by one host, and by -e', () => {
    expect(markOf(inventory('', ', production: true'))).to.equal('ro1 is marked production in the inventory');
    expect(markOf(inventory(''), [['production', 'true']])).to.equal('-e says production');
  });

  for (const value of ['false', 'no', '"no"', '0'])
    it(`is not meant by production: ${value}`, () =>
      expect(markOf(inventory(`, production: ${value}`))).to.equal(undefined));

  it('is left alone, whatever else is said', async () => {
    const dir = folder(inventory(', production: true'));
    for (const words of [[], ['--only', 'nbd'], ['switchover']]) {
      const { code, stderr } = await runIn(dir, ['faults', ...words, '-i', 'hosts.yaml', '--allow-faults']);
      expect(stderr).to.contain('is marked production in the inventory: no faults there');
      expect(code).to.equal(5);
    }
  });

  it('or any other is left alone without --allow-faults', async () => {
    const { code, stderr } = await runIn(folder(inventory('')), ['faults', '-i', 'hosts.yaml']);
    expect(stderr).to.contain('say --allow-faults');
    expect(code).to.equal(5);
  });
});
