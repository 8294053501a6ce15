import { expect } from 'chai';
import type { Layer } from '../check.ts';
import { type Deployment, nodesOf } from '../deployment.ts';
import type { Hosts } from '../hosts.ts';
import { parseNbdConfig } from '../nbd-config.ts';
import { listensEverywhere, parseListeners } from '../sockets.ts';
import { unitState } from '../units.ts';

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
          const unit = await unitState(hosts, storage.host, storage.service);
          expect(unit.active, `${storage.service} state`).to.equal('active');
          expect(unit.enabled, `${storage.service} at boot`).to.equal('enabled');
          context.note({ name: 'restarts', value: unit.restarts });
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

function authFileCheck(hosts: Hosts, deployment: Deployment) {
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
      const allowed = [...nodesOf(deployment).map(node => node.address), ...storage.extraClients];
      expect(entries.sort(), `clients in ${authFile}`).to.deep.equal(allowed.sort());
    },
  };
}
