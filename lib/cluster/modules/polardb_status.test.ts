import { expect } from 'chai';
import { recordsOfLines } from '../../../test/support/run-module.ts';
import { parseStatus } from './polardb_status.ts';

describe('polardb_status', () => {
  it('says nothing of a host that is neither storage nor node', () => {
    expect(parseStatus(recordsOfLines(''))).to.deep.equal({ storage: null, node: null });
  });

  it('reads what a storage host exports, to whom, and why there is no record', () => {
    const { storage } = parseStatus(
      recordsOfLines(
        'storage=active\nexport=disk1|1048576|/dev/vg/a|b\nclient=10.0.0.2\nlocked=failover by ann',
      ),
    );
    expect(storage).to.deep.include({
      service: 'active',
      exports: [{ name: 'disk1', size: 1_048_576, backing: '/dev/vg/a|b' }],
      clients: ['10.0.0.2'],
      record: null,
      recordProblem: 'there is no role record',
      lockedBy: 'failover by ann',
    });
  });

  it('reads a node whose server is silent, and one whose answer makes no sense', () => {
    const node =
      'node=polardb|2|.|nvme1|/data\ndisk=nvme1|disk1|active|4096|active\nactive=active\nrestarts=3';
    const silent = parseStatus(recordsOfLines(`${node}\nsilent=no answer within 5 s`)).node;
    expect(silent).to.deep.include({
      hostid: 2,
      bundle: '',
      restarts: 3,
      server: null,
      serverProblem: 'no answer within 5 s',
    });
    expect(silent?.disks).to.have.lengthOf(1);
    const odd = parseStatus(recordsOfLines(`${node}\nserver=not a row`)).node;
    expect(odd).to.include({ server: null, serverProblem: 'its answer makes no sense' });
  });
});
