import { expect } from 'chai';
import { planAndScript, planFor } from '../../../test/support/run-module.ts';
import { dpkgSelections } from './dpkg_selections.ts';

const hold = { name: 'nginx', selection: 'hold' };

describe('dpkg_selections', () => {
  it('changes another selection, and keeps the one wanted', () => {
    const { plan, script } = planAndScript(dpkgSelections, hold, 'nginx\tinstall\n');
    expect(plan.changes).to.deep.equal(['package nginx: install → hold']);
    expect(script).to.equal('dpkg --set-selections');
    expect(planFor(dpkgSelections, hold, 'nginx\thold\n')).to.deep.equal({
      changes: [],
      result: { before: 'hold', after: 'hold' },
    });
  });

  it('knows a package that is not there, and a host without dpkg', () => {
    expect(planFor(dpkgSelections, hold, '').result).to.include({ before: 'not present' });
    expect(() => planFor(dpkgSelections, hold, { rc: 96 })).to.throw('executable "dpkg"');
  });
});
