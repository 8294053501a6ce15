import { expect } from 'chai';
import { planFor } from '../../../test/support/run-module.ts';
import { seboolean } from './seboolean.ts';

describe('seboolean', () => {
  const raw = { name: 'httpd_can_network_connect', state: true, persistent: true };
  const answer = (now: string, kept: string) => ({
    stdout: `httpd_can_network_connect --> ${now}\nhttpd_can_network_connect  (${now}   ,  ${kept})  Allow httpd\n`,
  });
  it('compares what is now and what is kept', () => {
    expect(planFor(seboolean, raw, answer('on', 'on')).changes).to.deep.equal([]);
    expect(planFor(seboolean, raw, answer('on', 'off')).changes).to.have.length(1);
    expect(planFor(seboolean, { ...raw, persistent: false }, answer('on', 'off')).changes).to.deep.equal([]);
    expect(planFor(seboolean, { ...raw, state: false }, answer('on', 'off')).changes).to.have.length(1);
  });
  it('says that SELinux is off', () => {
    expect(
      () => planFor(seboolean, raw, { rc: 95, stderr: 'SELinux is disabled on this host.\n' }).changes,
    ).to.throw('disabled');
  });
});
