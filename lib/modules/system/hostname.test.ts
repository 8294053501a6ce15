import { expect } from 'chai';
import { planFor, recordsText, runModule } from '../../../test/support/run-module.ts';
import { hostname } from './hostname.ts';

describe('hostname', () => {
  const answer = recordsText({ current: 'old', strategy: 'file', permanent: 'old', fqdn: 'old.x.y' });
  it('changes the name now and for the boot', () => {
    const plan = planFor(hostname, { name: 'new.x.y' }, answer);
    expect(plan.changes).to.have.length(2);
    expect(plan.result?.ansible_facts).to.deep.equal({
      ansible_hostname: 'new',
      ansible_nodename: 'new.x.y',
      ansible_fqdn: 'new.x.y',
      ansible_domain: 'x.y',
    });
  });
  it('has nothing to do', () => {
    const plan = planFor(hostname, { name: 'old' }, answer);
    expect(plan.changes).to.deep.equal([]);
    expect(plan.result?.ansible_facts).to.include({ ansible_fqdn: 'old.x.y', ansible_domain: 'x.y' });
  });
  it('refuses what is not a name', () => {
    expect(() => planFor(hostname, { name: 'a b' }, answer)).to.throw('is not a host name');
  });
  it('reads this machine', async () => {
    const result = await runModule(hostname, { name: 'pptest' }, { checkMode: true });
    expect(result.changed).to.equal(true);
  });
});
