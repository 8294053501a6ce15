import { expect } from 'chai';
import { parseNames } from './found-names.ts';

describe('names of a cluster that somebody else set up', () => {
  it('takes units and files from what a host says, each disk once', () => {
    const found = parseNames(
      'verify_database_service=pg.service\nverify_disk_services=a.service\nverify_disk_services=a.service\nverify_disk_services=b.service\nverify_storage_config=/etc/x=y.conf\n',
    );
    expect(Object.fromEntries(found)).to.deep.equal({
      verify_database_service: 'pg.service',
      verify_storage_service: '',
      verify_disk_services: ['a.service', 'b.service'],
      verify_pfs_services: [],
      verify_storage_config: '/etc/x=y.conf',
    });
  });

  it('knows no unit where none was found: the name of the roles would be wrong', () => {
    expect(Object.fromEntries(parseNames(''))).to.include({ verify_database_service: '' });
  });
});
