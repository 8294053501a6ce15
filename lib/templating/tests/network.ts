import type { Value } from '../../source/value.ts';
import { contains, type Network, parseNetwork } from '../network/network.ts';
import { QUERIES } from '../network/queries.ts';
import { str } from '../python/print.ts';
import { itemsOf } from '../python/types.ts';
import { type TestTable, test } from './test.ts';

function read(value: Value): Network | undefined {
  return typeof value === 'string' ? parseNetwork(value) : undefined;
}

/** A test that an address or a network is of some kind. */
function addressTest(isOfKind: (network: Network) => boolean) {
  return test([], value => {
    const network = read(value);
    return network !== undefined && isOfKind(network);
  });
}

const isAny = () => true;

/** Whether a query of ipaddr applies. */
function queryTest(name: string) {
  return addressTest(network => QUERIES.get(name)?.(network, true) === true);
}

function isInside(inner: Value, outer: Value): boolean {
  const [small, large] = [read(inner), read(outer)];
  return small !== undefined && large !== undefined && contains(large, small);
}

/** Tests on addresses and networks, as the collection ansible.utils has them. */
export const networkTests: TestTable = {
  ip: addressTest(isAny),
  ip_address: addressTest(network => !network.isNetwork),
  ipv4: addressTest(network => network.version === 4),
  ipv4_address: addressTest(network => network.version === 4 && !network.isNetwork),
  ipv6: addressTest(network => network.version === 6),
  ipv6_address: addressTest(network => network.version === 6 && !network.isNetwork),
  loopback: queryTest('loopback'),
  multicast: queryTest('multicast'),
  private: queryTest('private'),
  public: queryTest('public'),
  mac: test([], value =>
    /^(?:[\da-f]{12}|[\da-f]{4}(?:\.[\da-f]{4}){2}|[\da-f]{2}(?:([:-])[\da-f]{2})(?:\1[\da-f]{2}){4})$/i.test(
      str(value),
    ),
  ),
  in_network: test(['network'], (value, [network]) => isInside(value, network)),
  subnet_of: test(['network'], (value, [network]) => isInside(value, network)),
  supernet_of: test(['network'], (value, [network]) => isInside(network, value)),
  in_any_network: test(['networks'], (value, [networks]) => {
    return (itemsOf(networks) ?? []).some(network => isInside(value, network));
  }),
};
