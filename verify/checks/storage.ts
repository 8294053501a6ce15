import { expect } from 'chai';
import { type Deployment, hostsOf, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import { parseRecord } from '../../lib/cluster/role-record.ts';
import type { Check, Layer } from '../check.ts';
import { parseNbdConfig } from '../nbd-config.ts';
import { listensEverywhere, parseListeners } from '../sockets.ts';
import { unitStates } from '../units.ts';

/** The storage host: its NBD server runs, listens where it should and lets in the nodes and nobody else. */
export const storageLayer = (hosts: Hosts): Layer<Deployment> => ({
  name: 'storage',
  title: 'Storage host',
  checks: deployment => {
    const { storage } = deployment;
    const at = [storage.host];
    return [
      {
        id: 'storage.service',
        title: `${storage.service} is active and starts at boot`,
        hosts: at,
        run: async context => {
          for (const [unit, state] of await unitStates(hosts, storage.host, [storage.service])) {
            expect(state.active, `${unit} state`).to.equal('active');
            expect(state.enabled, `${unit} at boot`).to.equal('enabled');
            context.note({ name: 'restarts', value: state.restarts });
          }
        },
      },
      {
        id: 'storage.listening',
        title: storage.anyAddressAllowed
          ? `the NBD server listens on port ${storage.port}`
          : `the NBD server listens on port ${storage.port}, not on every address`,
        hosts: at,
        run: async () => {
          const table = await hosts.script(storage.host, 'cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; :');
          const listeners = parseListeners(table.stdout).filter(l => l.port === storage.port);
          if (listeners.length === 0) throw new Error(`nothing listens on port ${storage.port}`);
          if (storage.anyAddressAllowed) return;
          const open = listeners.filter(listensEverywhere).map(l => l.address);
          expect(open, 'addresses that stand for the whole world').to.deep.equal([]);
        },
      },
      authFileCheck(hosts, deployment),
      recordCheck(hosts, deployment),
      {
        id: 'storage.exports',
        title: 'every export is writable, flushes, and keeps no private copy per client',
        hosts: at,
        run: async () => {
          const text = await hosts.output(storage.host, ['cat', storage.configFile]);
          const config = parseNbdConfig(text);
          for (const { name, backing } of storage.exports) {
            const section = config.get(name);
            if (!section) throw new Error(`${storage.configFile} has no export [${name}]`);
            expect(section.get('exportname'), `${name} exportname`).to.equal(backing);
            for (const unsafe of ['copyonwrite', 'temporary', 'readonly']) {
              expect(section.get(unsafe) ?? 'false', `${name} ${unsafe}`).to.equal('false');
            }
            for (const needed of ['flush', 'fua']) {
              expect(section.get(needed) ?? 'false', `${name} ${needed}`).to.equal('true');
            }
          }
        },
      },
    ];
  },
});

function authFileCheck(hosts: Hosts, deployment: Deployment): Check {
  const { storage } = deployment;
  const head = {
    id: 'storage.authfile',
    title: 'the NBD server lets in the nodes, what the inventory adds, and nobody else',
    hosts: [storage.host],
  };
  const { authFile } = storage;
  if (authFile === undefined) {
    return {
      ...head,
      skip: 'the inventory turns the list of allowed clients off: anyone who reaches the port may connect',
    };
  }
  return {
    ...head,
    run: async () => {
      const text = await hosts.output(storage.host, ['cat', authFile]);
      const entries = text
        .split('\n')
        .map(line => line.trim().replace(/\/32$/, ''))
        .filter(line => line !== '' && !line.startsWith('#'));
      const nodes = nodesOf(deployment).filter(node => !deployment.record?.fenced.includes(node.host));
      const allowed = [...nodes.map(node => node.address), ...storage.extraClients];
      expect(entries.sort(), `clients in ${authFile}`).to.deep.equal(allowed.sort());
    },
  };
}

/** The record decides which node may write, so a missing, foreign or partial one is a danger of its own. */
function recordCheck(hosts: Hosts, deployment: Deployment): Check {
  const { storage, recordFile, cluster } = deployment;
  return {
    id: 'storage.record',
    title: 'the role record is whole, knows every node, and shuts none out',
    hosts: [storage.host],
    run: async context => {
      const record = parseRecord(await hosts.output(storage.host, ['cat', recordFile]));
      if (!record) throw new Error(`${recordFile} is empty`);
      expect(record.cluster, 'cluster of the record').to.equal(cluster);
      const members = record.nodes.filter(node => node.state === 'member');
      expect(members.map(node => node.name).sort(), 'members').to.deep.equal(
        [...hostsOf(nodesOf(deployment))].sort(),
      );
      expect(new Set(members.map(node => node.hostid)).size, 'different identities').to.equal(members.length);
      expect(record.fenced, 'nodes that are shut out').to.deep.equal([]);
      context.note({ name: 'epoch', value: record.epoch });
    },
  };
}
