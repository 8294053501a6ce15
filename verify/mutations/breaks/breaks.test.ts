import { expect } from 'chai';
import { CHECKS } from '../../checks/index.ts';
import { BREAKS, WITHOUT_BREAK } from './index.ts';

describe('verify: the breaks of a lab', () => {
  const red = new Set(BREAKS.flatMap(one => one.red));

  it('turn each check red, but for those that say why they cannot', () => {
    const ids = CHECKS.map(check => check.id as string);
    expect(ids.filter(id => !red.has(id) && !(id in WITHOUT_BREAK))).to.deep.equal([]);
    expect(Object.keys(WITHOUT_BREAK).filter(id => red.has(id) || !ids.includes(id))).to.deep.equal([]);
  });

  it('name checks that exist, three at most, and each break once', () => {
    const ids = CHECKS.map(check => check.id as string);
    expect([...red].filter(id => !ids.includes(id))).to.deep.equal([]);
    expect(BREAKS.filter(one => one.red.length > 3).map(one => one.id)).to.deep.equal([]);
    expect(new Set(BREAKS.map(one => one.id)).size).to.equal(BREAKS.length);
  });
});
