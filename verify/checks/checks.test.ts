import { expect } from 'chai';
import { greenDeployment, judgeGreen } from '../../test/support/green.ts';
import { CHECKS } from './index.ts';

describe('verify: what a green lab answered', () => {
  for (const check of CHECKS) {
    if ('act' in check) continue;
    it(`is green: ${check.id}`, () => {
      if (check.skip?.(greenDeployment()) !== undefined) return;
      const { faults, waiting } = judgeGreen(check);
      expect(faults.map(f => `${f.host}: ${f.found}, expected ${f.expected}`)).to.deep.equal([]);
      expect(waiting).to.deep.equal([]);
    });
  }
});
