import { expect } from 'chai';
import { inventory } from './inventory.ts';
import { parseDisks, planHosts } from './plan.ts';
import type { LabRecord } from './record.ts';

const lab = (names: readonly string[], vars = {}): LabRecord => ({
  name: 'x',
  kind: 'nspawn',
  subnet: 3,
  hosts: planHosts(names, 3, parseDisks('1x1G', '64M')),
  diskKind: 'loop',
  layers: [],
  kernelArguments: [],
  vars,
});

describe('lab inventory', () => {
  it('puts the four hosts into the groups that roles use', () => {
    const written = inventory(lab(['st1', 'rw1', 'ro1', 'ro2'], { size: 5 }), '/known', '/key');
    expect(written).to.deep.equal({
      all: {
        vars: {
          ansible_user: 'root',
          ansible_ssh_private_key_file: '/key',
          ansible_ssh_common_args:
            '-o UserKnownHostsFile=/known -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes',
          scratch_export: 'scratch',
          size: 5,
        },
        children: {
          storage: {
            hosts: {
              st1: {
                ansible_host: '10.77.3.11',
                nbd_server_exports: [
                  { name: 'export1', device: '/dev/vdb' },
                  { name: 'scratch', device: '/dev/vdc' },
                ],
              },
            },
          },
          primary: { hosts: { rw1: { ansible_host: '10.77.3.12' } } },
          replicas: { hosts: { ro1: { ansible_host: '10.77.3.13' }, ro2: { ansible_host: '10.77.3.14' } } },
          nodes: { children: { primary: {}, replicas: {} } },
          cluster: { children: { storage: {}, nodes: {} } },
        },
      },
    });
  });

  it('puts hosts without a role below all', () => {
    const written = inventory(lab(['h1', 'h2']), '/known', '/key') as { all: Record<string, unknown> };
    expect(written.all.hosts).to.deep.equal({
      h1: { ansible_host: '10.77.3.11' },
      h2: { ansible_host: '10.77.3.12' },
    });
    expect(written.all).not.to.have.property('children');
  });

  it('names only groups that have members', () => {
    const written = inventory(lab(['st1', 'x']), '/known', '/key') as { all: { children: object } };
    expect(Object.keys(written.all.children)).to.deep.equal(['storage', 'cluster']);
  });
});
