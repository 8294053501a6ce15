import { expect } from 'chai';
import type { Layer } from '../check.ts';
import { type Deployment, hostsOf, nodesOf } from '../deployment.ts';
import type { Hosts } from '../hosts.ts';
import { unitState } from '../units.ts';

/** Everything that keeps a node running is up, comes back after a reboot, and did not have to be restarted. */
export const servicesLayer = (hosts: Hosts): Layer<Deployment> => ({
  name: 'services',
  title: 'Services',
  checks: deployment => {
    const nodes = nodesOf(deployment);
    const services = new Map(nodes.map(node => [node.host, node.services]));
    return [
      {
        id: 'services.active',
        title: 'every service of the nodes is active and starts at boot',
        hosts: hostsOf(nodes),
        run: async context => {
          await context.each(async host => {
            const units = services.get(host) ?? [];
            expect(units.length, 'services named for the node').to.be.greaterThan(0);
            for (const unit of units) {
              const state = await unitState(hosts, host, unit);
              expect(state.active, `${unit} state`).to.equal('active');
              expect(state.enabled, `${unit} at boot`).to.equal('enabled');
            }
          });
        },
      },
      {
        id: 'services.restarts',
        title: 'no service was restarted by systemd',
        hosts: hostsOf(nodes),
        run: async context => {
          await context.each(async host => {
            for (const unit of services.get(host) ?? []) {
              const { restarts } = await unitState(hosts, host, unit);
              if (restarts > 0) throw new Error(`${unit} was restarted ${restarts} times`);
            }
          });
        },
      },
    ];
  },
});
