import { expect } from 'chai';
import { parseCapabilities } from './capabilities.ts';

describe('capabilities', () => {
  it('reads what getcap prints', () => {
    expect(parseCapabilities('cap_net_raw,cap_chown=pe')).to.deep.equal([
      { name: 'cap_net_raw', operator: '=', flags: 'ep' },
      { name: 'cap_chown', operator: '=', flags: 'ep' },
    ]);
    expect(() => parseCapabilities('nonsense')).to.throw("Couldn't find operator");
  });
});
