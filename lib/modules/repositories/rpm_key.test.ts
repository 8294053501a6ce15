import { expect } from 'chai';
import { planFor, recordsText } from '../../../test/support/run-module.ts';
import { rpmKey } from './rpm_key.ts';

describe('rpm_key', () => {
  const FPR = '68c9e2b91a37d136fe74d176a5b6c2e1442df0f8';
  const [KEY, KNOWN] = [recordsText({ key: FPR }), recordsText({ known: '442df0f8\n' })];
  it('compares the short identifier with those rpm knows', () => {
    const raw = { key: 'https://x/k' };
    expect(planFor(rpmKey, raw, KEY).changes).to.deep.equal(['import key 442df0f8']);
    expect(planFor(rpmKey, raw, KEY + KNOWN).changes).to.deep.equal([]);
    expect(planFor(rpmKey, { key: '442DF0F8', state: 'absent' }, KNOWN).changes).to.deep.equal([
      'remove key 442df0f8',
    ]);
  });
  it('checks the fingerprint', () => {
    expect(() => planFor(rpmKey, { key: 'https://x/k', fingerprint: '00 11' }, KEY)).to.throw(
      'does not match any key fingerprints',
    );
    expect(
      planFor(rpmKey, { key: 'https://x/k', fingerprint: FPR.toUpperCase() }, KEY).changes,
    ).to.have.length(1);
  });
  it('imports no identifiers', () => {
    expect(() => planFor(rpmKey, { key: '442DF0F8' }, '')).to.throw(
      'When importing a key, a valid file must be given',
    );
  });
});
