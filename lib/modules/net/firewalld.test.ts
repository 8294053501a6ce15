import { expect } from 'chai';
import { commandsFor, recordsText } from '../../../test/support/run-module.ts';
import { firewalld } from './firewalld.ts';

describe('firewalld', () => {
  const port = { port: '5432/tcp', zone: 'public' };
  it('keeps rules now, for good, or both', () => {
    expect(commandsFor(firewalld, { ...port, state: 'enabled' }, '')).to.deep.equal([
      'firewall-cmd --zone=public --add-port=5432/tcp',
    ]);
    expect(
      commandsFor(firewalld, { ...port, state: 'enabled', permanent: true }, recordsText({ runtime: '' })),
    ).to.deep.equal(['firewall-cmd --permanent --zone=public --add-port=5432/tcp']);
    expect(
      commandsFor(firewalld, { ...port, state: 'enabled', permanent: true, immediate: true }, ''),
    ).to.have.length(2);
    expect(
      commandsFor(
        firewalld,
        { ...port, state: 'enabled', permanent: true, immediate: true },
        recordsText({ permanent: '', runtime: '' }),
      ),
    ).to.deep.equal([]);
    expect(
      commandsFor(
        firewalld,
        { rich_rule: 'rule family="ipv4" accept', state: 'disabled', permanent: true },
        recordsText({ permanent: '' }),
      ),
    ).to.deep.equal([`firewall-cmd --permanent '--remove-rich-rule=rule family="ipv4" accept'`]);
    expect(commandsFor(firewalld, { zone: 'db', state: 'present', permanent: true }, '')).to.deep.equal([
      'firewall-cmd --permanent --new-zone=db',
    ]);
    expect(commandsFor(firewalld, { service: 'ssh', state: 'enabled', offline: true }, '')).to.deep.equal([
      'firewall-offline-cmd --add-service=ssh',
    ]);
  });
  it('takes one thing at a time', () => {
    expect(() => commandsFor(firewalld, { ...port, service: 'ssh', state: 'enabled' }, '')).to.throw(
      'at once',
    );
  });
});
