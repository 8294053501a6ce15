import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { deploymentFrom } from '../../test/support/verify/sample-deployment.ts';
import { SourceError } from '../source/errors.ts';
import { PACKAGE_ROOT } from '../source/package-root.ts';
import { distributionFacts } from './open-deployment.ts';
import { parseRecord } from './role-record.ts';

const project = PACKAGE_ROOT;

describe('verify: the deployment that an inventory describes', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-inventory-'));
  after(() => rmSync(dir, { recursive: true }));
  const written = (text: string) => {
    const file = join(dir, 'hosts.yaml');
    writeFileSync(file, text);
    return file;
  };

  it("reads the guide's machines with the roles' defaults below them", () => {
    const { database, version, sync, pfs, storage, primary, replicas } = deploymentFrom(
      join(project, 'inventory', 'hosts.yaml'),
    );
    expect({ database, version, sync, pfs: pfs?.disks }).to.deep.equal({
      database: 'polardb',
      version: '15',
      sync: 'any1',
      pfs: ['nvmeexport1'],
    });
    expect(storage).to.include({ host: 'st1', address: '172.25.9.67', port: 1921, anyAddressAllowed: false });
    const nodes = ['rw1', 'ro1', 'ro2'];
    expect(storage.exports).to.deep.equal([
      { name: 'export1', backing: '/dev/vdb', device: '/dev/nvmeexport1', scratch: false, nodes },
      { name: 'export2', backing: '/dev/vdc', device: '/dev/nvmeexport2', scratch: false, nodes },
      { name: 'export3', backing: '/dev/vdd', device: '/dev/nvmeexport3', scratch: false, nodes },
      { name: 'scratch', backing: '/srv/polar/scratch', device: '/dev/nvmescratch', scratch: true, nodes },
    ]);
    expect(primary).to.include({ host: 'rw1', role: 'primary', address: '172.25.9.68', slot: undefined });
    expect(replicas.map(r => [r.host, r.slot])).to.deep.equal([
      ['ro1', 'replica1'],
      ['ro2', 'replica2'],
    ]);
    expect(primary.diskServices).to.deep.equal([
      'polar-nbd@nvmeexport1.service',
      'polar-nbd@nvmeexport2.service',
      'polar-nbd@nvmeexport3.service',
      'polar-nbd@nvmescratch.service',
    ]);
    expect(primary.services).to.deep.equal(['polar-pfsd@nvmeexport1.service', 'polardb.service']);
    expect(primary.sql).to.include({
      address: '172.25.9.68',
      port: 5432,
      user: 'polardb',
      psql: '/opt/polardb/current/bin/psql',
    });
  });

  it('reads the stand-in: its version from the distribution, no PFS', () => {
    const { database, version, pfs, primary } = deploymentFrom(join(project, 'inventory', 'standin.yaml'));
    expect({ database, version, pfs }).to.deep.equal({
      database: 'postgresql',
      version: '15',
      pfs: undefined,
    });
    expect(primary.sql.psql).to.equal('/usr/lib/postgresql/15/bin/psql');
    expect(primary.services).not.to.include('polar-pfsd@nvmeexport1.service');
  });

  const cluster = (vars: string, storage = '') => `
all:
  vars: {polardb_database: postgresql, ${vars}}
  children:
    storage: {hosts: {st1: {ansible_host: 10.0.0.1, ${storage}}}}
    nodes: {children: {primary: {hosts: {rw1: {ansible_host: 10.0.0.2}}}, replicas: {hosts: {ro1: {ansible_host: 10.0.0.3}}}}}
`;

  it('takes what the inventory sets: ports, exports, a scratch export, clients', () => {
    const { storage, primary } = deploymentFrom(
      written(
        cluster(
          'scratch_export: scratch, polardb_port: 5433, cluster_nbd_port: 10809, nbd_server_extra_clients: [10.9.0.0/24], nbd_client_exports: [data]',
          'nbd_server_exports: [{name: data, file: /srv/data, disk: nvme7n1}, {name: scratch, device: /dev/vde}]',
        ),
      ),
    );
    expect(storage.exports).to.deep.equal([
      { name: 'data', backing: '/srv/data', device: '/dev/nvme7n1', scratch: false, nodes: ['rw1', 'ro1'] },
      { name: 'scratch', backing: '/dev/vde', device: '/dev/nvmescratch', scratch: true, nodes: [] },
    ]);
    expect(storage).to.include({ port: 10809 });
    expect(storage.extraClients).to.deep.equal(['10.9.0.0/24']);
    expect(primary.sql.port).to.equal(5433);
    expect(primary.diskServices).to.deep.equal(['polar-nbd@nvme7n1.service']);
    expect(primary.services).to.deep.equal(['polardb.service']);
  });

  it('knows where balancers lead, and how late they may be', () => {
    const file = written(
      `${cluster('haproxy_stats_listen: "*:8404", health_listen: "10.0.0.1:8009"')}\n    balancers: {hosts: {lb1: {ansible_host: 10.0.0.9, haproxy_write_listen: "10.0.0.10:6000"}, lb2: {ansible_host: "2001:db8::9", haproxy_stats_listen: "127.0.0.1:8404"}}}\n`,
    );
    const { balancers, health } = deploymentFrom(file);
    expect(health).to.deep.equal({ service: 'polar-health.socket', port: 8009 });
    expect(balancers[0]).to.deep.equal({
      host: 'lb1',
      write: { address: '10.0.0.10', port: 6000 },
      read: { address: '10.0.0.9', port: 5001 },
      figures: { address: '10.0.0.9', port: 8404 },
      figuresPort: 8404,
      readFallback: false,
      // The endpoint's second, a check, two quick ones, and what they take.
      behindMs: 1000 + 1000 + 2 * 500 + 1500,
    });
    expect(balancers[1]).to.deep.include({
      write: { address: '2001:db8::9', port: 5000 },
      figures: undefined,
    });
  });

  const RECORD =
    'polar-record 1\ncluster=polar\nepoch=4\nprimary=ro1\nsystem_identifier=77\nnode=rw1 1 member\nnode=ro1 2 member\nfenced=rw1\nend\n\n\n';

  it('uses the password that the deployment left beside the inventory, and makes none', () => {
    const file = written(cluster('cluster_name: kept'));
    expect(deploymentFrom(file).primary.sql.password).to.equal(undefined);
    expect(existsSync(join(dir, 'credentials'))).to.equal(false);
    mkdirSync(join(dir, 'credentials'));
    writeFileSync(join(dir, 'credentials', 'kept.polardb'), 'for the test only\n');
    expect(deploymentFrom(file).primary.sql.password).to.equal('for the test only');
  });

  it('takes from the role record who is primary now', () => {
    const record = parseRecord(RECORD)!;
    expect(record).to.deep.equal({
      cluster: 'polar',
      epoch: 4,
      primary: 'ro1',
      systemIdentifier: '77',
      nodes: [
        { name: 'rw1', hostid: 1, state: 'member' },
        { name: 'ro1', hostid: 2, state: 'member' },
      ],
      fenced: ['rw1'],
    });
    const { primary, replicas } = deploymentFrom(written(cluster('cluster_name: polar')), record);
    expect(primary).to.include({ host: 'ro1', role: 'primary' });
    expect(replicas.map(r => [r.host, r.slot])).to.deep.equal([['rw1', 'replica0']]);
    expect(() => parseRecord(RECORD.replace('end', ''))).to.throw('damaged');
    expect(parseRecord('')).to.equal(undefined);
  });

  for (const [what, text, message] of [
    ['a scratch export that does not exist', cluster('scratch_export: nosuch'), 'no export has that name'],
    ['an unknown sync policy', cluster('polardb_sync: some'), 'expected off, any1, all, first1'],
    [
      'no primary',
      'all: {children: {storage: {hosts: {st1: {}}}, nodes: {hosts: {a: {}}}}}',
      'no host in the group "primary"',
    ],
    [
      'two primaries',
      'all: {children: {storage: {hosts: {s: {}}}, primary: {hosts: {a: {}, b: {}}}, nodes: {children: {primary: {}}}}}',
      'the group "primary" has 2 hosts, expected one',
    ],
    [
      'a port that is not a number',
      cluster('polardb_port: lots'),
      'polardb_port is "lots", expected a number',
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => deploymentFrom(written(text))).to.throw(SourceError, message);
    });
  }

  it('knows the families of distributions', () => {
    const family = (text: string) => distributionFacts(text).get('ansible_os_family');
    expect(family('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"')).to.equal('Debian');
    expect(family('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.3"')).to.equal('RedHat');
    expect(
      distributionFacts('ID=ubuntu\nVERSION_ID="24.04"').get('ansible_distribution_major_version'),
    ).to.equal('24');
  });

  it('knows the sizes of disks, which settings may follow', () => {
    const facts = distributionFacts('ID=debian\n/dev/nvmedata=16106127360\n');
    expect(facts.get('polar_disk_bytes')).to.deep.equal(new Map([['nvmedata', 16106127360]]));
  });
});
