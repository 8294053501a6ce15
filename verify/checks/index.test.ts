import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { Hosts } from '../../lib/cluster/hosts.ts';
import { Databases } from '../../lib/cluster/sql.ts';
import { allLayers } from './index.ts';

describe('verify: the list of layers', () => {
  it('holds every file of the folder, and nothing else', () => {
    const hosts = new Hosts(
      () => Promise.reject(new Error('not asked')),
      () => undefined,
    );
    const listed = allLayers(hosts, new Databases(hosts, [])).map(layer => layer.name);
    const files = readdirSync(import.meta.dirname)
      .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'index.ts')
      .map(name => name.replace('.ts', ''));
    expect([...listed].sort()).to.deep.equal(files.sort());
  });
});
