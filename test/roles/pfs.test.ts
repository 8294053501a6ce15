import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '../..');

describe('the folders of PFS', () => {
  it('are closed to all but root and the user of the database: what is in them leads to the shared disk', () => {
    const lines = readFileSync(join(ROOT, 'roles/pfs/templates/polar-pfs.conf.j2'), 'utf8').split('\n');
    const folders = lines.filter(line => line.startsWith('d ')).map(line => line.split(/\s+/).slice(1, 4));
    expect(folders).to.deep.equal(
      ['/run/pfs', '/run/pfsd', '/dev/shm/pfsd'].map(folder => [folder, '0770', 'root']),
    );
    const format = readFileSync(join(ROOT, 'lib/cluster/modules/pfs/pfs_format.ts'), 'utf8');
    expect(format)
      .to.include('install -d -m 0770 /run/pfs')
      .and.not.match(/07[0-7]7/);
  });
});
