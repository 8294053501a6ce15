import { expect } from 'chai';
import { parseUnits } from './units.ts';

describe('verify: units', () => {
  it('are told apart by the empty lines between them, and keep equal signs', () => {
    const text = 'Id=a.service\nActiveState=active\nStatusText=x=1\n\nId=b@x.service\nActiveState=failed\n';
    expect(parseUnits(text)).to.deep.equal([
      { Id: 'a.service', ActiveState: 'active', StatusText: 'x=1' },
      { Id: 'b@x.service', ActiveState: 'failed' },
    ]);
  });
});
