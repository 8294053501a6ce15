import { expect } from 'chai';
import { planFor, recordsText } from '../../../test/support/run-module.ts';
import { timezone } from './timezone.ts';

describe('timezone', () => {
  it('compares with the link', () => {
    const answer = recordsText({ link: '/usr/share/zoneinfo/Etc/UTC', file: 'Etc/UTC', exists: '' });
    expect(planFor(timezone, { name: 'Europe/Berlin' }, answer).changes).to.deep.equal([
      'time zone Etc/UTC → Europe/Berlin',
    ]);
    expect(planFor(timezone, { name: 'Etc/UTC', hwclock: 'UTC' }, answer).changes).to.deep.equal([]);
    expect(planFor(timezone, { hwclock: 'local' }, answer).changes).to.deep.equal([
      'hardware clock UTC → local',
    ]);
  });
  it('refuses a zone that does not exist', () => {
    expect(() => planFor(timezone, { name: 'Mars/Base' }, recordsText({ link: 'x' }))).to.throw(
      'Mars/Base is not an available time zone',
    );
  });
});
