import { expect } from 'chai';
import { type Deployment, hostsOf, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import type { Layer } from '../check.ts';
import { unitStates } from '../units.ts';

/** Everything that keeps a node running is up, comes back after a reboot, and did not have to be restarted. */
export const servicesLayer = (hosts: Hosts): Layer<Deployment> => ({
  name: 'services',
  title: 'Services',
  checks: deployment => {
    const nodes = nodesOf(deployment);
    const byHost = new Map(nodes.map(node => [node.host, node]));
    const everyService = (host: string) => {
      const { diskServices = [], services = [] } = byHost.get(host) ?? {};
      return [...diskServices, ...services];
    };
    return [
      {
        id: 'services.active',
        title: 'every service of the nodes is active and starts at boot',
        hosts: hostsOf(nodes),
        settles: true,
        run: async context => {
          const active = async (host: string) => {
            for (const [unit, state] of await unitStates(hosts, host, everyService(host))) {
              expect(state.active, `${unit} state`).to.equal('active');
              expect(state.enabled, `${unit} at boot`).to.equal('enabled');
            }
          };
          await context.each(async host => {
            expect(everyService(host).length, 'services named for the node').to.be.greaterThan(0);
            await context.settled(() => active(host), host);
          });
        },
      },
      {
        id: 'services.restarts',
        title: 'no service but those that attach disks was restarted by systemd',
        hosts: hostsOf(nodes),
        run: async context => {
          await context.each(async host => {
            const diskServices = byHost.get(host)?.diskServices ?? [];
            for (const [unit, { restarts }] of await unitStates(hosts, host, everyService(host))) {
              if (restarts === 0) continue;
              if (!diskServices.includes(unit)) throw new Error(`${unit} was restarted ${restarts} times`);
              context.note({ name: `connected again: ${unit}`, value: restarts, host });
            }
          });
        },
      },
    ];
  },
});
