import { expect } from 'chai';
import { planFor, recordsText } from '../../../test/support/run-module.ts';
import { aptKey } from './apt_key.ts';

describe('apt_key', () => {
  const pub = (id: string) =>
    `pub:-:4096:1:${id}:1400000000:::-:::scSC:\nsub:-:4096:1:AAAAAAAAAAAA${id.slice(-4)}:140:::::e:\n`;
  const key = pub('7FCC7D46ACCC4CF8');
  const [KNOWN, GIVEN] = [recordsText({ known: key }), recordsText({ given: key })];
  it('knows a key by its identifier, long or short', () => {
    expect(planFor(aptKey, { id: 'ACCC4CF8', url: 'u' }, KNOWN + GIVEN).changes).to.deep.equal([]);
    expect(
      planFor(aptKey, { id: 'B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8', url: 'u' }, KNOWN + GIVEN).changes,
    ).to.deep.equal([]);
    expect(planFor(aptKey, { url: 'u' }, GIVEN).changes).to.deep.equal(['add key 7FCC7D46ACCC4CF8']);
    expect(planFor(aptKey, { id: '0xACCC4CF8', state: 'absent' }, KNOWN).changes).to.deep.equal([
      'remove key ACCC4CF8',
    ]);
    expect(planFor(aptKey, { id: 'ACCC4CF8', state: 'absent' }, '').changes).to.deep.equal([]);
  });
  it('refuses another key than the one named', () => {
    expect(() => planFor(aptKey, { id: '11111111', url: 'u' }, GIVEN)).to.throw(
      'key does not seem to have been added',
    );
  });
  it('says what to use where apt-key is gone', () => {
    expect(() => planFor(aptKey, { url: 'u' }, { stdout: '', rc: 96 })).to.throw('deb822_repository');
  });
});
