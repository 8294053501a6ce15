import { expect } from 'chai';
import type { Layer } from '../check.ts';
import { type Deployment, hostsOf, nodesOf } from '../deployment.ts';
import type { Hosts } from '../hosts.ts';
import { unitState } from '../units.ts';

/** Everything that keeps a node running is up, comes back after a reboot, and did not have to be restarted. */
export const servicesLayer = (hosts: Hosts, patienceMs: number): Layer<Deployment> => ({
  name: 'services',
  title: 'Services',
  checks: deployment => {
    const nodes = nodesOf(deployment);
    const byHost = new Map(nodes.map(node => [node.host, node]));
    const everyService = (host: string) => {
      const { diskServices = [], services = [] } = byHost.get(host) ?? {};
      return [...diskServices, ...services];
    };
    const restartsOf = async (host: string, unit: string) => (await unitState(hosts, host, unit)).restarts;
    return [
      {
        id: 'services.active',
        title: 'every service of the nodes is active and starts at boot',
        hosts: hostsOf(nodes),
        timeoutMs: patienceMs + 5_000,
        run: async context => {
          const active = async (host: string) => {
            for (const unit of everyService(host)) {
              const state = await unitState(hosts, host, unit);
              expect(state.active, `${unit} state`).to.equal('active');
              expect(state.enabled, `${unit} at boot`).to.equal('enabled');
            }
          };
          await context.each(async host => {
            expect(everyService(host).length, 'services named for the node').to.be.greaterThan(0);
            await context.eventually(() => active(host), { withinMs: patienceMs, everyMs: 500 }, host);
          });
        },
      },
      {
        id: 'services.restarts',
        title: 'no service but those that attach disks was restarted by systemd',
        hosts: hostsOf(nodes),
        run: async context => {
          await context.each(async host => {
            const { diskServices = [], services = [] } = byHost.get(host) ?? {};
            for (const unit of services) {
              const restarts = await restartsOf(host, unit);
              if (restarts > 0) throw new Error(`${unit} was restarted ${restarts} times`);
            }
            for (const unit of diskServices) {
              const value = await restartsOf(host, unit);
              if (value > 0) context.note({ name: `connected again: ${unit}`, value, host });
            }
          });
        },
      },
    ];
  },
});
